package trust

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"time"

	"github.com/dunlin-edge/dunlin/ota/internal/tuf"
)

// A Target is a file that the repository's signers allow. Only Store.Target
// makes one that is worth anything.
type Target struct {
	Path   string
	Length int64
	SHA256 [32]byte
	Custom Custom
}

// Custom is what signers say about a target beside its bytes. A field that
// this version does not know is ignored; Kind decides whether it is ours at all.
type Custom struct {
	Kind          string `json:"kind"` // "bundle", "agent", "delta", "keys"
	Name          string `json:"name,omitempty"`
	Version       string `json:"version,omitempty"`
	SecurityEpoch int64  `json:"security_epoch"`
	Arch          string `json:"arch,omitempty"`      // agent: GOARCH, with the GOARM level after a slash
	MinAgent      string `json:"min_agent,omitempty"` // semver
	From          string `json:"from,omitempty"`      // delta: SHA-256 of the bundle it applies to
	To            string `json:"to,omitempty"`        // delta: SHA-256 of the result
	ToLength      int64  `json:"to_length,omitempty"` // delta: its size in bytes
}

// DeltaPath is where a repository lists the delta that makes a target of the
// file with a SHA-256, in hexadecimal.
func DeltaPath(target, from string) string { return target + ".from-" + from[:16] }

// MaxTargetBytes bounds one target.
const MaxTargetBytes = 2 << 30

// Target returns what the repository allows under name, as of the last
// Refresh and unexpired now. Delegated roles are fetched as needed.
func (s *Store) Target(ctx context.Context, name string) (Target, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set == nil {
		return Target{}, errors.New("target: no complete refresh yet")
	}
	r := &refresh{s, s.set}
	s.set.Now = s.now()
	find := r.find
	if IsCanary(name) {
		find = r.canary
	}
	t, err := find(ctx, name)
	if err != nil {
		return Target{}, fmt.Errorf("target %.200q: %w", name, err)
	}
	if floor := s.floors.Epochs[t.Custom.Name]; t.Custom.Name != "" && t.Custom.SecurityEpoch < floor {
		return Target{}, fmt.Errorf("target %.200q: security epoch %d, this device has seen %d", name, t.Custom.SecurityEpoch, floor)
	}
	return t, nil
}

// fresh tells why the refreshed metadata cannot allow anything any more.
func (r *refresh) fresh(role *tuf.Targets) error {
	now := r.set.Now
	for _, d := range []struct {
		role    string
		expires time.Time
	}{
		{tuf.RootRole, r.set.Root.Expires},
		{tuf.TimestampRole, r.set.Timestamp.Expires},
		{tuf.SnapshotRole, r.set.Snapshot.Expires},
		{tuf.TargetsRole, role.Expires},
	} {
		if !now.Before(d.expires) {
			return fmt.Errorf("%s metadata expired at %s", d.role, d.expires.Format(time.RFC3339))
		}
	}
	return nil
}

// find walks the delegations in pre-order (TUF specification 5.6.7).
func (r *refresh) find(ctx context.Context, path string) (Target, error) {
	type edge struct{ role, parent string }
	todo := []edge{{tuf.TargetsRole, tuf.RootRole}}
	visited := map[string]bool{}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if visited[at.role] {
			continue
		}
		if len(visited) == MaxRoles {
			return Target{}, fmt.Errorf("more than %d roles to visit: %w", MaxRoles, ErrNotAllowed)
		}
		visited[at.role] = true
		m, err := r.load(ctx, at.role, at.parent)
		if err != nil {
			return Target{}, fmt.Errorf("role %.80q: %w", at.role, err)
		}
		if err := r.fresh(m); err != nil {
			return Target{}, err
		}
		if f, ok := m.Files[path]; ok {
			return newTarget(path, f)
		}
		var next []edge
		for _, d := range m.Delegations(path) {
			next = append(next, edge{d.Role, at.role})
			if d.Terminating {
				todo = nil
				break
			}
		}
		slices.Reverse(next)
		todo = append(todo, next...)
	}
	return Target{}, ErrNotAllowed
}

// load returns a role's targets, verified against this delegator: one role
// may stand below several, with other keys.
func (r *refresh) load(ctx context.Context, role, parent string) (*tuf.Targets, error) {
	if m := r.set.Targets[role]; m != nil {
		return m, r.set.VerifyTargets(m, role, parent)
	}
	if old := r.cache.get(role, MaxTargetsBytes); old != nil {
		if m, err := r.set.UpdateTargets(old, role, parent); err == nil {
			return m, nil
		}
	}
	meta, ok := r.set.Snapshot.Meta[role+".json"]
	if !ok {
		return nil, errors.New("not in the snapshot")
	}
	data, err := r.fetch(ctx, role, r.consistent(meta.Version), limit(meta.Length, MaxTargetsBytes))
	if err != nil {
		return nil, err
	}
	m, err := r.set.UpdateTargets(data, role, parent)
	if err != nil {
		return nil, err
	}
	return m, r.cache.put(role, data)
}

func newTarget(path string, f tuf.TargetFile) (Target, error) {
	t := Target{Path: path, Length: f.Length}
	sum := f.Hashes["sha256"]
	if len(sum) != len(t.SHA256) {
		return t, errors.New("no SHA-256")
	}
	copy(t.SHA256[:], sum)
	if f.Length < 0 || f.Length > MaxTargetBytes {
		return t, fmt.Errorf("%d bytes, limit %d", f.Length, int64(MaxTargetBytes))
	}
	if f.Custom != nil {
		if err := json.Unmarshal(f.Custom, &t.Custom); err != nil {
			return t, fmt.Errorf("custom: %w", err)
		}
	}
	return t, nil
}

// Hex returns the target's SHA-256 in hex.
func (t Target) Hex() string { return hex.EncodeToString(t.SHA256[:]) }

// FileName is the target's name in the repository's targets folder: with
// consistent snapshots, the hash stands before the file's name.
func (s *Store) FileName(t Target) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set == nil || !s.set.Root.ConsistentSnapshot {
		return escape(t.Path)
	}
	dir, file := path.Split(t.Path)
	return escape(dir + t.Hex() + "." + file)
}

// escape makes a path part of a URL, slashes kept.
func escape(p string) string { return (&url.URL{Path: p}).EscapedPath() }
