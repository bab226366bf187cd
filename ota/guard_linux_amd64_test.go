package ota

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/ota/guard"
	"github.com/dunlin-edge/dunlin/ota/powercut"
)

// programs are those of an agent that updates itself twice and takes the
// second one back.
var programs = []string{"packaged", "one", "two"}

func program(i int) guard.Version {
	sum := sha256.Sum256([]byte(programs[i]))
	return guard.Version{Version: fmt.Sprintf("1.%d.0", i), SHA256: hex.EncodeToString(sum[:])}
}

// runPrograms goes through the updates as an agent and its guard would, and
// marks what was promised: one, two, and one again.
func runPrograms(blobs, dir string) error { return updatePrograms(os.Stdout, blobs, dir) }

func updatePrograms(marks io.Writer, blobs, dir string) error {
	d := guard.Dir(dir)
	for i := 1; i <= 2; i++ {
		if err := bringProgram(d, blobs, i); err != nil {
			return err
		}
		fmt.Fprint(marks, i)
	}
	if err := d.Refuse(program(2), "it was worse"); err != nil {
		return err
	}
	fmt.Fprint(marks, 3)
	return nil
}

// bringProgram stages, tries and commits a program unless it stands already.
func bringProgram(d guard.Dir, blobs string, i int) error {
	v := program(i)
	for {
		standing, _, err := d.Standing(v)
		switch {
		case err != nil:
			return err
		case standing == guard.Held || standing == guard.Refused:
			return nil
		case standing == guard.OnTrial:
			c, err := d.Pick("packaged", "1.0.0")
			if err != nil {
				return err
			}
			if c.Version == v {
				return d.Commit(v)
			}
			return fmt.Errorf("%s is on trial and %s starts: %v", v.Short(), c.Version.Short(), c.Notes)
		}
		if err := StageProgram(d, v, filepath.Join(blobs, programs[i])); err != nil {
			return err
		}
		if err := d.Try(v, []string{"fleet"}); err != nil {
			return err
		}
	}
}

// stranded starts a device from what a crash left and tells how that breaks
// the promises; then it lets it go on.
func stranded(blobs, dir string, marks int) error {
	d := guard.Dir(dir)
	c, err := d.Pick(filepath.Join(blobs, "packaged"), "1.0.0")
	if err != nil {
		return fmt.Errorf("pick: %w", err)
	}
	if len(c.Notes) > 0 && strings.Contains(c.Notes[0], "state lost") {
		return fmt.Errorf("pick: %v", c.Notes)
	}
	data, err := os.ReadFile(c.Path)
	if err != nil {
		return err
	}
	info, err := os.Stat(c.Path)
	if err != nil {
		return err
	}
	if info.Mode()&0o100 == 0 {
		return fmt.Errorf("%s cannot be run: %v", c.Path, info.Mode())
	}
	may := [][]string{{"packaged", "one"}, {"one", "two"}, {"two", "one"}, {"one"}}[marks]
	if !slices.Contains(may, string(data)) {
		return fmt.Errorf("%q starts after %d promises: %v", data, marks, c.Notes)
	}
	if err := updatePrograms(io.Discard, blobs, dir); err != nil {
		return fmt.Errorf("does not converge: %w", err)
	}
	if c, err = d.Pick("packaged", "1.0.0"); err != nil || c.Version != program(1) {
		return fmt.Errorf("in the end %s starts, %v", c.Version.Short(), err)
	}
	return nil
}

