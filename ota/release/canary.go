package release

import (
	"crypto"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/dunlin-edge/dunlin/ota/disk"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

// CanaryValidity is how long canaries may begin to try a candidate.
const CanaryValidity = 7 * 24 * time.Hour

const canaryFile = Canary + ".json"

// Propose lets canaries try artifacts, and nothing else: it writes what is to
// be copied into the repository's folder below dir, signed with a build machine's
// key. It takes the place of what was proposed before. The version is the time,
// so that a build machine needs to keep nothing.
func Propose(dir string, key crypto.Signer, now time.Time, artifacts ...Artifact) error {
	m := metadata.Targets()
	m.Signed.Version, m.Signed.Expires = now.Unix(), now.UTC().Truncate(time.Second).Add(CanaryValidity)
	for _, a := range artifacts {
		if !trust.IsCanary(a.Path) || strings.Count(a.Path, "/") != 2 {
			return fmt.Errorf("propose %s: want %s/NAME/FILE", a.Path, Canary)
		}
		sum, n, err := place(dir, a)
		if err != nil {
			return fmt.Errorf("propose %s: %w", a.Path, err)
		}
		custom, err := json.Marshal(a.Custom)
		if err != nil {
			return err
		}
		raw := json.RawMessage(custom)
		m.Signed.Targets[a.Path] = &metadata.TargetFiles{Length: n, Hashes: metadata.Hashes{"sha256": sum[:]}, Custom: &raw}
	}
	public, err := metadata.KeyFromPublicKey(key.Public())
	if err != nil {
		return fmt.Errorf("propose: %w", err)
	}
	id, err := public.ID()
	if err != nil {
		return fmt.Errorf("propose: %w", err)
	}
	data, err := signed(Ring{key}, Canary, m, who{[]string{id}, 1})
	if err != nil {
		return err
	}
	if err := disk.MakeDir(filepath.Join(dir, "metadata")); err != nil {
		return err
	}
	return disk.Write(filepath.Join(dir, "metadata", canaryFile), data)
}

// readCanary reads what canaries may try; nothing where it is absent, or not
// signed by the key that the holders gave the role.
func (r *Repo) readCanary() {
	m, err := read(r.file(canaryFile), metadata.Targets())
	if err == nil && r.roles[Targets].VerifyDelegate(Canary, m) == nil {
		r.canary = m
	}
}

// proposed lists what canaries may try now.
func (r *Repo) proposed() (out []Released) {
	if r.canary == nil || r.now().After(r.canary.Signed.Expires) {
		return nil
	}
	for p, t := range r.canary.Signed.Targets {
		out = append(out, releasedOf(p, t))
	}
	return out
}

func releasedOf(p string, t *metadata.TargetFiles) Released {
	a := Released{Path: p, Length: t.Length, SHA256: hex.EncodeToString(t.Hashes["sha256"])}
	if t.Custom != nil {
		_ = json.Unmarshal(*t.Custom, &a.Custom) // devices refuse what does not parse
	}
	return a
}
