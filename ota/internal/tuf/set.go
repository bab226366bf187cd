package tuf

import (
	"errors"
	"fmt"
	"time"
)

// Set holds the documents of one run of the client workflow (specification,
// section 5), each verified against those before it. It is not safe for
// concurrent use.
type Set struct {
	Now       time.Time // that expiry is judged by
	Root      *Root
	Timestamp *Timestamp
	Snapshot  *Snapshot
	Targets   map[string]*Targets // by role
}

// NewSet starts from a root that is trusted for other reasons: it came with
// the device. It may have expired.
func NewSet(root []byte) (*Set, error) {
	r, err := readRoot(root)
	if err != nil {
		return nil, err
	}
	if err := r.verify(RootRole, &r.Header); err != nil {
		return nil, err
	}
	return &Set{Root: r, Targets: map[string]*Targets{}}, nil
}

// UpdateRoot takes the next root: signed by the one held and by itself (5.3).
// Its expiry is judged only when a timestamp follows.
func (s *Set) UpdateRoot(data []byte) error {
	if s.Timestamp != nil {
		return errors.New("root after timestamp")
	}
	next, err := readRoot(data)
	if err != nil {
		return err
	}
	if err := s.Root.verify(RootRole, &next.Header); err != nil {
		return fmt.Errorf("by the root before it: %w", err)
	}
	if err := next.verify(RootRole, &next.Header); err != nil {
		return fmt.Errorf("by its own keys: %w", err)
	}
	if next.Version != s.Root.Version+1 {
		return fmt.Errorf("version %d follows %d", next.Version, s.Root.Version)
	}
	s.Root = next
	return nil
}

// UpdateTimestamp takes a timestamp (5.4). One that has expired is held too,
// since nothing older may follow it, and reported as ErrExpired.
func (s *Set) UpdateTimestamp(data []byte) error {
	if s.Snapshot != nil {
		return errors.New("timestamp after snapshot")
	}
	if s.Root.expired(s.Now) {
		return fmt.Errorf("the last root: %w", ErrExpired)
	}
	next, err := readTimestamp(data)
	if err != nil {
		return err
	}
	if err := s.Root.verify(TimestampRole, &next.Header); err != nil {
		return err
	}
	if old := s.Timestamp; old != nil {
		switch {
		case next.Version == old.Version:
			return ErrSameVersion
		case next.Version < old.Version:
			return fmt.Errorf("version %d after %d", next.Version, old.Version)
		case next.Snapshot.Version < old.Snapshot.Version:
			return fmt.Errorf("snapshot %d after %d", next.Snapshot.Version, old.Snapshot.Version)
		}
	}
	s.Timestamp = next
	return s.usableTimestamp()
}

func (s *Set) usableTimestamp() error {
	if s.Timestamp == nil {
		return errors.New("no timestamp")
	}
	if s.Timestamp.expired(s.Now) {
		return fmt.Errorf("timestamp: %w", ErrExpired)
	}
	return nil
}

// UpdateSnapshot takes a snapshot (5.5). One from this device's cache, which
// was verified before, need not be the one that the timestamp names: it is
// held, since nothing older may follow it, and an error tells.
func (s *Set) UpdateSnapshot(data []byte, cached bool) error {
	if s.Targets[TargetsRole] != nil {
		return errors.New("snapshot after targets")
	}
	if err := s.usableTimestamp(); err != nil {
		return err
	}
	if !cached {
		if err := s.Timestamp.Snapshot.check(data); err != nil {
			return err
		}
	}
	next, err := readSnapshot(data)
	if err != nil {
		return err
	}
	if err := s.Root.verify(SnapshotRole, &next.Header); err != nil {
		return err
	}
	if s.Snapshot != nil {
		for name, old := range s.Snapshot.Meta {
			if m, ok := next.Meta[name]; !ok || m.Version < old.Version {
				return fmt.Errorf("%.80s: version %d after %d", name, m.Version, old.Version)
			}
		}
	}
	s.Snapshot = next
	return s.usableSnapshot()
}

func (s *Set) usableSnapshot() error {
	switch {
	case s.Snapshot == nil:
		return errors.New("no snapshot")
	case s.Snapshot.expired(s.Now):
		return fmt.Errorf("snapshot: %w", ErrExpired)
	case s.Snapshot.Version != s.Timestamp.Snapshot.Version:
		return fmt.Errorf("version %d, the timestamp names %d", s.Snapshot.Version, s.Timestamp.Snapshot.Version)
	}
	return nil
}

// UpdateTargets takes the document of a targets role (5.6), as its delegator
// demands: RootRole for the top-level one, else a role held already.
func (s *Set) UpdateTargets(data []byte, role, delegator string) (*Targets, error) {
	if err := s.usableSnapshot(); err != nil {
		return nil, err
	}
	meta, ok := s.Snapshot.Meta[role+".json"]
	if !ok {
		return nil, errors.New("not in the snapshot")
	}
	if err := meta.check(data); err != nil {
		return nil, err
	}
	t, err := readTargets(data)
	if err != nil {
		return nil, err
	}
	if err := s.VerifyTargets(t, role, delegator); err != nil {
		return nil, err
	}
	if t.Version != meta.Version {
		return nil, fmt.Errorf("version %d, the snapshot names %d", t.Version, meta.Version)
	}
	if t.expired(s.Now) {
		return nil, ErrExpired
	}
	s.Targets[role] = t
	return t, nil
}

// ReadDetached takes the document of a delegated role that no snapshot lists.
// Who calls it sees to it that nothing older follows.
func (s *Set) ReadDetached(data []byte, role, delegator string) (*Targets, error) {
	t, err := readTargets(data)
	if err != nil {
		return nil, err
	}
	if err := s.VerifyTargets(t, role, delegator); err != nil {
		return nil, err
	}
	if t.expired(s.Now) {
		return nil, ErrExpired
	}
	return t, nil
}

// VerifyTargets tells whether a role's document is signed as this delegator
// demands. Several may delegate to one role, with other keys.
func (s *Set) VerifyTargets(t *Targets, role, delegator string) error {
	if delegator == RootRole {
		return s.Root.verify(role, &t.Header)
	}
	d := s.Targets[delegator]
	if d == nil {
		return fmt.Errorf("before its delegator %.80q", delegator)
	}
	return d.verify(role, &t.Header)
}
