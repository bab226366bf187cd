package ota

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/ota/fetch"
)

// TestMain lets the test binary be the device that is killed.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "device" {
		if err := runDevice(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// versions are what the device installs, one after the other.
var versions = []string{"one", "two"}

func versionOrder(i int) Order {
	return order(fmt.Sprintf("models/kws/%d.0.0.dunlin", i+1), versions[i])
}

// runDevice installs all versions and marks what it was promised.
func runDevice(repo, state string) error {
	c, err := openDevice(repo, state)
	if err != nil {
		return err
	}
	if err := c.Refresh(context.Background()); err != nil {
		return err
	}
	for i := range versions {
		if err := c.Install(context.Background(), versionOrder(i)); err != nil {
			return err
		}
		fmt.Fprintf(os.Stdout, "%d", i+1)
	}
	return c.Close()
}

func openDevice(repo, state string) (*Client, error) {
	src, err := fetch.OpenDir(repo)
	if err != nil {
		return nil, err
	}
	root, err := os.ReadFile(filepath.Join(repo, "metadata", "1.root.json"))
	if err != nil {
		return nil, err
	}
	return Open(Config{Dir: state, Root: root, Source: src, Free: 1, Build: day0.Add(-time.Hour),
		Clock: func() (time.Time, bool) { return day0, true },
		Wait:  func(context.Context, time.Duration) error { return errNoWait },
		Trial: func(context.Context, Candidate) (Verdict, error) { return Verdict{Good: true}, nil }})
}

// broken starts a device from what a crash left and tells how that breaks the
// promise that the first n versions were installed; then it lets it converge.
func broken(repo, state string, n int) error {
	c, err := openDevice(repo, state)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := holds(c, n); err != nil {
		return err
	}
	if err := c.Refresh(context.Background()); err != nil {
		return fmt.Errorf("does not converge: %w", err)
	}
	last := len(versions) - 1
	if err := c.Install(context.Background(), versionOrder(last)); err != nil {
		return fmt.Errorf("does not converge: %w", err)
	}
	return holds(c, last+1)
}

// holds checks that what is active is whole, and version n or a later one.
func holds(c *Client, n int) error {
	a, ok := c.Active("words")
	if !ok && n == 0 {
		return nil
	} else if !ok {
		return fmt.Errorf("nothing is active, %q was", versions[n-1])
	}
	data, err := os.ReadFile(a.Path)
	if err != nil {
		return err
	}
	for i := max(n-1, 0); i < len(versions); i++ {
		if string(data) == versions[i] {
			return nil
		}
	}
	return fmt.Errorf("active is %q after %d versions", data, n)
}

func crashRepo(t *testing.T) string {
	t.Helper()
	w := newWorld(t)
	for i, v := range versions {
		w.publish(fmt.Sprintf("%d.0.0", i+1), v, int64(i))
	}
	return w.dir
}

// TestKillAtEveryChange: kill -9 at the entry of every write, truncation, sync, rename,
// mkdir and unlink of two installs.
func TestKillAtEveryChange(t *testing.T) {
	repo := crashRepo(t)
	for k := 1; ; k++ {
		state := filepath.Join(t.TempDir(), "s")
		ops, done := trace(t, state, k, "device", repo, state)
		n := 0
		for _, o := range ops {
			if o.what == "mark" {
				n++
			}
		}
		if err := broken(repo, state, n); err != nil {
			t.Fatalf("killed at change %d: %v", k, err)
		}
		if done {
			t.Logf("%d changes", k-1)
			if k < 50 {
				t.Error("hardly any change was seen")
			}
			return
		}
	}
}

// flash is what a power cut may leave: what was synced, any part of the other
// bytes, and of the other names a prefix of their changes.
type flash struct {
	files map[int][]byte
	names map[string]int // -1: a folder
	loose []op
	links []op
}

// apply moves the disk on by one operation.
func (d *flash) apply(o op, skip func(op) bool) {
	switch o.what {
	case "write", "truncate":
		d.loose = append(d.loose, o)
	case "create", "rename", "mkdir", "remove":
		d.links = append(d.links, o)
	case "sync":
		if skip(o) {
			return
		}
		if o.file == 0 {
			d.syncDir(o.path)
			return
		}
		var rest []op
		for _, w := range d.loose {
			if w.file == o.file {
				d.files[w.file] = change(d.files[w.file], w)
			} else {
				rest = append(rest, w)
			}
		}
		d.loose = rest
	}
}

func (d *flash) syncDir(dir string) {
	var rest []op
	gone := map[string]bool{} // names whose file was renamed into dir
	for _, l := range d.links {
		gone[l.from] = gone[l.from] || filepath.Dir(l.path) == dir
	}
	for _, l := range d.links {
		if l.what == "create" && gone[l.path] && filepath.Dir(l.path) != dir {
			continue
		}
		if filepath.Dir(l.path) == dir || l.from != "" && filepath.Dir(l.from) == dir {
			link(d.names, l)
		} else {
			rest = append(rest, l)
		}
	}
	d.links = rest
}

func link(names map[string]int, o op) {
	switch o.what {
	case "create":
		names[o.path] = o.file
	case "mkdir":
		names[o.path] = -1
	case "remove":
		delete(names, o.path)
	case "rename":
		names[o.path] = o.file
		delete(names, o.from)
	}
}

// change applies a write or truncation to a copy of a file's bytes.
func change(data []byte, o op) []byte {
	size := max(len(data), int(o.off)+len(o.data))
	if o.what == "truncate" {
		size = int(o.off)
	}
	next := make([]byte, size)
	copy(next, data)
	copy(next[o.off:], o.data)
	return next
}

// leave writes one possible state: those loose writes that mask names, and the
// first links.
func (d *flash) leave(t *testing.T, from, to string, mask uint64, links int) {
	t.Helper()
	files, names := map[int][]byte{}, map[string]int{}
	for n, data := range d.files {
		files[n] = data
	}
	for p, n := range d.names {
		names[p] = n
	}
	for _, o := range d.links[:links] {
		link(names, o)
	}
	for i, o := range d.loose {
		if mask>>(i%64)&1 == 1 {
			files[o.file] = change(files[o.file], o)
		}
	}
	// A name whose folder was lost is lost with it.
	for p, n := range names {
		whole := true
		for dir := filepath.Dir(p); strings.HasPrefix(dir, from); dir = filepath.Dir(dir) {
			whole = whole && (dir == filepath.Dir(from) || names[dir] == -1)
		}
		local := filepath.Join(to, strings.TrimPrefix(p, from))
		if p == from || n == -1 || !whole {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(local), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(local, files[n], 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// cuts cuts the power at every operation, and returns how many states it tried
// and the first that breaks a promise.
func cuts(t *testing.T, repo, from string, ops []op, skip func(op) bool) (int, error) {
	r := rand.New(rand.NewPCG(1, 2))
	d := &flash{files: map[int][]byte{}, names: map[string]int{from: -1}} // the folder itself is there
	n, tried := 0, 0
	base := t.TempDir()
	for i, o := range ops {
		if d.apply(o, skip); o.what == "mark" {
			n++
		}
		masks := []uint64{0, ^uint64(0), r.Uint64()}
		for k, mask := range masks {
			links := []int{0, len(d.links), r.IntN(len(d.links) + 1)}[k]
			if k == 0 && r.IntN(2) == 0 { // names without their bytes
				links = len(d.links)
			}
			to := filepath.Join(base, fmt.Sprint(tried))
			d.leave(t, from, to, mask, links)
			tried++
			if err := broken(repo, to, n); err != nil {
				return tried, fmt.Errorf("power cut after operation %d of %d (%s %s): %w", i, len(ops), o.what, filepath.Base(o.path), err)
			}
			if err := os.RemoveAll(to); err != nil {
				t.Fatal(err)
			}
		}
	}
	return tried, nil
}

// TestPowerCut: no promise is broken by a power cut at any moment, whatever
// was not synced; and without any one of the syncs of an install one is.
func TestPowerCut(t *testing.T) {
	repo := crashRepo(t)
	state := filepath.Join(t.TempDir(), "s")
	ops, _ := trace(t, state, 0, "device", repo, state)
	tried, err := cuts(t, repo, state, ops, func(op) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d operations, %d states after a power cut", len(ops), tried)
	for name, skip := range map[string]func(op) bool{
		"artifact":             func(o op) bool { return o.file != 0 && strings.Contains(o.path, ".unverified") },
		"folder of artifacts":  func(o op) bool { return o.file == 0 && filepath.Base(o.path) == "sha256" },
		"journal":              func(o op) bool { return o.file != 0 && strings.Contains(o.path, "/slots/") },
		"folder of journals":   func(o op) bool { return o.file == 0 && filepath.Base(o.path) == "slots" },
		"folder of the client": func(o op) bool { return o.file == 0 && o.path == state },
		"folder of blobs":      func(o op) bool { return o.file == 0 && filepath.Base(o.path) == "blobs" },
	} {
		tried, err := cuts(t, repo, state, ops, skip)
		if err == nil {
			t.Errorf("without the sync of the %s no promise is broken in %d states", name, tried)
		} else {
			t.Logf("without the sync of the %s: %v", name, err)
		}
	}
}
