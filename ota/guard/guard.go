// Package guard chooses which program of the agent starts: the packaged one,
// or one that came as an update, and goes back when an update does not hold.
//
// Start with [Dir.Pick], which a tiny program (cmd/dunlin-guard) calls before it
// becomes the agent. That program and this package decide without the network
// and without the agent, so that no agent can keep its predecessor away.
//
//	DIR/versions/1.4.0-<sha256>/dunlin   programs
//	DIR/current, DIR/previous            links to those that held
//	DIR/state                            what is on trial, what is pinned
package guard

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dunlin-edge/dunlin/ota/disk"
)

// MaxStarts is how often a program on trial may start without holding.
const MaxStarts = 3

// Program is the name of the agent's program.
const Program = "dunlin"

// A Dir is the guard's folder. One process changes it at a time: the guard
// before the agent starts and after it ended, the agent in between.
type Dir string

// A Version is one program of the agent.
type Version struct {
	Version string `json:"version"` // semantic, without a v
	SHA256  string `json:"sha256"`  // 64 hex digits
}

func (v Version) name() string { return v.Version + "-" + v.SHA256 }

// Short is how people read it.
func (v Version) Short() string { return fmt.Sprintf("%s (%.12s)", v.Version, v.SHA256) }

func parseName(name string) (Version, error) {
	i := strings.LastIndexByte(name, '-')
	if i < 1 {
		return Version{}, fmt.Errorf("version %.100q: want VERSION-SHA256", name)
	}
	v := Version{name[:i], name[i+1:]}
	return v, v.check()
}

func (v Version) check() error {
	if err := checkSemver(v.Version); err != nil {
		return err
	}
	if b, err := hex.DecodeString(v.SHA256); err != nil || len(b) != sha256.Size || strings.ToLower(v.SHA256) != v.SHA256 {
		return fmt.Errorf("digest %.80q: want 64 hex digits", v.SHA256)
	}
	return nil
}

// Path is where the program of a version stands, or will.
func (d Dir) Path(v Version) string {
	return filepath.Join(string(d), "versions", v.name(), Program)
}

// Running tells which version the program at path is, false for one that is
// not below this folder: the packaged one.
func (d Dir) Running(path string) (Version, bool) {
	root, err := filepath.EvalSymlinks(filepath.Join(string(d), "versions"))
	if err != nil {
		return Version{}, false
	}
	rest, below := strings.CutPrefix(path, root+string(filepath.Separator))
	name, file := filepath.Split(rest)
	if !below || file != Program {
		return Version{}, false
	}
	v, err := parseName(strings.TrimSuffix(name, string(filepath.Separator)))
	return v, err == nil
}

// link reads current or previous.
func (d Dir) link(name string) (Version, bool) {
	to, err := os.Readlink(filepath.Join(string(d), name))
	if err != nil {
		return Version{}, false
	}
	v, err := parseName(filepath.Base(to))
	return v, err == nil
}

// setLink makes current or previous name a version, durably and at once.
func (d Dir) setLink(name string, v Version) error {
	at := filepath.Join(string(d), name)
	if err := os.Remove(at + ".new"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(filepath.Join("versions", v.name()), at+".new"); err != nil {
		return err
	}
	return disk.Rename(at+".new", at)
}

// whole tells whether a version's program is here and has its bytes.
func (d Dir) whole(v Version) error {
	f, err := os.Open(d.Path(v))
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if hex.EncodeToString(h.Sum(nil)) != v.SHA256 {
		return errors.New("its bytes have changed")
	}
	return nil
}

// A Choice is the program to start.
type Choice struct {
	Path    string
	Version Version // zero: the packaged one
	Trial   bool
	Notes   []string // why not another one, for the log
}

// Pick chooses what starts now: the program on trial while it has starts left,
// else the newest of the packaged one and those that held. A start of a trial
// is counted, durably, before Pick returns. It always returns a choice; with
// an error the packaged program, so that a broken folder stops nobody.
func (d Dir) Pick(packaged, version string) (Choice, error) {
	c := Choice{Path: packaged}
	s, err := d.read()
	if err != nil {
		c.Notes = append(c.Notes, "state lost: "+err.Error())
		if err := d.quarantine(); err != nil {
			return c, err
		}
	}
	current, has := d.link("current")
	if s.Trial != nil && has && *s.Trial == current {
		s.Trial = nil // it was committed, and power was lost just then
	}
	if s.Trial != nil {
		ok, err := d.pickTrial(&c, s)
		if ok || err != nil {
			return c, err
		}
	}
	for _, name := range []string{"current", "previous"} {
		v, ok := d.link(name)
		if !ok || !newer(v.Version, version) {
			continue
		}
		reason, pinned := s.pinned(v.SHA256)
		if err := d.whole(v); err != nil && !pinned {
			reason, pinned = err.Error(), true
		}
		if pinned {
			c.Notes = append(c.Notes, fmt.Sprintf("not %s: %s", v.Short(), reason))
			continue
		}
		c.Path, c.Version = d.Path(v), v
		return c, nil
	}
	return c, nil
}

// pickTrial chooses the program on trial, or ends its trial.
func (d Dir) pickTrial(c *Choice, s state) (bool, error) {
	v := *s.Trial
	if s.Starts >= MaxStarts {
		reason := fmt.Sprintf("it ended in each of %d starts of its trial", s.Starts)
		c.Notes = append(c.Notes, fmt.Sprintf("not %s: %s", v.Short(), reason))
		s.pin(v.SHA256, reason)
		s.endTrial()
		return false, d.write(s)
	}
	if err := d.whole(v); err != nil { // the disk's fault: it can be fetched again, so no pin
		c.Notes = append(c.Notes, fmt.Sprintf("not %s: %v", v.Short(), err))
		s.endTrial()
		return false, d.write(s)
	}
	s.Starts++
	if err := d.write(s); err != nil {
		return false, err // a trial that cannot be counted must not begin
	}
	c.Path, c.Version, c.Trial = d.Path(v), v, true
	return true, nil
}

// Ended tells the guard how the agent ended, in systemd's words
// (SERVICE_RESULT, systemd.exec(5)). A trial that hung is over at once.
func (d Dir) Ended(result string) error {
	if result != "watchdog" && result != "timeout" {
		return nil
	}
	s, err := d.read()
	if err != nil || s.Trial == nil || s.Starts == 0 {
		return err
	}
	s.pin(s.Trial.SHA256, "it hung: systemd ended it ("+result+")")
	s.endTrial()
	return d.write(s)
}
