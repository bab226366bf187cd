package ota

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/ota/fetch"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

func TestInstall(t *testing.T) {
	w := newWorld(t)
	one, two := w.publish("1.0.0", "one", 0), w.publish("2.0.0", "two", 0)
	c := w.open()
	w.must(c.Install(t.Context(), one))
	w.runs(c, "one")
	w.must(c.Install(t.Context(), two))
	w.runs(c, "two")
	w.must(c.Close())
	c = w.open()
	w.runs(c, "two")
	w.must(c.Install(t.Context(), two))
	if len(w.trials) != 2 {
		t.Errorf("%d trials, want one for each version", len(w.trials))
	}
	var states []State
	for _, p := range w.notes[:4] {
		states = append(states, p.State)
	}
	if fmt.Sprint(states) != "[fetching staged trial good]" {
		t.Errorf("told %v", states)
	}
}

// TestChosenModelIsKept: which of a bundle's models a trial chose is known
// after a restart, and after going back.
func TestChosenModelIsKept(t *testing.T) {
	w := newWorld(t)
	one, two := w.publish("1.0.0", "one", 0), w.publish("2.0.0", "two", 0)
	w.verdicts["one"], w.verdicts["two"] = Verdict{Good: true, Model: "first"}, Verdict{Good: true, Model: "second"}
	c := w.open()
	w.must(c.Install(t.Context(), one))
	w.must(c.Install(t.Context(), two))
	for _, want := range []string{"second", "first"} {
		w.must(c.Close())
		c = w.open()
		w.must(c.Install(t.Context(), map[string]Order{"first": one, "second": two}[want]))
		if a, _ := c.Active("words"); a.Model != want {
			t.Errorf("model %q, want %q", a.Model, want)
		}
		if want == "second" {
			w.must(c.Rollback("words", "test"))
		}
	}
}

// TestBadReleaseIsPinned: it is refused once, reported with its reason, and not
// tried again, restarts included.
func TestBadReleaseIsPinned(t *testing.T) {
	w := newWorld(t)
	one, bad := w.publish("1.0.0", "one", 0), w.publish("2.0.0", "bad", 5)
	w.verdicts["bad"] = Verdict{Reason: "golden sample 3: output 0 differs"}
	c := w.open()
	w.must(c.Install(t.Context(), one))
	for range 3 {
		var refused *RefusedError
		if err := c.Install(t.Context(), bad); !errors.As(err, &refused) || refused.Reason != w.verdicts["bad"].Reason {
			t.Fatal(err)
		}
		w.runs(c, "one")
		if s := c.Slots()[0]; s.State != Reverted || s.Reason == "" || len(s.Pins) != 1 {
			t.Errorf("reported %+v", s)
		}
		w.must(c.Close())
		c = w.open()
	}
	if len(w.trials) != 2 {
		t.Errorf("%d trials, want 2", len(w.trials))
	}
	delete(w.verdicts, "bad")
	w.must(c.Unpin("words", fmt.Sprintf("%x", bad.SHA256)))
	w.must(c.Install(t.Context(), bad))
	w.runs(c, "bad")
}

// TestTrialThatKillsTheAgent: after three attempts it is pinned.
func TestTrialThatKillsTheAgent(t *testing.T) {
	w := newWorld(t)
	one, bad := w.publish("1.0.0", "one", 0), w.publish("2.0.0", "bad", 0)
	c := w.open()
	w.must(c.Install(t.Context(), one))
	attempts := 0
	for range 5 {
		c.cfg.Trial = func(context.Context, Candidate) (Verdict, error) { attempts++; panic("killed") }
		err := func() error {
			defer func() { recover() }()
			return c.Install(t.Context(), bad)
		}()
		var refused *RefusedError
		if attempts == MaxAttempts && err != nil && !errors.As(err, &refused) {
			t.Error(err)
		}
		w.must(c.Close())
		c = w.open()
		w.runs(c, "one")
	}
	if attempts != MaxAttempts {
		t.Errorf("%d attempts, want %d", attempts, MaxAttempts)
	}
}