func programBlobs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, p := range programs {
		if err := os.WriteFile(filepath.Join(dir, p), []byte(p), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestProgramKillAtEveryChange: kill -9 at the entry of every change of a disk
// in two self-updates and a step back.
func TestProgramKillAtEveryChange(t *testing.T) {
	blobs := programBlobs(t)
	for k := 1; ; k++ {
		dir := filepath.Join(t.TempDir(), "g")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		ops, done := powercut.Trace(t, dir, k, "programs", blobs, dir)
		if err := stranded(blobs, dir, powercut.Marks(ops)); err != nil {
			t.Fatalf("killed at change %d: %v", k, err)
		}
		if done {
			t.Logf("%d changes", k-1)
			if k < 40 {
				t.Error("hardly any change was seen")
			}
			return
		}
	}
}

// TestProgramPowerCut: the same for the loss of what was not synced, and
// without any one of the syncs a promise is broken.
func TestProgramPowerCut(t *testing.T) {
	blobs := programBlobs(t)
	dir := filepath.Join(t.TempDir(), "g")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	ops, _ := powercut.Trace(t, dir, 0, "programs", blobs, dir)
	whole := func(left string, marks int) error {
		if err := os.MkdirAll(left, 0o700); err != nil {
			return err
		}
		return stranded(blobs, left, marks)
	}
	tried, err := powercut.Cuts(t, dir, ops, func(powercut.Op) bool { return false }, whole)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d operations, %d states after a power cut", len(ops), tried)
	for name, skip := range map[string]func(powercut.Op) bool{
		"program":            func(o powercut.Op) bool { return o.File != 0 && strings.Contains(o.Path, "/versions/") },
		"folder of programs": func(o powercut.Op) bool { return o.File == 0 && filepath.Base(filepath.Dir(o.Path)) == "versions" },
		"folder of versions": func(o powercut.Op) bool { return o.File == 0 && filepath.Base(o.Path) == "versions" },
		"state":              func(o powercut.Op) bool { return o.File != 0 && strings.HasPrefix(filepath.Base(o.Path), "state") },
		"folder of the guard": func(o powercut.Op) bool {
			return o.File == 0 && o.Path == dir
		},
	} {
		tried, err := powercut.Cuts(t, dir, ops, skip, whole)
		if err == nil {
			t.Errorf("without the sync of the %s no promise is broken in %d states", name, tried)
		} else {
			t.Logf("without the sync of the %s: %v", name, err)
		}
	}
}

// TestRandomKills: kill -9 at random moments of installs and of self-updates,
// until so many have hit.
func TestRandomKills(t *testing.T) {
	kills := 100
	if os.Getenv("DUNLIN_LONG") != "" {
		kills = 500
	}
	repo, blobs := crashRepo(t), programBlobs(t)
	for _, c := range []struct {
		mode, from string
		check      func(from, dir string, marks int) error
	}{{"device", repo, broken}, {"programs", blobs, stranded}} {
		hit, runs := 0, 0
		took := time.Duration(0) // of the last ones that came to their end
		for ; hit < kills; runs++ {
			if runs > 5*kills {
				t.Fatalf("%s: only %d of %d were killed before their end", c.mode, hit, runs)
			}
			dir := filepath.Join(t.TempDir(), fmt.Sprint("k", runs))
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			out, ended := killed(t, c.mode, c.from, dir, took)
			if ended > 0 && took == 0 {
				took = ended
			} else if ended > 0 {
				took = (took + ended) / 2
			} else {
				hit++
			}
			if err := c.check(c.from, dir, out); err != nil {
				t.Fatalf("%s: run %d: %v", c.mode, runs, err)
			}
		}
		t.Logf("%s: %d killed in %d runs", c.mode, hit, runs)
	}
}

// killed runs a device and kills it within a time, 0 for never. It returns how
// many marks the device made, and how long it took where it came to its end.
func killed(t *testing.T, mode, from, dir string, within time.Duration) (marks int, ended time.Duration) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", mode, from, dir)
	var out bytes.Buffer
	cmd.Stdout = &out
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if within > 0 {
		time.AfterFunc(rand.N(within), func() { _ = cmd.Process.Kill() })
	}
	if err := cmd.Wait(); err == nil {
		ended = time.Since(began)
	}
	return out.Len(), ended
}
