// Package trust decides what a device may install, from a repository of The
// Update Framework (TUF).
//
// Start with [Open], [Store.Refresh] and [Store.Target]. ota/internal/tuf
// verifies each document; the order of the workflow (TUF specification 1.0.33,
// section 5), the limits, the clock and everything on disk are here. Cached
// metadata may be damaged or lost at any time: it is fetched again. The floors,
// versions below which nothing is accepted, stand apart from it, four times.
//
// Expired or missing metadata stops new installs. It never concerns what is
// installed already.
package trust

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/ota/disk"
	"github.com/dunlin-edge/dunlin/ota/internal/tuf"
)

// Limits of a repository.
const (
	MaxRootBytes      = 512 << 10
	MaxTimestampBytes = 16 << 10
	MaxSnapshotBytes  = 2 << 20
	MaxTargetsBytes   = 5 << 20
	MaxRotations      = 256 // new roots in one refresh
	MaxRoles          = 32  // roles visited for one target
)

// ErrNotAllowed is wrapped by errors of Target for paths that the repository
// does not list.
var ErrNotAllowed = errors.New("not in the repository's signed metadata")

// Config configures a Store.
type Config struct {
	Dir  string // of floors and cached metadata; made if absent
	Root []byte // root.json that came with the device
	// Fetch returns a file of the repository's metadata folder, at most limit
	// bytes; an error that wraps fs.ErrNotExist means there is none.
	Fetch func(ctx context.Context, name string, limit int64) ([]byte, error)
	// Clock returns the time, and whether it came from a time source.
	Clock  func() (now time.Time, synced bool)
	Build  time.Time    // of this program: it cannot be earlier
	Canary bool         // take candidates of the canary role, too
	Logger *slog.Logger // nil: silent
}

func (cfg *Config) validate() error {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case cfg.Dir == "":
		return errors.New("no folder for trust")
	case len(cfg.Root) == 0:
		return errors.New("no root metadata")
	case cfg.Fetch == nil:
		return errors.New("no source of metadata")
	case cfg.Clock == nil:
		return errors.New("no clock for trust")
	}
	return nil
}

// A Store holds the trust state of a device. Its methods may be called
// concurrently; one process uses a folder at a time.
type Store struct {
	cfg   Config
	cache *cache

	mu     sync.Mutex
	floors floors
	lost   bool     // no floors were found where metadata was
	set    *tuf.Set // of the last complete refresh, or nil
}

// Open opens the trust state in cfg.Dir. Damage there is no error: Status
// tells, and the next refresh mends it.
func Open(cfg Config) (*Store, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if _, err := tuf.NewSet(cfg.Root); err != nil {
		return nil, fmt.Errorf("root metadata of the device: %w", err)
	}
	dir := filepath.Join(cfg.Dir, "metadata")
	if err := disk.MakeDir(dir); err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, cache: &cache{dir, cfg.Logger}}
	var found bool
	s.floors, found = readFloors(cfg.Dir)
	s.lost = !found && s.cache.get(tuf.TimestampRole, MaxTimestampBytes) != nil
	return s, nil
}

// now is the time that expiry is judged by: never before the program was
// built or before a time that a verified source told.
func (s *Store) now() time.Time {
	t := s.cfg.Build
	if s.floors.Time.After(t) {
		t = s.floors.Time
	}
	if now, synced := s.cfg.Clock(); synced && now.After(t) {
		t = now
	}
	return t.UTC()
}

// raise makes changed floors durable before anyone acts on them.
func (s *Store) raise(change func(*floors)) error {
	next := s.floors.clone()
	change(&next)
	if next.equal(s.floors) {
		return nil
	}
	if err := next.write(s.cfg.Dir); err != nil {
		return err
	}
	s.floors, s.lost = next, false
	return nil
}

func (f floors) equal(g floors) bool {
	return f.Root == g.Root && f.RootSHA256 == g.RootSHA256 && f.Keys == g.Keys && f.Timestamp == g.Timestamp &&
		f.Snapshot == g.Snapshot && f.Canary == g.Canary && f.CanaryKeys == g.CanaryKeys && f.Seq == g.Seq && f.Time.Equal(g.Time) && f.Changed.Equal(g.Changed) &&
		maps.Equal(f.Roles, g.Roles) && maps.Equal(f.Epochs, g.Epochs)
}

// AdvanceTime raises the clock's floor. The caller has verified the source: a
// signed document's date of issue, never the system clock.
func (s *Store) AdvanceTime(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raise(func(f *floors) {
		if t.After(f.Time) {
			f.Time = t.UTC()
		}
	})
}

// Seq returns the sequence number of the last accepted assignment.
func (s *Store) Seq() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.floors.Seq
}

// AcceptSeq makes an assignment's sequence number the floor. One that is not
// above it is a replay.
func (s *Store) AcceptSeq(seq uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seq <= s.floors.Seq {
		return fmt.Errorf("assignment %d: not after %d, which was accepted", seq, s.floors.Seq)
	}
	return s.raise(func(f *floors) { f.Seq = seq })
}

// AcceptEpoch makes the security epoch of what is now installed under name
// its floor.
func (s *Store) AcceptEpoch(name string, epoch int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raise(func(f *floors) { f.Epochs[name] = max(epoch, f.Epochs[name]) })
}

// Status tells what the device has seen.
type Status struct {
	Root, Timestamp, Snapshot int64     // versions
	Changed                   time.Time // when the timestamp was last a new one
	Expires                   time.Time // the first role to expire; zero before a refresh
	Frozen                    bool      // half of the time from Changed to Expires has passed
	Lost                      bool      // the floors were lost; they start anew
}

// Status returns the state of the device's trust.
func (s *Store) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.floors
	st := Status{Root: f.Root, Timestamp: f.Timestamp, Snapshot: f.Snapshot, Changed: f.Changed, Lost: s.lost}
	if s.set == nil {
		return st
	}
	st.Expires = s.set.Timestamp.Expires
	st.Frozen = s.now().Sub(f.Changed) > st.Expires.Sub(f.Changed)/2
	for _, t := range []time.Time{s.set.Root.Expires, s.set.Snapshot.Expires, s.set.Targets[tuf.TargetsRole].Expires} {
		if t.Before(st.Expires) {
			st.Expires = t
		}
	}
	return st
}
