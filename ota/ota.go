// Package ota brings signed artifacts onto a device, and back again.
//
// Start with [Open], [Client.Refresh] and [Client.Install]. An artifact is
// installed where the repository's signed metadata (package trust) and the
// caller's order agree on its bytes. It is fetched (package fetch), tried by a
// function of the caller, and becomes active only with a good verdict; until
// then, and at any loss of power, the one before stays.
package ota

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dunlin-edge/dunlin/ota/disk"
	"github.com/dunlin-edge/dunlin/ota/fetch"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

// Config configures a Client.
type Config struct {
	Dir    string                                     // state and artifacts; made if absent
	Root   []byte                                     // root.json that came with the device
	Source fetch.Source                               // the repository: metadata/ and targets/
	Clock  func() (now time.Time, synced bool)        // required
	Build  time.Time                                  // of this program: it cannot be earlier
	Canary bool                                       // try what a build machine proposes, before people release it
	Arch   string                                     // what this program was built for; only such programs replace it
	Free   int64                                      // bytes that stay free on the disk; 0: 16 MiB
	Wait   func(context.Context, time.Duration) error // between tries of a download; nil: real time
	// Trial tries a candidate: it decodes, fits, gives its golden samples, and
	// holds in the shadow of the active one. An error means that it could not be
	// judged, as when the agent stops; it is tried again later.
	Trial  func(context.Context, Candidate) (Verdict, error)
	Note   func(Progress) // told of every step; nil: nobody. It must not block.
	Logger *slog.Logger   // nil: silent
}

// A Candidate is an artifact on trial.
type Candidate struct {
	Installed
	Slot    string
	Path    string // of the verified file; whoever loads it checks its digest again
	Attempt int    // from 1
}

// A Verdict is the end of a trial.
type Verdict struct {
	Good   bool
	Reason string // why it is not good, for people
	Model  string // SHA-256 of the model that was tried, of a bundle of several
}

// Progress tells of one step of an install.
type Progress struct {
	Slot       string
	State      State
	Target     string
	Have, Size int64  // bytes
	Reason     string // of a retry, or of a refusal
}

// MaxAttempts is how many trials of a candidate may end with the process. It
// is pinned then.
const MaxAttempts = 3

// A Client keeps the slots of a device. Its methods may be called
// concurrently; one process opens a folder at a time.
type Client struct {
	cfg   Config
	trust *trust.Store
	lock  *os.File

	install sync.Mutex // one install at a time: the link and the disk are shared
	blobs   *fetch.Blobs

	mu    sync.Mutex
	slots map[string]journal
	at    Progress // of the install that runs
}

// Open opens the state in cfg.Dir, and mends what a loss of power left.
func Open(cfg Config) (*Client, error) {
	if cfg.Trial == nil || cfg.Source == nil {
		return nil, errors.New("updates: no trial or no source")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Note == nil {
		cfg.Note = func(Progress) {}
	}
	if err := disk.MakeDir(filepath.Join(cfg.Dir, "slots")); err != nil {
		return nil, fmt.Errorf("updates: %w", err)
	}
	c := &Client{cfg: cfg, slots: map[string]journal{}}
	var err error
	if c.lock, err = lock(filepath.Join(cfg.Dir, "lock")); err != nil {
		return nil, fmt.Errorf("updates: %w", err)
	}
	if err := c.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("updates: %w", err), c.Close())
	}
	return c, nil
}

func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is in use by another process", path), f.Close())
	}
	return f, nil
}

func (c *Client) open() error {
	var err error
	c.trust, err = trust.Open(trust.Config{Dir: filepath.Join(c.cfg.Dir, "trust"), Root: c.cfg.Root, Clock: c.cfg.Clock, Build: c.cfg.Build, Canary: c.cfg.Canary, Logger: c.cfg.Logger,
		Fetch: func(ctx context.Context, name string, limit int64) ([]byte, error) {
			return fetch.Small(ctx, c.cfg.Source, "metadata/"+name, limit)
		}})
	if err != nil {
		return err
	}
	c.blobs, err = fetch.OpenBlobs(fetch.BlobsConfig{Dir: filepath.Join(c.cfg.Dir, "blobs"), Free: c.cfg.Free, Wait: c.cfg.Wait, Note: c.fetched})
	if err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(c.cfg.Dir, "slots", "*.json"))
	if err != nil {
		return err
	}
	for _, f := range files {
		slot := strings.TrimSuffix(filepath.Base(f), ".json")
		j, err := readJournal(f)
		if err != nil {
			c.cfg.Logger.Error("slot lost, it is installed again when assigned", "slot", slot, "reason", err)
			if err := os.Rename(f, f+".damaged"); err != nil {
				return err
			}
			continue
		}
		c.slots[slot] = j
		if err := c.raise(j); err != nil {
			return err
		}
	}
	return nil
}

