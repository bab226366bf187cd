package release

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/ota/trust"
)

var day0 = time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)

// shop is a repository and all keys of its ceremony.
type shop struct {
	*Repo
	t    *testing.T
	keys string
	all  []*Key
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t, keys: t.TempDir()}
	s.must(Ceremony(s.keys, false))
	var err error
	s.all, err = ReadKeys(s.keys)
	s.must(err)
	s.Repo, err = Create(filepath.Join(t.TempDir(), "repo"), s.all, clock)
	s.must(err)
	return s
}

func clock() time.Time { return day0 }

func (s *shop) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) artifact(path, text string) Artifact {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "a")
	s.must(os.WriteFile(file, []byte(text), 0o600))
	return Artifact{Path: path, File: file, Custom: trust.Custom{Kind: "bundle", Name: "m", Version: "1.0.0"}}
}

// ring reads the keys of some folders.
func (s *shop) ring(folders ...string) Ring {
	s.t.Helper()
	var dirs []string
	for _, f := range folders {
		dirs = append(dirs, filepath.Join(s.keys, f))
	}
	keys, err := ReadKeys(dirs...)
	s.must(err)
	return RingOf(keys)
}

const path1 = "models/m/1.0.0.dunlin"

func TestTwoHoldersRelease(t *testing.T) {
	s := newShop(t)
	a := s.artifact(path1, "one")
	for _, too := range [][]string{{"holder-1", "release", "online"}, {"holder-1", "holder-2", "online"}, {"online"}} {
		var missing *MissingKeysError
		fresh, err := Open(s.dir, clock)
		s.must(err)
		if err := fresh.Publish(s.ring(too...), a); !errors.As(err, &missing) {
			t.Errorf("%v: %v", too, err)
		}
	}
	again, err := Open(s.dir, clock)
	s.must(err)
	if n := len(again.Released()); n != 0 {
		t.Fatalf("%d artifacts without enough keys", n)
	}
	s.must(again.Publish(s.ring("holder-3", "holder-1", "release", "online"), a))
	again, err = Open(s.dir, clock)
	s.must(err)
	all := again.Released()
	if len(all) != 1 || all[0].Path != path1 || all[0].Length != 3 || all[0].Custom.Name != "m" {
		t.Fatalf("released %+v", all)
	}
	file, err := again.File(all[0])
	s.must(err)
	if data, err := os.ReadFile(file); err != nil || string(data) != "one" {
		t.Errorf("%q, %v", data, err)
	}
}

func TestReleasedBytesNeverChange(t *testing.T) {
	s := newShop(t)
	s.must(s.Publish(RingOf(s.all), s.artifact(path1, "one")))
	s.must(s.Publish(RingOf(s.all), s.artifact(path1, "one")))
	if err := s.Publish(RingOf(s.all), s.artifact(path1, "two")); err == nil || !strings.Contains(err.Error(), "other bytes") {
		t.Errorf("other bytes: %v", err)
	}
	for _, bad := range []string{"m/1", "/models/m", "models/../x", "models/", "models/a/b/c/d", "targets/x", `models\x`, "models/*"} {
		if err := s.Publish(RingOf(s.all), s.artifact(bad, "x")); err == nil {
			t.Errorf("released as %q", bad)
		}
	}
}

func TestWithdraw(t *testing.T) {
	s := newShop(t)
	s.must(s.Publish(RingOf(s.all), s.artifact(path1, "one")))
	file, err := s.File(s.Released()[0])
	s.must(err)
	s.must(s.Withdraw(RingOf(s.all), path1))
	again, err := Open(s.dir, clock)
	s.must(err)
	if n := len(again.Released()); n != 0 {
		t.Errorf("%d released", n)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file: %v", err)
	}
	if err := again.Withdraw(RingOf(s.all), path1); err == nil {
		t.Error("withdrawn twice")
	}
}

// Two processes on one repository: the second finds out, and changes nothing.
func TestTwoWriters(t *testing.T) {
	s := newShop(t)
	other, err := Open(s.dir, clock)
	s.must(err)
	s.must(s.Publish(RingOf(s.all), s.artifact(path1, "one")))
	if err := other.Publish(RingOf(s.all), s.artifact("models/m/2.0.0.dunlin", "two")); !errors.Is(err, ErrChanged) {
		t.Errorf("publish: %v", err)
	}
	if err := other.SignTimestamp(s.ring("online")); !errors.Is(err, ErrChanged) {
		t.Errorf("timestamp: %v", err)
	}
	again, err := Open(s.dir, clock)
	s.must(err)
	if all := again.Released(); len(all) != 1 || all[0].Path != path1 {
		t.Errorf("released %+v", all)
	}
	s.must(again.SignTimestamp(s.ring("online")))
	s.must(again.SignTimestamp(s.ring("online")))
}

func TestKeysAreNeverOverwritten(t *testing.T) {
	s := newShop(t)
	if err := Ceremony(s.keys, false); err == nil || !strings.Contains(err.Error(), "never overwritten") {
		t.Errorf("a second ceremony: %v", err)
	}
	if s.Development() {
		t.Error("three holders pass for one")
	}
	info, err := os.Stat(filepath.Join(s.keys, "holder-1", "root.key"))
	s.must(err)
	if info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others may read a key: %v", info.Mode())
	}
	if _, err := Create(s.dir, s.all, clock); err == nil {
		t.Error("a second repository in the same folder")
	}
}
