package guard

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

func put(t *testing.T, d Dir, version, text string) Version {
	t.Helper()
	sum := sha256.Sum256([]byte(text))
	v := Version{version, hex.EncodeToString(sum[:])}
	path, err := d.Place(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return v
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// starts checks what starts next.
func starts(t *testing.T, d Dir, packaged string, want Version, trial bool) Choice {
	t.Helper()
	c, err := d.Pick("/usr/bin/dunlin", packaged)
	must(t, err)
	if c.Version != want || c.Trial != trial {
		t.Fatalf("%s starts, trial %v, want %s, %v; %v", c.Version.Short(), c.Trial, want.Short(), trial, c.Notes)
	}
	return c
}

func held(t *testing.T, d Dir, v Version) {
	t.Helper()
	must(t, d.Try(v, nil))
	starts(t, d, "1.0.0", v, true)
	must(t, d.Commit(v))
}

func TestPick(t *testing.T) {
	d := Dir(t.TempDir())
	none := Version{}
	if c := starts(t, d, "1.0.0", none, false); c.Path != "/usr/bin/dunlin" {
		t.Errorf("path %s", c.Path)
	}
	one := put(t, d, "1.1.0", "one")
	held(t, d, one)
	starts(t, d, "1.0.0", one, false)
	starts(t, d, "1.1.0", none, false) // the package caught up
	starts(t, d, "1.1.0-rc.1", one, false)
	starts(t, d, "(devel)", one, false)
	two := put(t, d, "1.2.0", "two")
	held(t, d, two)
	starts(t, d, "1.0.0", two, false)
	must(t, d.Refuse(two, "taken back"))
	starts(t, d, "1.0.0", one, false)
	must(t, os.WriteFile(d.Path(one), []byte("rot"), 0o700))
	if c := starts(t, d, "1.0.0", none, false); len(c.Notes) != 2 {
		t.Errorf("notes %q, want why not two and why not one", c.Notes)
	}
	if s, _, err := d.Standing(one); s != Unknown || err != nil {
		t.Errorf("a program that flash lost stands as %d, %v: it must come again", s, err)
	}
}

func TestThreeStarts(t *testing.T) {
	d := Dir(t.TempDir())
	one := put(t, d, "1.1.0", "one")
	must(t, d.Try(one, []string{"fleet"}))
	for range MaxStarts {
		starts(t, d, "1.0.0", one, true)
		must(t, d.Ended("exit-code"))
	}
	starts(t, d, "1.0.0", Version{}, false)
	s, reason, err := d.Standing(one)
	if s != Refused || !strings.Contains(reason, "3 starts") || err != nil {
		t.Errorf("it stands as %d, %q, %v", s, reason, err)
	}
	if err := d.Try(one, nil); err == nil {
		t.Error("a refused program went on trial")
	}
}

func TestHang(t *testing.T) {
	for _, result := range []string{"watchdog", "timeout"} {
		d := Dir(t.TempDir())
		one := put(t, d, "1.1.0", "one")
		held(t, d, one)
		two := put(t, d, "1.2.0", "two")
		must(t, d.Ended(result)) // of one that held: it is started again
		starts(t, d, "1.0.0", one, false)
		must(t, d.Try(two, nil))
		must(t, d.Ended(result)) // of the one before, as it stopped
		starts(t, d, "1.0.0", two, true)
		must(t, d.Ended(result))
		starts(t, d, "1.0.0", one, false)
		if s, reason, _ := d.Standing(two); s != Refused || !strings.Contains(reason, result) {
			t.Errorf("%s: it stands as %d, %q", result, s, reason)
		}
	}
}

// TestBrokenFolder: nothing in the folder keeps the agent from starting.
func TestBrokenFolder(t *testing.T) {
	for name, harm := range map[string]func(d Dir) error{
		"state empty":     func(d Dir) error { return os.WriteFile(d.file(), nil, 0o600) },
		"state zeroed":    func(d Dir) error { return os.WriteFile(d.file(), make([]byte, 512), 0o600) },
		"state too long":  func(d Dir) error { return os.WriteFile(d.file(), make([]byte, maxState+1), 0o600) },
		"link to nowhere": func(d Dir) error { return d.setLink("current", Version{"9.9.9", strings.Repeat("0", 64)}) },
		"link elsewhere": func(d Dir) error {
			_ = os.Remove(string(d) + "/current")
			return os.Symlink("/bin/sh", string(d)+"/current")
		},
		"link is a folder": func(d Dir) error {
			_ = os.Remove(string(d) + "/current")
			return os.Mkdir(string(d)+"/current", 0o700)
		},
		"all gone": func(d Dir) error { return os.RemoveAll(string(d)) },
		"a file": func(d Dir) error {
			if err := os.RemoveAll(string(d)); err != nil {
				return err
			}
			return os.WriteFile(string(d), nil, 0o600)
		},
	} {
		d := Dir(t.TempDir() + "/g")
		one := put(t, d, "1.1.0", "one")
		held(t, d, one)
		must(t, harm(d))
		for range 2 {
			c, err := d.Pick("/usr/bin/dunlin", "1.0.0")
			if c.Path != "/usr/bin/dunlin" && c.Version != one {
				t.Errorf("%s: %s starts, %v", name, c.Path, err)
			}
		}
	}
}

func TestRunning(t *testing.T) {
	d := Dir(t.TempDir())
	one := put(t, d, "1.1.0", "one")
	if v, ok := d.Running(d.Path(one)); !ok || v != one {
		t.Errorf("running %v, %v", v, ok)
	}
	for _, path := range []string{"/usr/bin/dunlin", string(d) + "/versions/dunlin", d.Path(one) + "x", string(d) + "/versions/1.1.0-abc/dunlin"} {
		if v, ok := d.Running(path); ok {
			t.Errorf("%s is running as %v", path, v)
		}
	}
}

func TestNames(t *testing.T) {
	sum := strings.Repeat("a", 64)
	for _, v := range []string{"", "1", "1.2", "v1.2.3", "1.2.3/..", "../1.2.3", "01.2.3", "1.2.3 ", strings.Repeat("1", 70) + ".1.1"} {
		if err := (Version{v, sum}).check(); err == nil {
			t.Errorf("version %q passed", v)
		}
	}
	for _, s := range []string{"", "abc", strings.ToUpper(sum), sum + "00", "../" + sum[3:]} {
		if err := (Version{"1.2.3", s}).check(); err == nil {
			t.Errorf("digest %q passed", s)
		}
	}
	must(t, Version{"1.2.3-rc.1+build.5", sum}.check())
	if v, err := parseName("1.2.3-rc.1-" + sum); err != nil || v.Version != "1.2.3-rc.1" {
		t.Errorf("%v, %v", v, err)
	}
}

// TestNewerStateIsRead: the packaged guard reads what a newer agent wrote.
func TestNewerStateIsRead(t *testing.T) {
	d := Dir(t.TempDir())
	one := put(t, d, "1.1.0", "one")
	must(t, d.Try(one, []string{"fleet"}))
	data, err := os.ReadFile(d.file())
	must(t, err)
	_, body, _ := strings.Cut(string(data), "\n")
	body = strings.Replace(body, `{"schema":1,`, `{"schema":2,"next_year":[null,{}],`, 1)
	sum := sha256.Sum256([]byte(body))
	must(t, os.WriteFile(d.file(), []byte(hex.EncodeToString(sum[:])+"\n"+body), 0o600))
	if !strings.Contains(body, "next_year") {
		t.Fatal("the state is not as this test thinks: " + body)
	}
	if c := starts(t, d, "1.0.0", one, true); len(c.Notes) > 0 {
		t.Errorf("notes %q", c.Notes)
	}
}

func FuzzState(f *testing.F) {
	d := Dir(f.TempDir())
	if err := d.write(state{Trial: &Version{"1.2.3", strings.Repeat("0", 64)}, Starts: 2, Needs: []string{"fleet"}, Pins: []pin{{"x", "y"}}}); err != nil {
		f.Fatal(err)
	}
	data, err := os.ReadFile(d.file())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data[65:])
	f.Add([]byte(`{"trial":{"Version":"../x"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := sha256.Sum256(body)
		s, err := parseState(append([]byte(hex.EncodeToString(sum[:])+"\n"), body...))
		if err == nil && s.Trial != nil && s.Trial.check() != nil {
			t.Error("a trial that cannot be")
		}
	})
}
