package ota

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestAssignmentIsTheNewest(t *testing.T) {
	w := newWorld(t)
	c := w.open()
	text := func(want string) {
		t.Helper()
		got, err := c.Assignment()
		w.must(err)
		if string(got) != want {
			t.Errorf("assignment %q, want %q", got, want)
		}
	}
	text("")
	w.must(c.Assign(7, []byte("seven")))
	text("seven")
	w.must(c.Assign(7, []byte("seven, valid for longer")))
	if err := c.Assign(6, []byte("six")); !errors.Is(err, ErrReplay) {
		t.Errorf("a replay gave %v", err)
	}
	text("seven, valid for longer")
	w.must(c.Close())
	c = w.open()
	text("seven, valid for longer")
}

// An assignment whose text is lost or old is asked for again; its number stays
// the floor.
func TestAssignmentLost(t *testing.T) {
	w := newWorld(t)
	c := w.open()
	w.must(c.Assign(3, []byte("three")))
	old, err := os.ReadFile(filepath.Join(w.state, "assignment"))
	w.must(err)
	w.must(c.Assign(4, []byte("four")))
	for name, data := range map[string][]byte{"old": old, "empty": {}, "cut": old[:len(old)-1]} {
		w.must(os.WriteFile(filepath.Join(w.state, "assignment"), data, 0o600))
		if got, err := c.Assignment(); err == nil {
			t.Errorf("%s: read as %q", name, got)
		}
	}
	if err := c.Assign(3, []byte("three")); !errors.Is(err, ErrReplay) {
		t.Errorf("a replay gave %v", err)
	}
	w.must(c.Assign(4, []byte("four")))
	if got, err := c.Assignment(); err != nil || string(got) != "four" {
		t.Errorf("%q, %v", got, err)
	}
}
