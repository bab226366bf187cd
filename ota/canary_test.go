package ota

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/ota/release"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

// buildMachine holds the canary key of a world, and what it has proposed.
type buildMachine struct {
	*world
	key *release.Key
}

// delegate lets the holders give the canary role a new key.
func (w *world) delegate() *buildMachine {
	w.t.Helper()
	dir := w.t.TempDir()
	w.must(release.RoleKeys(dir, release.Canary, false))
	key, err := release.ReadKey(filepath.Join(dir, "ci", "canary.key"))
	w.must(err)
	w.must(w.repo.Rotate(w.ring, release.Canary, key.Public()))
	return &buildMachine{w, key}
}

// proposal lets the build machine propose contents under a path, as what it
// likes, and returns the order for it.
func (b *buildMachine) proposal(path, contents string, custom trust.Custom) Order {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), "a")
	b.must(os.WriteFile(file, []byte(contents), 0o600))
	b.must(release.Propose(b.dir, b.key, b.now, release.Artifact{Path: path, File: file, Custom: custom}))
	return order(path, contents)
}

func (b *buildMachine) propose(version, contents string) Order {
	return b.proposal("canary/kws/"+version+".dunlin", contents, trust.Custom{Kind: "bundle", Name: "kws", Version: version})
}

const canaryFile = "metadata/canary.json"

// TestCanary: what a build machine proposes runs on canaries until people
// release it, the same bytes.
func TestCanary(t *testing.T) {
	w := newWorld(t)
	one := w.publish("1.0.0", "one", 0)
	b := w.delegate()
	two := b.propose("2.0.0", "two")
	w.canary = true
	c := w.open()
	w.must(c.Install(t.Context(), one))
	w.must(c.Install(t.Context(), two))
	w.runs(c, "two")
	w.must(c.Close())
	c = w.open()
	w.runs(c, "two")
	released := w.publish("2.0.0", "two", 3)
	w.must(c.Refresh(t.Context()))
	w.must(c.Install(t.Context(), released))
	if a, _ := c.Active("words"); a.Target != released.Target || a.Epoch != 3 || len(w.trials) != 2 {
		t.Errorf("after its release %+v is active, %d trials", a, len(w.trials))
	}
	if err := c.Install(t.Context(), one); err == nil {
		t.Error("the epoch of the released bytes is no floor")
	}
}

