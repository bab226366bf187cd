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

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"
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
	set.RefTime = s.now()
	r := &refresh{s, set}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{{metadata.ROOT, r.root}, {metadata.TIMESTAMP, r.timestamp}, {metadata.SNAPSHOT, r.snapshot}, {metadata.TARGETS, r.targets}} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("refresh %s metadata: %w", step.name, err)
		}
	}
	s.set = set
	return nil
}

// startRoot returns the newest root this device holds: the one it verified
// last, or the one it came with.
func (s *Store) startRoot() (*trustedmetadata.TrustedMetadata, error) {
	own, err := trustedmetadata.New(s.cfg.Root)
	if err != nil {
		return nil, fmt.Errorf("root metadata of the device: %w", err)
	}
	data := s.cache.get(metadata.ROOT, MaxRootBytes)
	if data == nil {
		return own, nil
	}
	if digest(data) != s.floors.RootSHA256 {
		s.cache.drop(metadata.ROOT, errors.New("not the bytes that were verified"))
		return own, nil
	}
	cached, err := trustedmetadata.New(data)
	if err != nil || cached.Root.Signed.Version < own.Root.Signed.Version {
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
	set *trustedmetadata.TrustedMetadata
}

// guard turns a panic in a parser of foreign bytes into an error.
func guard(verify func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("malformed metadata: %v", p)
		}
	}()
	return verify()
}

func (r *refresh) root(ctx context.Context) error {
	for range MaxRotations {
		next := r.set.Root.Signed.Version + 1
		data, err := r.fetch(ctx, metadata.ROOT, next, MaxRootBytes)
		if errors.Is(err, fs.ErrNotExist) {
			return r.keepRoot(nil)
		} else if err != nil {
			return err
		}
		if err := guard(func() error { _, err := r.set.UpdateRoot(data); return err }); err != nil {
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
	v := r.set.Root.Signed.Version
	if data == nil {
		if v < r.floors.Root {
			return fmt.Errorf("version %d, but version %d was seen", v, r.floors.Root)
		}
		if v == r.floors.Root && r.cache.get(metadata.ROOT, MaxRootBytes) != nil {
			return nil
		}
		data = r.cfg.Root
	}
	if v < r.floors.Root {
		return nil // on the way up again, after the cache was lost
	}
	keys, err := r.keys()
	if err != nil {
		return err
	}
	if err := r.cache.put(metadata.ROOT, data); err != nil {
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
func (r *refresh) keys() (string, error) {
	h := sha256.New()
	for _, name := range []string{metadata.TIMESTAMP, metadata.SNAPSHOT} {
		role := r.set.Root.Signed.Roles[name]
		if role == nil {
			return "", fmt.Errorf("root names no keys for %s", name)
		}
		ids := slices.Sorted(slices.Values(role.KeyIDs))
		fmt.Fprintf(h, "%s %d %q\n", name, role.Threshold, ids)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (r *refresh) timestamp(ctx context.Context) error {
	const role = metadata.TIMESTAMP
	if old := r.cache.get(role, MaxTimestampBytes); old != nil {
		err := guard(func() error { _, err := r.set.UpdateTimestamp(old); return err })
		if err != nil && r.set.Timestamp == nil && !errors.Is(err, &metadata.ErrExpiredMetadata{}) {
			r.cache.drop(role, err)
		}
	}
	data, err := r.fetch(ctx, role, 0, MaxTimestampBytes)
	if err != nil {
		return err
	}
	err = guard(func() error { _, err := r.set.UpdateTimestamp(data); return err })
	same := errors.Is(err, &metadata.ErrEqualVersionNumber{})
	if err != nil && !same {
		return err
	}
	t := r.set.Timestamp
	snapshot := t.Signed.Meta[metadata.SNAPSHOT+".json"]
	if snapshot == nil {
		return errors.New("it names no snapshot")
	}
	if t.Signed.Version < r.floors.Timestamp || snapshot.Version < r.floors.Snapshot {
		return fmt.Errorf("version %d of snapshot %d, but %d and %d were seen", t.Signed.Version, snapshot.Version, r.floors.Timestamp, r.floors.Snapshot)
	}
	if same {
		return nil
	}
	if err := r.raise(func(f *floors) {
		if t.Signed.Version > f.Timestamp {
			f.Changed = r.now()
		}
		f.Timestamp, f.Snapshot = t.Signed.Version, snapshot.Version
	}); err != nil {
		return err
	}
	return r.cache.put(role, data)
}

func (r *refresh) snapshot(ctx context.Context) error {
	const role = metadata.SNAPSHOT
	if old := r.cache.get(role, MaxSnapshotBytes); old != nil {
		err := guard(func() error { _, err := r.set.UpdateSnapshot(old, true); return err })
		if err == nil {
			return r.checkRoles()
		}
		if r.set.Snapshot == nil {
			r.cache.drop(role, err)
		}
	}
	meta := r.set.Timestamp.Signed.Meta[role+".json"]
	data, err := r.fetch(ctx, role, r.consistent(meta.Version), limit(meta.Length, MaxSnapshotBytes))
	if err != nil {
		return err
	}
	if err := guard(func() error { _, err := r.set.UpdateSnapshot(data, false); return err }); err != nil {
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
	for name, m := range r.set.Snapshot.Signed.Meta {
		if m == nil {
			return fmt.Errorf("no version for %.80s", name)
		}
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
	_, err := r.load(ctx, metadata.TARGETS, metadata.ROOT)
	return err
}

// consistent is the version to ask for, 0 where names carry none.
func (r *refresh) consistent(version int64) int64 {
	if r.set.Root.Signed.ConsistentSnapshot {
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
