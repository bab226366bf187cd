package capture

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// sample is a capture of the n-th minute after noon.
func sample(n int) *Capture {
	return &Capture{
		Time: noon.Add(time.Duration(n) * time.Minute), Synced: true, Device: "bench", Pipeline: "door", Subject: "room-12",
		Bundle: [32]byte{1, 2, 3}, Numerics: 1, Why: Score, Class: 3, Label: "person", Score: 0.25,
		State: []byte{1, byte(n)}, Input: bytes.Repeat([]byte{7}, 100), Output: []byte{9, 8},
	}
}

type testStore struct {
	*Store
	dir string
	now time.Time
}

func newStore(t *testing.T, cfg Config) *testStore {
	t.Helper()
	s := &testStore{dir: filepath.Join(t.TempDir(), "captures"), now: noon.Add(time.Hour)}
	cfg.Dir, cfg.Now = s.dir, func() time.Time { return s.now }
	s.Store = New(cfg)
	return s
}

func (s *testStore) add(t *testing.T, c *Capture) Entry {
	t.Helper()
	e, _, err := s.Add(c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (s *testStore) list(t *testing.T) []Entry {
	t.Helper()
	all, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestCodec(t *testing.T) {
	c := sample(1)
	data, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(data)
	if err != nil || back.Time != c.Time || back.Why.String() != "score" || back.Label != "person" || !slices.Equal(back.State, c.State) {
		t.Fatalf("%+v, %v", back, err)
	}
	for i := range data {
		spoilt := slices.Clone(data)
		spoilt[i] ^= 0x10
		if _, err := Decode(spoilt); err == nil {
			t.Errorf("a changed byte %d passes", i)
		}
		if _, err := Decode(data[:i]); err == nil {
			t.Errorf("the first %d bytes pass", i)
		}
	}
	later := slices.Clone(data)
	later[len(magic)-1]++
	if _, err := Decode(later); !errors.Is(err, ErrVersion) {
		t.Errorf("later version: %v", err)
	}
	for what, change := range map[string]func(*Capture){
		"state": func(c *Capture) { c.State = nil }, "time": func(c *Capture) { c.Time = time.Unix(-1, 0) },
		"label": func(c *Capture) { c.Label = strings.Repeat("x", 300) }, "size": func(c *Capture) { c.Input = make([]byte, maxBytes) },
	} {
		c := sample(1)
		change(c)
		if _, err := c.Encode(); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func FuzzDecode(f *testing.F) {
	data, err := sample(1).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data[len(magic) : len(data)-4])
	f.Fuzz(func(t *testing.T, body []byte) {
		file := append([]byte(magic), body...)
		sum := checksum(file)
		file = append(file, byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24))
		if c, err := Decode(file); err == nil {
			if again, err := c.Encode(); err != nil || !bytes.Equal(again, file) {
				t.Errorf("%v", err)
			}
		}
	})
}

// TestStore: what is added is there after, with the name of its content, for
// its owner alone; a crash leaves nothing that counts.
func TestStore(t *testing.T) {
	s := newStore(t, Config{})
	if all := s.list(t); len(all) != 0 {
		t.Errorf("%v before the first", all)
	}
	e := s.add(t, sample(1))
	if err := os.WriteFile(filepath.Join(s.dir, next), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"notes.txt", "0000000000001-zz.capture", "1-" + e.ID + suffix} {
		if err := os.WriteFile(filepath.Join(s.dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Sweep(); err != nil {
		t.Fatal(err)
	}
	all := s.list(t)
	if len(all) != 1 || all[0] != e || e.ID[:8] != all[0].ID[:8] || e.Bytes == 0 {
		t.Fatalf("%+v, want %+v", all, e)
	}
	if _, err := os.Stat(filepath.Join(s.dir, next)); !errors.Is(err, os.ErrNotExist) {
		t.Error("half a file is left")
	}
	if info, err := os.Stat(filepath.Join(s.dir, e.file())); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if c, err := s.Load(e); err != nil || c.Subject != "room-12" {
		t.Errorf("%+v, %v", c, err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, e.file()), []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(e); err == nil {
		t.Error("another content under the name passes")
	}
}

func TestCaps(t *testing.T) {
	one, err := sample(1).Encode()
	if err != nil {
		t.Fatal(err)
	}
	n := int64(len(one))
	day := newStore(t, Config{DayFiles: 2})
	day.add(t, sample(1))
	day.add(t, sample(2))
	if _, _, err := day.Add(sample(3)); !errors.Is(err, ErrLimit) {
		t.Errorf("third of two: %v", err)
	}
	day.now = noon.Add(24*time.Hour + 90*time.Second)
	day.add(t, sample(24*60))
	if _, _, err := day.Add(sample(24*60 + 1)); !errors.Is(err, ErrLimit) {
		t.Errorf("third within 24 hours: %v", err)
	}
	bytes := newStore(t, Config{DayBytes: 2*n + n/2})
	bytes.add(t, sample(1))
	bytes.add(t, sample(2))
	if _, _, err := bytes.Add(sample(3)); !errors.Is(err, ErrLimit) {
		t.Errorf("bytes of the day: %v", err)
	}
	full := newStore(t, Config{MaxBytes: 3 * n, MaxAge: 30 * time.Minute})
	full.now = noon.Add(10 * time.Minute)
	for i := range 5 {
		full.add(t, sample(i))
	}
	if all := full.list(t); len(all) != 3 || !all[0].Time.Equal(sample(2).Time) {
		t.Errorf("the oldest did not go: %+v", all)
	}
	if _, _, err := newStore(t, Config{MaxBytes: n - 1}).Add(sample(1)); !errors.Is(err, ErrLimit) {
		t.Errorf("larger than all room: %v", err)
	}
	full.now = noon.Add(33*time.Minute + time.Second)
	if err := full.Sweep(); err != nil || len(full.list(t)) != 1 {
		t.Errorf("%v, left %+v", err, full.list(t))
	}
}

func TestErase(t *testing.T) {
	s := newStore(t, Config{})
	var all []Entry
	for i := range 6 {
		c := sample(i)
		if i%2 == 1 {
			c.Subject = "room-13"
		}
		all = append(all, s.add(t, c))
	}
	for _, sel := range []Selection{{}, {ID: all[0].ID[:7]}} {
		if r, err := s.Erase(sel); err == nil || len(r.Captures) != 0 {
			t.Errorf("%+v erases %+v, %v", sel, r, err)
		}
	}
	erase := func(sel Selection, want ...Entry) {
		t.Helper()
		r, err := s.Erase(sel)
		if err != nil || !slices.Equal(r.Captures, want) || !r.Erased.Equal(s.now) {
			t.Errorf("%+v: %+v, %v; want %+v", sel, r, err, want)
		}
	}
	erase(Selection{ID: all[4].ID[:10]}, all[4])
	erase(Selection{Subject: "room-13", Before: all[3].Time}, all[1])
	erase(Selection{Subject: "nobody"})
	erase(Selection{Before: all[2].Time}, all[0])
	if err := os.WriteFile(filepath.Join(s.dir, all[2].file()), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := s.Erase(Selection{Subject: "room-13"})
	if !errors.Is(err, ErrUnreadable) || len(r.Captures) != 2 || len(r.Unreadable) != 1 || r.Unreadable[0].ID != all[2].ID {
		t.Errorf("with one that cannot be read: %+v, %v", r, err)
	}
	if r, err := s.Erase(Selection{All: true}); err != nil || len(r.Captures) != 1 || len(s.list(t)) != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if _, err := LoadKey(path, false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no key: %v", err)
	}
	key, err := LoadKey(path, true)
	if err != nil {
		t.Fatal(err)
	}
	s := newStore(t, Config{Key: key})
	c := sample(1)
	c.Label = "a word to look for"
	e := s.add(t, c)
	raw, err := os.ReadFile(filepath.Join(s.dir, e.file()))
	if err != nil || bytes.Contains(raw, []byte(c.Label)) {
		t.Errorf("readable on disk: %v", err)
	}
	if _, err := Decode(raw); !errors.Is(err, ErrSealed) {
		t.Errorf("decoded as it is: %v", err)
	}
	if key, err = LoadKey(path, false); err != nil {
		t.Fatal(err)
	}
	s.cfg.Key = key
	if got, err := s.Load(e); err != nil || got.Label != c.Label {
		t.Errorf("%+v, %v", got, err)
	}
	other, err := LoadKey(path+"2", true)
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]*Key{"none": nil, "other": other} {
		s.cfg.Key = k
		if _, err := s.Read(e); !errors.Is(err, ErrSealed) {
			t.Errorf("key %s: %v", name, err)
		}
	}
	s.cfg.Key = key
	plain := newStore(t, Config{})
	old := plain.add(t, sample(2))
	if err := os.Rename(filepath.Join(plain.dir, old.file()), filepath.Join(s.dir, old.file())); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(old); err != nil {
		t.Errorf("one from before the key: %v", err)
	}
	for i := range raw {
		spoilt := slices.Clone(raw)
		spoilt[i] ^= 1
		if err := os.WriteFile(filepath.Join(s.dir, e.file()), spoilt, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(e); err == nil {
			t.Errorf("changed byte %d passes", i)
		}
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path, true); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others read: %v", err)
	}
	if err := os.WriteFile(path+"3", []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path+"3", true); err == nil {
		t.Error("a short key passes")
	}
}
