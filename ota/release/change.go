package release

import (
	"crypto"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/dunlin-edge/dunlin/ota/disk"
)

// A change is a set of edits that become visible together.
type change struct {
	*Repo
	ring    Ring
	oldRoot who
	root    bool            // root changed
	roles   map[string]bool // of the targets kind, changed or with new keys
}

func (r *Repo) change(ring Ring) *change {
	c := &change{Repo: r, ring: ring, roles: map[string]bool{}}
	if r.root.Signed.Version > 0 {
		c.oldRoot = r.signers(Root)
	}
	return c
}

// signers tells who signs a role now.
func (r *Repo) signers(role string) who {
	if top := r.root.Signed.Roles[role]; top != nil {
		return who{top.KeyIDs, top.Threshold}
	}
	for _, d := range r.roles[Targets].Signed.Delegations.Roles {
		if d.Name == role {
			return who{d.KeyIDs, d.Threshold}
		}
	}
	return who{threshold: 1}
}

// setKeys gives a role new keys in place of all it had.
func (r *Repo) setKeys(c *change, role string, publics []crypto.PublicKey) error {
	threshold := 1
	for _, name := range offline {
		if name == role {
			threshold = Threshold
		}
	}
	if len(publics) < threshold {
		return fmt.Errorf("%d keys for %s, it takes %d", len(publics), role, threshold)
	}
	keys := map[string]*metadata.Key{}
	var ids []string
	for _, p := range publics {
		k, err := metadata.KeyFromPublicKey(p)
		if err != nil {
			return fmt.Errorf("key for %s: %w", role, err)
		}
		id, err := k.ID()
		if err != nil {
			return fmt.Errorf("key for %s: %w", role, err)
		}
		if keys[id] == nil {
			ids = append(ids, id)
		}
		keys[id] = k
	}
	if len(ids) < threshold {
		return fmt.Errorf("%d different keys for %s, it takes %d", len(ids), role, threshold)
	}
	if role == Models || role == Agent || role == Canary {
		c.roles[Targets], c.roles[role] = true, role != Canary
		r.delegate(role, ids, keys)
		return nil
	}
	c.root = true
	c.roles[Targets] = c.roles[Targets] || role == Targets
	r.root.Signed.Roles[role] = &metadata.Role{KeyIDs: ids, Threshold: threshold}
	prune(r.root.Signed.Keys, keys, func(used map[string]bool) {
		for _, other := range r.root.Signed.Roles {
			note(used, other.KeyIDs)
		}
	})
	return nil
}

func (r *Repo) delegate(role string, ids []string, keys map[string]*metadata.Key) {
	d := r.roles[Targets].Signed.Delegations
	if role == Canary && r.signers(Canary).keyIDs == nil {
		d.Roles = append(d.Roles, metadata.DelegatedRole{Name: Canary, Paths: []string{"canary/*/*"}, Terminating: true, Threshold: 1})
	}
	for i := range d.Roles {
		if d.Roles[i].Name == role {
			d.Roles[i].KeyIDs = ids
		}
	}
	prune(d.Keys, keys, func(used map[string]bool) {
		for _, other := range d.Roles {
			note(used, other.KeyIDs)
		}
	})
}

// prune adds keys to all and drops what nobody uses any more.
func prune(all, keys map[string]*metadata.Key, mark func(used map[string]bool)) {
	for id, k := range keys {
		all[id] = k
	}
	used := map[string]bool{}
	mark(used)
	for id := range all {
		if !used[id] {
			delete(all, id)
		}
	}
}

func note(used map[string]bool, ids []string) {
	for _, id := range ids {
		used[id] = true
	}
}

// commit signs what changed and writes it, the timestamp last. An error
// leaves the folder's release as it was; the Repo is then not used any more.
func (c *change) commit() error {
	unlock, err := c.claim()
	if err != nil {
		return err
	}
	defer unlock()
	writes, err := c.sign()
	if err != nil {
		return err
	}
	for _, w := range writes {
		if err := disk.Write(c.file(w.name), w.data); err != nil {
			return fmt.Errorf("write release: %w", err)
		}
	}
	for _, name := range c.expired {
		if err := disk.Remove(filepath.Join(c.dir, "targets", name)); err != nil {
			return fmt.Errorf("remove withdrawn artifact: %w", err)
		}
	}
	c.expired = nil
	return nil
}

type write struct {
	name string
	data []byte
}

// sign signs everything before a byte is written.
func (c *change) sign() ([]write, error) {
	var out []write
	now := c.now().UTC().Truncate(time.Second)
	if c.root {
		s := &c.Repo.root.Signed
		s.Version++
		s.Expires = now.Add(RootValidity)
		data, err := signed(c.ring, Root, c.Repo.root, c.oldRoot, c.signers(Root))
		if err != nil {
			return nil, err
		}
		out = append(out, write{versioned(s.Version, Root), data})
	}
	if c.snapshot.Signed.Version == 0 {
		c.snapshot.Signed.Meta = map[string]*metadata.MetaFiles{}
	}
	for role, changed := range c.roles {
		if !changed {
			continue // canary's document is the build machine's
		}
		s := &c.Repo.roles[role].Signed
		s.Version++
		s.Expires = now.Add(TargetsValidity)
		data, err := signed(c.ring, role, c.Repo.roles[role], c.signers(role))
		if err != nil {
			return nil, err
		}
		c.snapshot.Signed.Meta[role+".json"] = metaFile(s.Version, data)
		out = append(out, write{versioned(s.Version, role), data})
	}
	s := &c.snapshot.Signed
	s.Version++
	s.Expires = now.Add(SnapshotValidity)
	data, err := signed(c.ring, Snapshot, c.snapshot, c.signers(Snapshot))
	if err != nil {
		return nil, err
	}
	out = append(out, write{versioned(s.Version, Snapshot), data})
	data, err = c.signTimestamp(c.ring, metaFile(s.Version, data), now)
	return append(out, write{"timestamp.json", data}), err
}

func (r *Repo) signTimestamp(ring Ring, snapshot *metadata.MetaFiles, now time.Time) ([]byte, error) {
	t := &r.timestamp.Signed
	t.Version++
	t.Expires = now.Add(TimestampValidity)
	t.Meta = map[string]*metadata.MetaFiles{"snapshot.json": snapshot}
	return signed(ring, Timestamp, r.timestamp, r.signers(Timestamp))
}

func signed[T metadata.Roles](ring Ring, name string, m *metadata.Metadata[T], roles ...who) ([]byte, error) {
	if err := sign(ring, name, m, roles...); err != nil {
		return nil, err
	}
	return m.ToBytes(true)
}

func metaFile(version int64, data []byte) *metadata.MetaFiles {
	sum := sha256.Sum256(data)
	return &metadata.MetaFiles{Version: version, Length: int64(len(data)), Hashes: metadata.Hashes{"sha256": sum[:]}}
}
