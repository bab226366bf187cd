package uplink

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func cmd(id string) fleet.Command {
	return fleet.Command{Device: "pi-1", ID: id, Name: "ping", NotAfter: noon.Add(time.Minute)}
}

func open(t *testing.T, dir string, now time.Time) *journal {
	t.Helper()
	j, err := openJournal(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.close() })
	return j
}

// TestInterrupted: a command that began before a restart ran perhaps, so it
// never begins again and says so.
func TestInterrupted(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, noon)
	for _, id := range []string{"a", "b"} {
		if known, err := j.begin(cmd(id), noon); known != nil || err != nil {
			t.Fatal(known, err)
		}
	}
	if err := j.end(fleet.Result{ID: "a", State: fleet.StateDone}, noon); err != nil {
		t.Fatal(err)
	}
	j = open(t, dir, noon) // nothing was closed: as after kill -9
	for id, want := range map[string]fleet.State{"a": fleet.StateDone, "b": fleet.StateInterrupted} {
		if known, err := j.begin(cmd(id), noon); err != nil || known == nil || known.State != want {
			t.Errorf("%s: %+v, %v, want %s", id, known, err, want)
		}
	}
}

// TestHalfLine: every cut of the file by a power failure opens, and forgets
// only a command whose line was not whole, which therefore never ran.
func TestHalfLine(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, noon)
	if _, err := j.begin(cmd("a"), noon); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(j.path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) {
		cut := t.TempDir()
		if err := os.WriteFile(filepath.Join(cut, journalFile), whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		known, err := open(t, cut, noon).begin(cmd("a"), noon)
		if err != nil || known != nil && !json.Valid(whole[:n]) {
			t.Fatalf("cut at %d: %+v, %v", n, known, err)
		}
	}
}

// TestWindow: ids are forgotten only when not_after alone refuses them.
func TestWindow(t *testing.T) {
	dir := t.TempDir()
	j := open(t, dir, noon)
	if _, err := j.begin(cmd("a"), noon); err != nil {
		t.Fatal(err)
	}
	if err := j.end(fleet.Result{ID: "a", State: fleet.StateDone}, noon); err != nil {
		t.Fatal(err)
	}
	if n := len(open(t, dir, noon.Add(remember)).entries); n != 1 {
		t.Errorf("%d entries within the window, want 1", n)
	}
	if n := len(open(t, dir, noon.Add(remember+time.Hour)).entries); n != 0 {
		t.Errorf("%d entries beyond the window, want none", n)
	}
}

// TestFull: a flood is refused and pushes nothing out.
func TestFull(t *testing.T) {
	j := open(t, t.TempDir(), noon)
	for i := range maxEntries {
		id := string([]byte{'a' + byte(i>>8), '-', 'a' + byte(i>>4&15), 'a' + byte(i&15)})
		j.entries[id] = &entry{ID: id, State: fleet.StateDone, NotAfter: noon, At: noon}
	}
	if _, err := j.begin(cmd("zz"), noon); err != errFull {
		t.Errorf("got %v, want %v", err, errFull)
	}
	if _, err := j.begin(cmd("zz"), noon.Add(2*remember)); err != nil {
		t.Errorf("a day later: %v", err)
	}
}

// TestUnreadable: without knowing what ran, nothing runs.
func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, journalFile), 0o700); err != nil {
		t.Fatal(err)
	}
	j, err := openJournal(dir, noon)
	if !errors.Is(err, syscall.EISDIR) {
		t.Errorf("opened: %v", err)
	}
	if _, err := j.begin(cmd("a"), noon); !errors.Is(err, syscall.EISDIR) {
		t.Errorf("began: %v", err)
	}
}
