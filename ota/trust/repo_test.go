package trust_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/ota/fetch"
	"github.com/dunlin-edge/dunlin/ota/release"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

var day0 = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// world is a real repository with its keys, and the time.
type world struct {
	t    *testing.T
	dir  string // the repository
	keys string
	now  time.Time
	repo *release.Repo
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "repo"), keys: t.TempDir(), now: day0}
	w.must(release.Ceremony(w.keys, false))
	keys, err := release.ReadKeys(w.keys)
	w.must(err)
	w.repo, err = release.Create(w.dir, keys, func() time.Time { return w.now })
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// ring holds the keys of some folders; without any, all.
func (w *world) ring(folders ...string) release.Ring {
	w.t.Helper()
	if folders == nil {
		folders = []string{"."}
	}
	for i := range folders {
		folders[i] = filepath.Join(w.keys, folders[i])
	}
	keys, err := release.ReadKeys(folders...)
	w.must(err)
	return release.RingOf(keys)
}

// publish releases a model of some bytes.
func (w *world) publish(path, contents string, epoch int64) {
	w.t.Helper()
	w.must(w.repo.Publish(w.ring("holder-1", "holder-3", "release", "online"), w.artifact(path, contents, epoch)))
}

func (w *world) artifact(path, contents string, epoch int64) release.Artifact {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "artifact")
	w.must(os.WriteFile(file, []byte(contents), 0o600))
	return release.Artifact{Path: path, File: file, Custom: trust.Custom{Kind: "bundle", Name: "kws", SecurityEpoch: epoch}}
}

// copy keeps the repository as it is now.
func (w *world) copy() string {
	w.t.Helper()
	to := filepath.Join(w.t.TempDir(), "copy")
	w.must(os.CopyFS(to, os.DirFS(w.dir)))
	return to
}

// device is what is on a device, and what it may reach.
type device struct {
	*world
	state string
	root  []byte
	from  string // the repository it is served
	fetch func(ctx context.Context, name string, limit int64) ([]byte, error)
	clock func() (time.Time, bool)
}

func (w *world) device() *device {
	w.t.Helper()
	root, err := w.repo.RootJSON()
	w.must(err)
	d := &device{world: w, state: w.t.TempDir(), root: root, from: w.dir, clock: func() (time.Time, bool) { return w.now, true }}
	d.fetch = func(ctx context.Context, name string, limit int64) ([]byte, error) {
		src, err := fetch.OpenDir(filepath.Join(d.from, "metadata"))
		if err != nil {
			return nil, err
		}
		defer src.Close()
		return fetch.Small(ctx, src, name, limit)
	}
	return d
}

// boot opens the store as a new process does.
func (d *device) boot() *trust.Store {
	d.t.Helper()
	s, err := trust.Open(trust.Config{Dir: d.state, Root: d.root, Clock: d.clock, Build: day0.Add(-30 * day),
		Fetch: func(ctx context.Context, name string, limit int64) ([]byte, error) { return d.fetch(ctx, name, limit) }})
	d.must(err)
	return s
}

// find boots, refreshes and asks for a target.
func (d *device) find(path string) (trust.Target, error) {
	d.t.Helper()
	s := d.boot()
	if err := s.Refresh(context.Background()); err != nil {
		return trust.Target{}, err
	}
	return s.Target(context.Background(), path)
}

func (d *device) has(path string) {
	d.t.Helper()
	if _, err := d.find(path); err != nil {
		d.t.Fatal(err)
	}
}

func (d *device) refused(path, why string) {
	d.t.Helper()
	if _, err := d.find(path); err == nil {
		d.t.Fatalf("%s: %s is allowed", why, path)
	} else {
		d.t.Logf("%s: %v", why, err)
	}
}