// TestStoppedTrialIsNoFailure: the agent stops in good order, again and again.
func TestStoppedTrialIsNoFailure(t *testing.T) {
	w := newWorld(t)
	one := w.publish("1.0.0", "one", 0)
	c := w.open()
	for range 2 * MaxAttempts {
		ctx, cancel := context.WithCancel(t.Context())
		c.cfg.Trial = func(ctx context.Context, _ Candidate) (Verdict, error) { cancel(); return Verdict{}, ctx.Err() }
		if err := c.Install(ctx, one); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	c.cfg.Trial = w.trial
	w.must(c.Install(t.Context(), one))
	w.runs(c, "one")
}

// TestStolenController: it orders what nobody signed, what was withdrawn,
// other bytes than those signed, an older epoch.
func TestStolenController(t *testing.T) {
	w := newWorld(t)
	one, two := w.publish("1.0.0", "one", 1), w.publish("2.0.0", "two", 2)
	c := w.open()
	w.must(c.Install(t.Context(), two))
	unsigned := order("models/kws/6.6.6.dunlin", "evil")
	if err := c.Install(t.Context(), unsigned); !errors.Is(err, trust.ErrNotAllowed) {
		t.Errorf("unsigned: %v", err)
	}
	other := order(two.Target, "evil")
	if err := c.Install(t.Context(), other); err == nil {
		t.Error("other bytes under a signed path")
	}
	if err := c.Install(t.Context(), one); err == nil {
		t.Error("an older security epoch")
	}
	three := w.publish("3.0.0", "three", 2)
	w.must(w.repo.Withdraw(w.ring, three.Target))
	w.must(c.Refresh(t.Context()))
	if err := c.Install(t.Context(), three); !errors.Is(err, trust.ErrNotAllowed) {
		t.Errorf("withdrawn: %v", err)
	}
	for _, slot := range []string{"", "../x", "A", "a/b"} {
		o := two
		o.Slot = slot
		if c.Install(t.Context(), o) == nil {
			t.Errorf("slot %q", slot)
		}
	}
	w.runs(c, "two")
	if len(w.trials) != 1 {
		t.Errorf("%d trials", len(w.trials))
	}
}

// TestServerWithOtherBytes: nothing is pinned for it, and the right bytes
// install later.
func TestServerWithOtherBytes(t *testing.T) {
	w := newWorld(t)
	one, two := w.publish("1.0.0", "one", 0), w.publish("2.0.0", "two", 0)
	c := w.open()
	w.must(c.Install(t.Context(), one))
	file := filepath.Join(w.dir, "targets", "models", "kws", fmt.Sprintf("%x.2.0.0.dunlin", two.SHA256))
	w.must(os.WriteFile(file, []byte("bad"), 0o600))
	if err := c.Install(t.Context(), two); !errors.Is(err, fetch.ErrWrongBytes) && !errors.Is(err, errNoWait) {
		t.Error(err)
	}
	w.runs(c, "one")
	w.must(os.WriteFile(file, []byte("two"), 0o600))
	w.must(c.Install(t.Context(), two))
	w.runs(c, "two")
}

// TestRollback goes back once, with everything expired, and pins.
func TestRollback(t *testing.T) {
	w := newWorld(t)
	one, two := w.publish("1.0.0", "one", 0), w.publish("2.0.0", "two", 0)
	c := w.open()
	w.must(c.Install(t.Context(), one))
	if c.Rollback("words", "test") == nil {
		t.Error("went back from the first version")
	}
	w.must(c.Install(t.Context(), two))
	w.now = w.now.AddDate(5, 0, 0)
	w.must(c.Rollback("words", "hot"))
	w.runs(c, "one")
	if c.Rollback("words", "again") == nil {
		t.Error("went back twice: two bad releases would take turns")
	}
	w.runs(c, "one")
	var refused *RefusedError
	if err := c.Install(t.Context(), two); !errors.As(err, &refused) || refused.Reason != "hot" {
		t.Errorf("the pinned version: %v", err)
	}
}

// TestExpiredKeepsRunning: no new installs, the active one stays.
func TestExpiredKeepsRunning(t *testing.T) {
	w := newWorld(t)
	one, two := w.publish("1.0.0", "one", 0), w.publish("2.0.0", "two", 0)
	c := w.open()
	w.must(c.Install(t.Context(), one))
	w.now = w.now.Add(8 * 24 * time.Hour)
	if c.Install(t.Context(), two) == nil || c.Refresh(t.Context()) == nil {
		t.Error("expired metadata was used")
	}
	w.runs(c, "one")
}

// TestDamagedActive: flash lost bytes of it; the same order mends it.
func TestDamagedActive(t *testing.T) {
	w := newWorld(t)
	one := w.publish("1.0.0", "one", 0)
	c := w.open()
	w.must(c.Install(t.Context(), one))
	a, _ := c.Active("words")
	w.must(os.Chmod(a.Path, 0o600))
	w.must(os.WriteFile(a.Path, []byte("onf"), 0o600))
	w.must(c.Install(t.Context(), one))
	w.runs(c, "one")
}

// TestDamagedJournal: the slot is lost, told, and installed again.
func TestDamagedJournal(t *testing.T) {
	w := newWorld(t)
	one := w.publish("1.0.0", "one", 0)
	c := w.open()
	w.must(c.Install(t.Context(), one))
	for _, damage := range []func([]byte) []byte{
		func(b []byte) []byte { return nil },
		func(b []byte) []byte { return b[:len(b)/2] },
		func(b []byte) []byte { return make([]byte, len(b)) },
		func(b []byte) []byte { b[len(b)-9] ^= 1; return b },
	} {
		w.must(c.Close())
		data, err := os.ReadFile(c.file("words"))
		w.must(err)
		w.must(os.WriteFile(c.file("words"), damage(data), 0o600))
		c = w.open()
		if _, ok := c.Active("words"); ok {
			t.Error("a damaged journal was believed")
		}
		w.must(c.Install(t.Context(), one))
		w.runs(c, "one")
	}
}

// TestCollectsOldArtifacts: the active and the previous one stay.
func TestCollectsOldArtifacts(t *testing.T) {
	w := newWorld(t)
	c := w.open()
	for i := range 5 {
		o := w.publish(fmt.Sprintf("1.0.%d", i), fmt.Sprint("contents ", i), 0)
		w.must(c.Refresh(t.Context()))
		w.must(c.Install(t.Context(), o))
	}
	files, err := filepath.Glob(filepath.Join(w.state, "blobs", "sha256", "*"))
	if err != nil || len(files) != 2 {
		t.Errorf("%d artifacts stand, want 2 (%v)", len(files), err)
	}
}

// TestOneProcess: a second one is told.
func TestOneProcess(t *testing.T) {
	w := newWorld(t)
	c := w.open()
	if _, err := Open(c.cfg); err == nil {
		t.Error("opened twice")
	}
}
