package trust

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"slices"
	"strconv"

	"github.com/dunlin-edge/dunlin/ota/internal/tuf"
)

// Refresh brings root, timestamp, snapshot and targets up to date. An error
// leaves what was verified before, and Target refuses until a refresh is complete
// again.
func (s *Store) Refresh(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set = nil
	set, err := s.startRoot()
	if err != nil {
		return err
	}
	set.Now = s.now()
	r := &refresh{s, set}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{{tuf.RootRole, r.root}, {tuf.TimestampRole, r.timestamp}, {tuf.SnapshotRole, r.snapshot}, {tuf.TargetsRole, r.targets}} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("refresh %s metadata: %w", step.name, err)
		}
	}
	s.set = set
	return nil
}

// startRoot returns the newest root this device holds: the one it verified
// last, or the one it came with.
func (s *Store) startRoot() (*tuf.Set, error) {
	own, err := tuf.NewSet(s.cfg.Root)
	if err != nil {
		return nil, fmt.Errorf("root metadata of the device: %w", err)
	}
	data := s.cache.get(tuf.RootRole, MaxRootBytes)
	if data == nil {
		return own, nil
	}
	if digest(data) != s.floors.RootSHA256 {
		s.cache.drop(tuf.RootRole, errors.New("not the bytes that were verified"))
		return own, nil
	}
	cached, err := tuf.NewSet(data)
	if err != nil || cached.Root.Version < own.Root.Version {
		return own, nil
	}
	return cached, nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// refresh is one run of the workflow.
type refresh struct {
	*Store
	set *tuf.Set
}

func (r *refresh) root(ctx context.Context) error {
	for range MaxRotations {
		next := r.set.Root.Version + 1
		data, err := r.fetch(ctx, tuf.RootRole, next, MaxRootBytes)
		if errors.Is(err, fs.ErrNotExist) {
			return r.keepRoot(nil)
		} else if err != nil {
			return err
		}
		if err := r.set.UpdateRoot(data); err != nil {
			return err
		}
		if err := r.keepRoot(data); err != nil {
			return err
		}
	}
	return fmt.Errorf("more than %d new versions", MaxRotations)
}

// keepRoot makes the root durable, and its version the floor. Without data it
// is one from this device.
func (r *refresh) keepRoot(data []byte) error {
	v := r.set.Root.Version
	if data == nil {
		if v < r.floors.Root {
			return fmt.Errorf("version %d, but version %d was seen", v, r.floors.Root)
		}
		if v == r.floors.Root && r.cache.get(tuf.RootRole, MaxRootBytes) != nil {
			return nil
		}
		data = r.cfg.Root
	}
	if v < r.floors.Root {
		return nil // on the way up again, after the cache was lost
	}
	keys := r.keys()
	if err := r.cache.put(tuf.RootRole, data); err != nil {
		return err
	}
	return r.raise(func(f *floors) {
		f.Root, f.RootSHA256 = v, digest(data)
		if f.Keys != keys {
			f.Keys, f.Timestamp, f.Snapshot, f.Roles = keys, 0, 0, nil
		}
	})
}

// keys is a digest of who may sign timestamp and snapshot.
func (r *refresh) keys() string {
	h := sha256.New()
	for _, name := range []string{tuf.TimestampRole, tuf.SnapshotRole} {
		role := r.set.Root.Roles[name]
		ids := slices.Sorted(slices.Values(role.KeyIDs))
		fmt.Fprintf(h, "%s %d %q\n", name, role.Threshold, ids)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (r *refresh) timestamp(ctx context.Context) error {
	const role = tuf.TimestampRole
	if old := r.cache.get(role, MaxTimestampBytes); old != nil {
		err := r.set.UpdateTimestamp(old)
		if err != nil && r.set.Timestamp == nil && !errors.Is(err, tuf.ErrExpired) {
			r.cache.drop(role, err)
		}
	}
	data, err := r.fetch(ctx, role, 0, MaxTimestampBytes)
	if err != nil {
		return err
	}
	err = r.set.UpdateTimestamp(data)
	same := errors.Is(err, tuf.ErrSameVersion)
	if err != nil && !same {
		return err
	}
	t := r.set.Timestamp
	if t.Version < r.floors.Timestamp || t.Snapshot.Version < r.floors.Snapshot {
		return fmt.Errorf("version %d of snapshot %d, but %d and %d were seen", t.Version, t.Snapshot.Version, r.floors.Timestamp, r.floors.Snapshot)
	}
	if same {
		return nil
	}
	if err := r.raise(func(f *floors) {
		if t.Version > f.Timestamp {
			f.Changed = r.now()
		}
		f.Timestamp, f.Snapshot = t.Version, t.Snapshot.Version
	}); err != nil {
		return err
	}
	return r.cache.put(role, data)
}

func (r *refresh) snapshot(ctx context.Context) error {
	const role = tuf.SnapshotRole
	if old := r.cache.get(role, MaxSnapshotBytes); old != nil {
		err := r.set.UpdateSnapshot(old, true)
		if err == nil {
			return r.checkRoles()
		}
		if r.set.Snapshot == nil {
			r.cache.drop(role, err)
		}
	}
	meta := r.set.Timestamp.Snapshot
	data, err := r.fetch(ctx, role, r.consistent(meta.Version), limit(meta.Length, MaxSnapshotBytes))
	if err != nil {
		return err
	}
	if err := r.set.UpdateSnapshot(data, false); err != nil {
		return err
	}
	if err := r.checkRoles(); err != nil {
		return err
	}
	return r.cache.put(role, data)
}

// checkRoles compares the roles in the snapshot with the floors, and raises
// them.
func (r *refresh) checkRoles() error {
	seen := map[string]int64{}
	for name, m := range r.set.Snapshot.Meta {
		seen[name] = m.Version
	}
	for name, floor := range r.floors.Roles {
		if v, ok := seen[name]; !ok || v < floor {
			return fmt.Errorf("%s has version %d, but %d was seen", name, v, floor)
		}
	}
	return r.raise(func(f *floors) { f.Roles = seen })
}

func (r *refresh) targets(ctx context.Context) error {
	_, err := r.load(ctx, tuf.TargetsRole, tuf.RootRole)
	return err
}

// consistent is the version to ask for, 0 where names carry none.
func (r *refresh) consistent(version int64) int64 {
	if r.set.Root.ConsistentSnapshot {
		return version
	}
	return 0
}

func limit(length, most int64) int64 {
	if length > 0 && length < most {
		return length
	}
	return most
}

func (r *refresh) fetch(ctx context.Context, role string, version, limit int64) ([]byte, error) {
	name := url.PathEscape(role) + ".json"
	if version != 0 {
		name = strconv.FormatInt(version, 10) + "." + name
	}
	data, err := r.cfg.Fetch(ctx, name, limit)
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: longer than %d bytes", name, limit)
	}
	return data, nil
}
