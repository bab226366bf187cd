package ota

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/ota/fetch"
	"github.com/dunlin-edge/dunlin/ota/release"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

var day0 = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

// world is a real repository and one device that reads it from its folder.
type world struct {
	t    *testing.T
	repo *release.Repo
	dir  string
	ring release.Ring
	root []byte
	now  time.Time
	// verdicts by the contents of the artifact; absent: good.
	verdicts map[string]Verdict
	trials   []Candidate
	notes    []Progress
	state    string
	canary   bool
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "repo"), state: filepath.Join(t.TempDir(), "state"), now: day0, verdicts: map[string]Verdict{}}
	keyDir := t.TempDir()
	w.must(release.Ceremony(keyDir, false))
	keys, err := release.ReadKeys(keyDir)
	w.must(err)
	w.ring = release.RingOf(keys)
	w.repo, err = release.Create(w.dir, keys, func() time.Time { return w.now })
	w.must(err)
	w.root, err = w.repo.RootJSON()
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// publish releases contents as a version and returns the order for it.
func (w *world) publish(version, contents string, epoch int64) Order {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "a")
	w.must(os.WriteFile(file, []byte(contents), 0o600))
	path := "models/kws/" + version + ".dunlin"
	w.must(w.repo.Publish(w.ring, release.Artifact{Path: path, File: file,
		Custom: trust.Custom{Kind: "bundle", Name: "kws", Version: version, SecurityEpoch: epoch}}))
	return order(path, contents)
}

func order(path, contents string) Order {
	return Order{Slot: "words", Target: path, Length: int64(len(contents)), SHA256: sha256.Sum256([]byte(contents))}
}

var errNoWait = errors.New("one try only")

// open starts the client as a new process does, with the metadata of now.
func (w *world) open() *Client {
	w.t.Helper()
	src, err := fetch.OpenDir(w.dir)
	w.must(err)
	w.t.Cleanup(func() { src.Close() })
	c, err := Open(Config{Dir: w.state, Root: w.root, Source: src, Free: 1, Build: day0.Add(-time.Hour), Canary: w.canary,
		Clock: func() (time.Time, bool) { return w.now, true },
		Wait:  func(context.Context, time.Duration) error { return errNoWait },
		Trial: w.trial, Note: func(p Progress) { w.notes = append(w.notes, p) }})
	w.must(err)
	w.t.Cleanup(func() { c.Close() })
	w.must(c.Refresh(w.t.Context()))
	return c
}

func (w *world) trial(ctx context.Context, c Candidate) (Verdict, error) {
	w.trials = append(w.trials, c)
	data, err := os.ReadFile(c.Path)
	if err != nil {
		return Verdict{}, err
	}
	if v, ok := w.verdicts[string(data)]; ok {
		return v, nil
	}
	return Verdict{Good: true}, ctx.Err()
}

// runs checks what a slot has active, to the byte.
func (w *world) runs(c *Client, contents string) {
	w.t.Helper()
	a, ok := c.Active("words")
	if !ok {
		w.t.Fatalf("nothing is active, want %q", contents)
	}
	data, err := os.ReadFile(a.Path)
	w.must(err)
	if string(data) != contents {
		w.t.Errorf("active is %q, want %q", data, contents)
	}
}
