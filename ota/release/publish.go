package release

import (
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/dunlin-edge/dunlin/ota/disk"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

// An Artifact is a file to release under a path, "models/NAME/VERSION.dunlin"
// or "agent/VERSION/dunlin-ARCH".
type Artifact struct {
	Path   string
	File   string // on this machine
	Custom trust.Custom
}

// Publish releases artifacts. A path that is released already keeps its bytes
// for ever: publishing others under it is an error.
func (r *Repo) Publish(ring Ring, artifacts ...Artifact) error {
	c := r.change(ring)
	for _, a := range artifacts {
		if err := c.add(a); err != nil {
			return fmt.Errorf("publish %s: %w", a.Path, err)
		}
	}
	return c.commit()
}

func (c *change) add(a Artifact) error {
	role, err := roleOf(a.Path)
	if err != nil {
		return err
	}
	custom, err := json.Marshal(a.Custom)
	if err != nil {
		return err
	}
	sum, n, err := place(c.dir, a)
	if err != nil {
		return err
	}
	raw := json.RawMessage(custom)
	t := &metadata.TargetFiles{Length: n, Hashes: metadata.Hashes{"sha256": sum[:]}, Custom: &raw}
	targets := c.Repo.roles[role].Signed.Targets
	if old := targets[a.Path]; old != nil && !slices.Equal(old.Hashes["sha256"], sum[:]) {
		return errors.New("released already, with other bytes; give it a new version")
	}
	targets[a.Path] = t
	c.roles[role] = true
	return nil
}

// roleOf returns the delegated role that a path belongs to.
func roleOf(p string) (string, error) {
	if !fs.ValidPath(p) || strings.ContainsAny(p, "\\%?*[]\x00") || len(p) > 200 {
		return "", errors.New("not a plain path")
	}
	role, rest, _ := strings.Cut(p, "/")
	if role != Models && role != Agent || rest == "" || strings.Count(rest, "/") > 2 {
		return "", fmt.Errorf("want %s/... or %s/..., at most three levels below", Models, Agent)
	}
	return role, nil
}

// place copies an artifact into a repository's folder under its hash.
func place(dir string, a Artifact) (sum [sha256.Size]byte, n int64, err error) {
	src, err := os.Open(a.File)
	if err != nil {
		return sum, 0, err
	}
	defer src.Close()
	h := sha256.New()
	if n, err = io.Copy(h, src); err != nil {
		return sum, 0, err
	}
	sum = [sha256.Size]byte(h.Sum(nil))
	if n > trust.MaxTargetBytes {
		return sum, 0, fmt.Errorf("%d bytes, limit %d", n, int64(trust.MaxTargetBytes))
	}
	to := filepath.Join(dir, "targets", targetFile(a.Path, sum[:]))
	if err := disk.MakeDir(filepath.Dir(to)); err != nil {
		return sum, 0, err
	}
	return sum, n, copyTo(to, io.NewSectionReader(src, 0, n))
}

func targetFile(p string, sum []byte) string {
	dir, file := path.Split(p)
	return dir + hex.EncodeToString(sum) + "." + file
}

func copyTo(path string, src io.Reader) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, src)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return disk.Rename(path+".new", path)
}

// Withdraw takes released paths back, with their reports and deltas: no device
// installs them any more once it has seen this, and nothing can bring them
// back but a new release.
func (r *Repo) Withdraw(ring Ring, paths ...string) error {
	c := r.change(ring)
	for _, p := range paths {
		role, err := roleOf(p)
		if err != nil {
			return fmt.Errorf("withdraw %s: %w", p, err)
		}
		targets := r.roles[role].Signed.Targets
		if targets[p] == nil {
			return fmt.Errorf("withdraw %s: not released", p)
		}
		for _, p := range append(companions(targets, p), p) {
			r.expired = append(r.expired, targetFile(p, targets[p].Hashes["sha256"]))
			delete(targets, p)
		}
		c.roles[role] = true
	}
	return c.commit()
}

// Rotate gives a role new keys in place of all it had. The ring holds the
// root's keys for a top-level role, those of targets for a delegated one, and
// the new keys.
func (r *Repo) Rotate(ring Ring, role string, keys ...crypto.PublicKey) error {
	c := r.change(ring)
	if err := r.setKeys(c, role, keys); err != nil {
		return fmt.Errorf("rotate: %w", err)
	}
	return c.commit()
}

// SignTimestamp renews the timestamp of the release as it stands: all that a
// controller does, with the only key it has.
func (r *Repo) SignTimestamp(ring Ring) error { return r.SignTimestampAbove(ring, 0) }

// SignTimestampAbove does it with a version above one that devices may have
// seen, after a repository was taken back to what it was before.
func (r *Repo) SignTimestampAbove(ring Ring, version int64) error {
	unlock, err := r.claim()
	if err != nil {
		return err
	}
	defer unlock()
	r.timestamp.Signed.Version = max(r.timestamp.Signed.Version, version)
	data, err := r.signTimestamp(ring, r.timestamp.Signed.Meta["snapshot.json"], r.now().UTC().Truncate(time.Second))
	if err != nil {
		return err
	}
	return disk.Write(r.file("timestamp.json"), data)
}

// TimestampExpires tells until when devices install from the release as it
// stands.
func (r *Repo) TimestampExpires() time.Time { return r.timestamp.Signed.Expires }

// A Released artifact is one that devices may install.
type Released struct {
	Path   string       `json:"path"`
	Length int64        `json:"length"`
	SHA256 string       `json:"sha256"`
	Custom trust.Custom `json:"custom"`
}

// Released lists what devices may install, by path; what only canaries may try
// is below canary/.
func (r *Repo) Released() []Released {
	out := append([]Released{}, r.proposed()...)
	for _, m := range r.roles {
		for p, t := range m.Signed.Targets {
			out = append(out, releasedOf(p, t))
		}
	}
	slices.SortFunc(out, func(a, b Released) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// File is where a released artifact stands in the repository's folder.
func (r *Repo) File(a Released) (string, error) {
	sum, err := hex.DecodeString(a.SHA256)
	if err != nil {
		return "", err
	}
	return filepath.Join(r.dir, "targets", targetFile(a.Path, sum)), nil
}

// A RoleInfo tells of a role's keys and validity.
type RoleInfo struct {
	Role      string
	Version   int64
	Threshold int
	KeyIDs    []string
	Expires   time.Time
}

// Roles lists who signs what, in the order of trust.
func (r *Repo) Roles() []RoleInfo {
	info := func(role string, version int64, expires time.Time) RoleInfo {
		w := r.signers(role)
		return RoleInfo{role, version, w.threshold, w.keyIDs, expires}
	}
	out := []RoleInfo{info(Root, r.root.Signed.Version, r.root.Signed.Expires)}
	for _, role := range []string{Targets, Models, Agent} {
		out = append(out, info(role, r.roles[role].Signed.Version, r.roles[role].Signed.Expires))
	}
	if len(r.signers(Canary).keyIDs) > 0 {
		canary := info(Canary, 0, time.Time{})
		if r.canary != nil {
			canary.Version, canary.Expires = r.canary.Signed.Version, r.canary.Signed.Expires
		}
		out = append(out, canary)
	}
	return append(out, info(Snapshot, r.snapshot.Signed.Version, r.snapshot.Signed.Expires),
		info(Timestamp, r.timestamp.Signed.Version, r.timestamp.Signed.Expires))
}
