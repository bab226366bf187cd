package guard

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dunlin-edge/dunlin/ota/disk"
)

// A Standing is how a version stands here.
type Standing int

// Standings of a version.
const (
	Unknown Standing = iota // never tried
	OnTrial                 // starts, and has to show that it holds
	Held                    // it held
	Refused                 // pinned: it did not hold, or was taken back
)

func (s Standing) String() string { return [...]string{"here", "on trial", "held", "refused"}[s] }

// An Entry is a version in the folder.
type Entry struct {
	Version  Version
	Standing Standing
	Reason   string // of a refusal
}

// List returns the versions whose programs are in the folder.
func (d Dir) List() ([]Entry, error) {
	names, err := os.ReadDir(filepath.Join(string(d), "versions"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var all []Entry
	for _, n := range names {
		v, err := parseName(n.Name())
		if err != nil {
			continue
		}
		e := Entry{Version: v}
		if e.Standing, e.Reason, err = d.Standing(v); err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// Standing tells how a version stands, and why it is refused.
func (d Dir) Standing(v Version) (Standing, string, error) {
	s, err := d.read()
	if err != nil {
		return Unknown, "", err
	}
	if reason, ok := s.pinned(v.SHA256); ok {
		return Refused, reason, nil
	}
	if current, ok := d.link("current"); ok && current == v && d.whole(v) == nil {
		return Held, "", nil // flash that lost its bytes gets them again
	}
	if s.Trial != nil && *s.Trial == v {
		return OnTrial, "", nil
	}
	return Unknown, "", nil
}

// Needs returns the version on trial and what worked before it.
func (d Dir) Needs() (v Version, needs []string, ok bool) {
	s, err := d.read()
	if err != nil || s.Trial == nil {
		return v, nil, false
	}
	return *s.Trial, s.Needs, true
}

// Try puts a version on trial: it is what starts next. Its program is in place
// and durable. needs names what works now and must work with it too.
func (d Dir) Try(v Version, needs []string) error {
	if err := v.check(); err != nil {
		return err
	}
	if err := d.whole(v); err != nil {
		return fmt.Errorf("program %s: %w", v.Short(), err)
	}
	s, err := d.read()
	if err != nil {
		return err
	}
	if reason, ok := s.pinned(v.SHA256); ok {
		return fmt.Errorf("program %s is refused: %s", v.Short(), reason)
	}
	s.Trial, s.Starts, s.Needs = &v, 0, needs[:min(len(needs), maxNeeds)]
	return d.write(s)
}

// Commit ends the trial of a version that held. From the rename of the link on
// it is the one.
func (d Dir) Commit(v Version) error {
	s, err := d.read()
	if err != nil {
		return err
	}
	if s.Trial == nil || *s.Trial != v {
		return fmt.Errorf("program %s is not on trial", v.Short())
	}
	if old, ok := d.link("current"); ok && old != v {
		if err := d.setLink("previous", old); err != nil {
			return err
		}
	}
	if err := d.setLink("current", v); err != nil {
		return err
	}
	s.endTrial()
	if err := d.write(s); err != nil {
		return err
	}
	return d.collect()
}

// Refuse ends the trial of a version that does not hold, or takes back the
// current one: it never starts again here. The next start is the one before.
func (d Dir) Refuse(v Version, reason string) error {
	s, err := d.read()
	if err != nil {
		return err
	}
	s.pin(v.SHA256, reason)
	if s.Trial != nil && *s.Trial == v {
		s.endTrial()
	}
	return d.write(s)
}

// Place makes the folder that a version's program goes to.
func (d Dir) Place(v Version) (path string, err error) {
	if err := v.check(); err != nil {
		return "", err
	}
	path = d.Path(v)
	return path, disk.MakeDir(filepath.Dir(path))
}

// collect deletes programs that nothing names.
func (d Dir) collect() error {
	keep := map[string]bool{}
	for _, name := range []string{"current", "previous"} {
		if v, ok := d.link(name); ok {
			keep[v.name()] = true
		}
	}
	if v, _, ok := d.Needs(); ok {
		keep[v.name()] = true
	}
	all, err := os.ReadDir(filepath.Join(string(d), "versions"))
	if err != nil {
		return err
	}
	for _, e := range all {
		if !keep[e.Name()] {
			err = errors.Join(err, os.RemoveAll(filepath.Join(string(d), "versions", e.Name())))
		}
	}
	return err
}
