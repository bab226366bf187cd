package ota

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/ota/fetch"
	"github.com/dunlin-edge/dunlin/ota/powercut"
)

// TestMain lets the test binary be the device that is killed.
func TestMain(m *testing.M) {
	run, ok := map[string]func(from, dir string) error{"device": runDevice, "programs": runPrograms}[os.Args[min(1, len(os.Args)-1)]]
	if ok && len(os.Args) == 4 {
		if err := run(os.Args[2], os.Args[3]); err != nil {
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
		ops, done := powercut.Trace(t, state, k, "device", repo, state)
		if err := broken(repo, state, powercut.Marks(ops)); err != nil {
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

// TestPowerCut: no promise is broken by a power cut at any moment, whatever
// was not synced; and without any one of the syncs of an install one is.
func TestPowerCut(t *testing.T) {
	repo := crashRepo(t)
	state := filepath.Join(t.TempDir(), "s")
	ops, _ := powercut.Trace(t, state, 0, "device", repo, state)
	whole := func(dir string, marks int) error { return broken(repo, dir, marks) }
	tried, err := powercut.Cuts(t, state, ops, func(powercut.Op) bool { return false }, whole)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d operations, %d states after a power cut", len(ops), tried)
	for name, skip := range map[string]func(powercut.Op) bool{
		"artifact":             func(o powercut.Op) bool { return o.File != 0 && strings.Contains(o.Path, ".unverified") },
		"folder of artifacts":  func(o powercut.Op) bool { return o.File == 0 && filepath.Base(o.Path) == "sha256" },
		"journal":              func(o powercut.Op) bool { return o.File != 0 && strings.Contains(o.Path, "/slots/") },
		"folder of journals":   func(o powercut.Op) bool { return o.File == 0 && filepath.Base(o.Path) == "slots" },
		"folder of the client": func(o powercut.Op) bool { return o.File == 0 && o.Path == state },
		"folder of blobs":      func(o powercut.Op) bool { return o.File == 0 && filepath.Base(o.Path) == "blobs" },
	} {
		tried, err := powercut.Cuts(t, state, ops, skip, whole)
		if err == nil {
			t.Errorf("without the sync of the %s no promise is broken in %d states", name, tried)
		} else {
			t.Logf("without the sync of the %s: %v", name, err)
		}
	}
}
