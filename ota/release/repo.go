// Package release keeps the repository that devices update from: it signs
// what they may install, and writes it to a folder that any web server serves.
//
// Start with [Ceremony], [Create] and [Repo.Publish]. The folder holds
// metadata/ (The Update Framework's, with consistent snapshots) and targets/.
// Files of one version are never changed; the timestamp is replaced last, so
// a device sees the old release or the new one, and a release that was cut
// short is as if it had never begun.
package release

import (
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
	"golang.org/x/sys/unix"

	"github.com/dunlin-edge/dunlin/ota/disk"
)

// Validity of metadata from its signing on.
const (
	RootValidity      = 365 * 24 * time.Hour
	TargetsValidity   = 180 * 24 * time.Hour
	SnapshotValidity  = 90 * 24 * time.Hour
	TimestampValidity = 7 * 24 * time.Hour
)

// maxFile bounds a metadata file that is read back.
const maxFile = 8 << 20

// A Repo is a repository's folder. One process writes to it at a time.
type Repo struct {
	dir  string
	now  func() time.Time
	root *metadata.Metadata[metadata.RootType]
	// roles holds targets and those it delegates to.
	roles     map[string]*metadata.Metadata[metadata.TargetsType]
	snapshot  *metadata.Metadata[metadata.SnapshotType]
	timestamp *metadata.Metadata[metadata.TimestampType]
	canary    *metadata.Metadata[metadata.TargetsType] // nil where nothing is proposed
	expired   []string                                 // targets files of withdrawn artifacts
}

const developmentField = "x-dunlin-development"

// delegations of a new repository: role to path pattern. TUF's patterns do
// not cross slashes, so each depth is listed.
var delegations = []struct {
	name  string
	paths []string
}{
	{Models, []string{"models/*", "models/*/*", "models/*/*/*"}},
	{Agent, []string{"agent/*", "agent/*/*", "agent/*/*/*"}},
}

// Create makes an empty repository in dir, signed by keys that Ceremony made:
// all holders are there this once.
func Create(dir string, keys []*Key, now func() time.Time) (*Repo, error) {
	r := &Repo{dir: dir, now: now, root: metadata.Root(), snapshot: metadata.Snapshot(), timestamp: metadata.Timestamp(),
		roles: map[string]*metadata.Metadata[metadata.TargetsType]{}}
	if _, err := os.Stat(r.file("timestamp.json")); err == nil {
		return nil, fmt.Errorf("create repository: %s holds one", dir)
	}
	for _, sub := range []string{"metadata", "targets"} {
		if err := disk.MakeDir(filepath.Join(dir, sub)); err != nil {
			return nil, fmt.Errorf("create repository: %w", err)
		}
	}
	r.root.Signed.Version, r.snapshot.Signed.Version, r.timestamp.Signed.Version = 0, 0, 0
	r.addRole(Targets)
	r.roles[Targets].Signed.Delegations = &metadata.Delegations{Keys: map[string]*metadata.Key{}}
	for _, d := range delegations {
		r.addRole(d.name)
		r.roles[Targets].Signed.Delegations.Roles = append(r.roles[Targets].Signed.Delegations.Roles,
			metadata.DelegatedRole{Name: d.name, Paths: d.paths, Terminating: true, Threshold: Threshold})
	}
	byRole := map[string][]crypto.PublicKey{}
	for _, k := range keys {
		byRole[k.Role] = append(byRole[k.Role], k.Public())
		if k.Development {
			r.root.Signed.UnrecognizedFields = map[string]any{developmentField: true}
		}
	}
	c := r.change(RingOf(keys))
	for _, role := range append([]string{Snapshot, Timestamp}, offline...) {
		if err := r.setKeys(c, role, byRole[role]); err != nil {
			return nil, fmt.Errorf("create repository: %w", err)
		}
	}
	return r, c.commit()
}

func (r *Repo) addRole(name string) {
	m := metadata.Targets()
	m.Signed.Version = 0
	r.roles[name] = m
}

// Open opens the repository in dir.
func Open(dir string, now func() time.Time) (*Repo, error) {
	r := &Repo{dir: dir, now: now, roles: map[string]*metadata.Metadata[metadata.TargetsType]{}}
	var err error
	if r.timestamp, err = read(r.file("timestamp.json"), metadata.Timestamp()); err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	s := r.timestamp.Signed.Meta["snapshot.json"]
	if s == nil {
		return nil, errors.New("open repository: the timestamp names no snapshot")
	}
	if r.snapshot, err = read(r.file(versioned(s.Version, Snapshot)), metadata.Snapshot()); err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	for name, m := range r.snapshot.Signed.Meta {
		role := strings.TrimSuffix(name, ".json")
		if r.roles[role], err = read(r.file(versioned(m.Version, role)), metadata.Targets()); err != nil {
			return nil, fmt.Errorf("open repository: %w", err)
		}
	}
	if r.roles[Targets] == nil || r.roles[Targets].Signed.Delegations == nil {
		return nil, errors.New("open repository: no targets metadata with delegations")
	}
	for v := int64(1); ; v++ {
		root, err := read(r.file(versioned(v, Root)), metadata.Root())
		if errors.Is(err, fs.ErrNotExist) && r.root != nil {
			r.readCanary()
			return r, nil
		} else if err != nil {
			return nil, fmt.Errorf("open repository: %w", err)
		}
		r.root = root
	}
}

// ErrChanged marks a change to a repository that another process has changed
// since it was opened.
var ErrChanged = errors.New("the repository has changed meanwhile; try again")

// claim keeps other processes from writing until unlock, unless one of them
// has already written since Open.
func (r *Repo) claim() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(r.dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock repository: %w", err)
	}
	unlock = func() { f.Close() } // and with it the lock
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		unlock()
		return nil, fmt.Errorf("lock repository: %w", err)
	}
	now, err := read(r.file("timestamp.json"), metadata.Timestamp())
	switch {
	case errors.Is(err, fs.ErrNotExist) && r.timestamp.Signed.Version == 0:
		return unlock, nil
	case err == nil && now.Signed.Version == r.timestamp.Signed.Version:
		return unlock, nil
	case err == nil:
		err = ErrChanged
	}
	unlock()
	return nil, err
}

func read[T metadata.Roles](path string, m *metadata.Metadata[T]) (*metadata.Metadata[T], error) {
	data, err := disk.Read(path, maxFile)
	if err != nil {
		return nil, err
	}
	return m.FromBytes(data)
}

func (r *Repo) file(name string) string { return filepath.Join(r.dir, "metadata", name) }

func versioned(v int64, role string) string { return strconv.FormatInt(v, 10) + "." + role + ".json" }

// Development tells whether one person holds all keys.
func (r *Repo) Development() bool {
	v, _ := r.root.Signed.UnrecognizedFields[developmentField].(bool)
	return v
}

// RootJSON returns the newest root metadata: what a device is enrolled with.
func (r *Repo) RootJSON() ([]byte, error) {
	return disk.Read(r.file(versioned(r.root.Signed.Version, Root)), maxFile)
}