// TestStolenCanaryKey: with the build machine's key, and a controller that
// orders whatever the thief likes, nothing is installed beyond canaries, and
// canaries stay the holders'.
func TestStolenCanaryKey(t *testing.T) {
	bundle := trust.Custom{Kind: "bundle", Name: "kws", Version: "6.6.6"}
	t.Run("a device that is no canary", func(t *testing.T) {
		w := newWorld(t)
		b := w.delegate()
		evil := b.propose("6.6.6", "evil")
		if err := w.open().Install(t.Context(), evil); !errors.Is(err, trust.ErrNotAllowed) {
			t.Error(err)
		}
	})
	t.Run("under the path of releases", func(t *testing.T) {
		w := newWorld(t)
		w.canary = true
		b := w.delegate()
		for _, path := range []string{"models/kws/6.6.6.dunlin", "agent/6.6.6/dunlin-amd64"} {
			file := filepath.Join(t.TempDir(), "a")
			w.must(os.WriteFile(file, []byte("evil"), 0o600))
			if err := release.Propose(w.dir, b.key, w.now, release.Artifact{Path: path, File: file, Custom: bundle}); err == nil {
				t.Errorf("proposed %s", path)
			}
			var missing *release.MissingKeysError
			if err := w.repo.Publish(release.Ring{b.key}, release.Artifact{Path: path, File: file, Custom: bundle}); !errors.As(err, &missing) {
				t.Errorf("published %s: %v", path, err)
			}
		}
	})
	t.Run("a program of the agent", func(t *testing.T) {
		w := newWorld(t)
		w.canary = true
		b := w.delegate()
		evil := b.proposal("canary/agent/6.6.6", "evil", trust.Custom{Kind: "agent", Name: "agent", Version: "6.6.6", Arch: "here"})
		evil.Slot = ProgramSlot
		c := w.open()
		c.cfg.Arch = "here"
		if err := c.Install(t.Context(), evil); err == nil {
			t.Error("a build machine replaces the agent")
		}
	})
	t.Run("an epoch that would keep all releases away", func(t *testing.T) {
		w := newWorld(t)
		w.canary = true
		b := w.delegate()
		bundle.SecurityEpoch = 1 << 40
		evil := b.proposal("canary/kws/6.6.6.dunlin", "evil", bundle)
		c := w.open()
		w.must(c.Install(t.Context(), evil))
		w.must(c.Close())
		good := w.publish("7.0.0", "good", 0)
		c = w.open()
		w.must(c.Install(t.Context(), good))
		w.runs(c, "good")
	})
	t.Run("an older epoch than the device has seen", func(t *testing.T) {
		w := newWorld(t)
		w.canary = true
		b := w.delegate()
		hole := b.propose("1.0.0", "with a hole")
		mended := w.publish("2.0.0", "mended", 1)
		c := w.open()
		w.must(c.Install(t.Context(), mended))
		if err := c.Install(t.Context(), hole); err == nil {
			t.Error("back before a security epoch")
		}
	})
	t.Run("until the holders give the role another key", func(t *testing.T) {
		w := newWorld(t)
		w.canary = true
		thief := w.delegate()
		w.now = w.now.Add(time.Hour)
		first := thief.propose("6.6.5", "first")
		c := w.open()
		w.must(c.Install(t.Context(), first))
		honest := w.delegate()
		evil := thief.propose("6.6.6", "evil")
		w.must(c.Refresh(t.Context()))
		if err := c.Install(t.Context(), evil); err == nil {
			t.Error("the old key still signs")
		}
		w.now = w.now.Add(-30 * time.Minute) // below the version that the thief raised
		good := honest.propose("3.0.0", "good")
		w.must(c.Install(t.Context(), good))
		w.runs(c, "good")
	})
}

// TestCanaryMetadata: an old, expired or foreign document allows nothing.
func TestCanaryMetadata(t *testing.T) {
	w := newWorld(t)
	w.canary = true
	stranger := &buildMachine{world: w}
	dir := t.TempDir()
	w.must(release.RoleKeys(dir, release.Canary, false))
	var err error
	stranger.key, err = release.ReadKey(filepath.Join(dir, "ci", "canary.key"))
	w.must(err)
	evil := stranger.propose("6.6.6", "evil")
	c := w.open()
	if err := c.Install(t.Context(), evil); err == nil {
		t.Error("nobody delegated to anybody")
	}
	b := w.delegate()
	w.must(c.Refresh(t.Context()))
	if err := c.Install(t.Context(), evil); err == nil {
		t.Error("signed by another key")
	}
	old := b.propose("1.0.0", "old")
	data, err := os.ReadFile(filepath.Join(w.dir, canaryFile))
	w.must(err)
	w.now = w.now.Add(time.Hour)
	next := b.propose("2.0.0", "next")
	w.must(c.Install(t.Context(), next))
	w.must(os.WriteFile(filepath.Join(w.dir, canaryFile), data, 0o600))
	w.must(c.Close())
	c = w.open()
	if err := c.Install(t.Context(), old); err == nil {
		t.Error("an older proposal, after a restart")
	}
	last := b.propose("3.0.0", "last")
	w.now = w.now.Add(release.CanaryValidity)
	w.must(w.repo.SignTimestamp(w.ring))
	w.must(c.Refresh(t.Context()))
	if err := c.Install(t.Context(), last); err == nil {
		t.Error("a week later")
	}
	w.must(os.WriteFile(filepath.Join(w.dir, canaryFile), []byte("{"), 0o600))
	if err := c.Install(t.Context(), last); err == nil {
		t.Error("no document at all")
	}
	w.runs(c, "next")
}