// raise makes the epoch of a slot's active artifact the floor, where power was
// lost just before that.
func (c *Client) raise(j journal) error {
	if j.Active == nil || j.Active.Name == "" {
		return nil
	}
	return c.trust.AcceptEpoch(j.Active.Name, j.Active.Epoch)
}

// Close ends the use of the folder. It is idempotent.
func (c *Client) Close() error {
	if c.lock == nil {
		return nil
	}
	l := c.lock
	c.lock = nil
	return l.Close()
}

// Trust returns the trust state: what the device has seen, its clock's floor,
// the last accepted assignment.
func (c *Client) Trust() *trust.Store { return c.trust }

// Refresh brings the repository's metadata up to date.
func (c *Client) Refresh(ctx context.Context) error { return c.trust.Refresh(ctx) }

// An Active artifact and where it stands.
type Active struct {
	Installed
	Path string
}

// Active returns what a slot runs. Its file was verified when it was
// installed; whoever loads it checks the digest, and calls Rollback where the
// flash lost it.
func (c *Client) Active(slot string) (Active, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.slots[slot].Active
	if i == nil {
		return Active{}, false
	}
	return Active{*i, c.path(i)}, true
}

func (c *Client) path(i *Installed) string {
	sum, _ := i.digest() // checked when the journal was read or written
	return c.blobs.Path(sum)
}

// A Slot is the state of a slot, for reports.
type Slot struct {
	Slot                        string
	State                       State
	Active, Candidate, Previous *Installed
	Attempts                    int
	Reason                      string
	Pins                        []Pin
}

// Slots returns the state of every slot that was ever used.
func (c *Client) Slots() []Slot {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Slot
	for name, j := range c.slots {
		out = append(out, Slot{name, j.State, j.Active, j.Candidate, j.Previous, j.Attempts, j.Reason, append([]Pin(nil), j.Pins...)})
	}
	return out
}

var slotName = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

func (c *Client) file(slot string) string { return filepath.Join(c.cfg.Dir, "slots", slot+".json") }

// set makes a slot's new state durable, then visible.
func (c *Client) set(slot string, j journal) error {
	j.Schema = 1
	j.Reason = cut(j.Reason)
	if err := j.write(c.file(slot)); err != nil {
		return fmt.Errorf("journal of slot %s: %w", slot, err)
	}
	c.mu.Lock()
	c.slots[slot] = j
	p := Progress{Slot: slot, State: j.State, Reason: j.Reason}
	if i := j.Candidate; i != nil {
		p.Target, p.Size = i.Target, i.Length
	}
	c.at = p
	c.mu.Unlock()
	c.cfg.Note(p)
	return nil
}

// fetched tells of a download's progress.
func (c *Client) fetched(f fetch.Progress) {
	c.mu.Lock()
	p := c.at
	c.mu.Unlock()
	p.Have, p.Size = f.Have, f.Size
	if f.Err != nil {
		p.Reason = f.Err.Error()
	}
	c.cfg.Note(p)
}

// Collect deletes artifacts that no slot names.
func (c *Client) Collect() error {
	c.install.Lock()
	defer c.install.Unlock()
	return c.collect()
}

func (c *Client) collect() error {
	c.mu.Lock()
	keep := map[string]bool{}
	for _, j := range c.slots {
		for _, i := range []*Installed{j.Active, j.Candidate, j.Previous} {
			if i != nil {
				keep[i.SHA256] = true
			}
		}
	}
	c.mu.Unlock()
	if damaged, _ := filepath.Glob(filepath.Join(c.cfg.Dir, "slots", "*.damaged")); len(damaged) > 0 {
		return nil // a slot that was lost may still want its artifact
	}
	return c.blobs.Collect(func(hex string) bool { return keep[hex] })
}
