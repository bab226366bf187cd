package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet/controller"
	"github.com/dunlin-edge/dunlin/ota/release"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

// a selfUpdate is a device whose agent the guard starts.
type selfUpdate struct {
	*flock
	guard string
	sup   *supervisor
	serve *exec.Cmd
}

// build builds a program with its version.
func (f *flock) build(name, pkg string, flags string) string {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	if out, err := exec.Command("go", "build", "-ldflags", flags, "-o", path, pkg).CombinedOutput(); err != nil {
		f.t.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
	return path
}

// runsAgent tells what the device says of its agent.
func (s *selfUpdate) runsAgent() string {
	if d := s.device(); d.Reported != nil && d.State != "offline" {
		return d.Reported.Version
	}
	return ""
}

// releaseProgram releases a file as a version of the agent.
func (s *selfUpdate) releaseProgram(version, file, arch string) {
	s.t.Helper()
	keys, err := release.ReadKeys(s.keys())
	if err != nil {
		s.t.Fatal(err)
	}
	repo, err := release.Open(filepath.Join(s.state(), "repository"), time.Now)
	if err != nil {
		s.t.Fatal(err)
	}
	err = repo.Publish(release.RingOf(keys), release.Artifact{Path: "agent/" + version + "/dunlin-" + strings.ReplaceAll(arch, "/", "v"), File: file,
		Custom: trust.Custom{Kind: "agent", Name: "agent", Version: version, Arch: arch}})
	if err != nil {
		s.t.Fatal(err)
	}
}

// refuses assigns a version and waits until the device is back on the old one,
// the assignment has halted, and the reason is told.
func (s *selfUpdate) refuses(version, old string, reasons ...string) {
	s.t.Helper()
	began := time.Now()
	out, err := s.cli("assign", "agent/"+version, "--soak", "1s", "--wait")
	if err == nil || !strings.Contains(err.Error(), "1 device failed") {
		s.t.Fatalf("assigning %s ended with %v %s", version, err, out)
	}
	var d controller.Device
	s.eventually("the old one runs", func() bool { d = s.device(); return s.runsAgent() == old })
	told := false
	for _, r := range reasons {
		told = told || strings.Contains(d.Reason, r)
	}
	if !told {
		s.t.Errorf("agent %s: the reason is %q, want one of %q", version, d.Reason, reasons)
	}
	s.t.Logf("agent %s: refused after %s: %s", version, time.Since(began).Round(time.Millisecond), d.Reason)
}

func newSelfUpdate(t *testing.T) *selfUpdate {
	f := newFlock(t)
	s := &selfUpdate{flock: f}
	f.dunlin = f.build("dunlin", "../dunlin", "-X main.version=1.0.0")
	s.guard = f.build("dunlin-guard", "../dunlin-guard", "-X main.version=1.0.0")
	f.must("key", "ceremony", f.keys(), "--development")
	f.must("repository", "create", "--keys", f.keys())
	s.serve = f.start("serve.log", f.fleetPath, "--dir", f.state(), "serve", "--host", "127.0.0.1", "--devices", "127.0.0.1:0", "--broker", "127.0.0.1:0", "--api", "127.0.0.1:0")
	var token struct{ URL, Token string }
	f.eventually("the controller answers", func() bool {
		out, err := f.cli("token", "--json")
		return err == nil && json.Unmarshal([]byte(out), &token) == nil
	})
	if out, err := exec.Command(f.dunlin, "enroll", token.URL, token.Token, "--config", f.config()).CombinedOutput(); err != nil {
		t.Fatalf("enrol: %v\n%s", err, out)
	}
	programs := filepath.Join(f.dir, "agent")
	if err := os.Mkdir(programs, 0o700); err != nil {
		t.Fatal(err)
	}
	// The socket's path may not be long.
	run, err := os.MkdirTemp("", "sup")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(run) })
	s.sup = &supervisor{
		t: t, dir: run, start: []string{s.guard, "--trial", "10s", programs, f.dunlin, "run", "--config", f.config()}, post: []string{s.guard, "--ended", programs},
		ready: 8 * time.Second, watchdog: 6 * time.Second, again: 200 * time.Millisecond,
	}
	s.sup.run()
	t.Cleanup(func() {
		s.sup.end()
		if data, err := os.ReadFile(filepath.Join(run, "agent.log")); t.Failed() && err == nil {
			t.Logf("agent.log:\n%s", data)
		}
	})
	f.eventually("the device reports", func() bool { return s.runsAgent() == "1.0.0" })
	return s
}

// TestSelfUpdate: the agent's own program, with the shipped binaries under a
// supervisor that does as systemd does: one that holds, and every way not to.
func TestSelfUpdate(t *testing.T) {
	t.Parallel()
	s := newSelfUpdate(t)
	arch := runtime.GOARCH
	next := s.build("next", "../dunlin", "-X main.version=1.1.0")
	t.Run("one that holds", func(t *testing.T) {
		if out := s.must("publish", next, "--version", "1.1.0", "--keys", s.keys()); !strings.Contains(out, "agent/1.1.0/dunlin-"+arch) {
			t.Fatalf("published: %s", out)
		}
		out := s.must("assign", "agent/1.1.0", "--soak", "1s", "--wait")
		if s.runsAgent() != "1.1.0" {
			t.Errorf("the device runs %s: %s", s.runsAgent(), out)
		}
		if list := s.list(); !strings.Contains(list, "held      1.1.0") {
			t.Errorf("the guard says %s", list)
		}
	})
	for i, harm := range []string{"crash", "panic", "hang", "freeze", "idle"} {
		t.Run("one that fails by "+harm, func(t *testing.T) {
			version := fmt.Sprintf("1.2.%d", i)
			bad := s.build(harm, "./testdata/badagent", "-X main.version="+version+" -X main.harm="+harm)
			s.releaseProgram(version, bad, arch)
			s.refuses(version, "1.1.0", map[string]string{
				"crash": "3 starts", "panic": "3 starts", "hang": "(timeout)", "freeze": "(watchdog)", "idle": "did not say that it holds",
			}[harm])
		})
	}
	t.Run("other contents than it was signed as", func(t *testing.T) {
		s.releaseProgram("1.3.0", s.build("mislabelled", "./testdata/badagent", "-X main.version=9.9.9"), arch)
		s.refuses("1.3.0", "1.1.0", `it says it is "9.9.9"`)
	})
	t.Run("a program for another machine under this one's name", func(t *testing.T) {
		path := filepath.Join(s.dir, "foreign")
		c := exec.Command("go", "build", "-o", path, "./testdata/badagent")
		c.Env = append(os.Environ(), "GOARCH=riscv64", "CGO_ENABLED=0")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
		s.releaseProgram("1.3.1", path, arch)
		// Where the kernel runs foreign programs through an emulator, it starts
		// and says no version.
		s.refuses("1.3.1", "1.1.0", "exec format error", "it says it is")
	})
	t.Run("no variant for this machine", func(t *testing.T) {
		s.releaseProgram("1.3.2", next, "mips")
		if _, err := s.cli("assign", "agent/1.3.2"); err == nil || !strings.Contains(err.Error(), "1 cannot") {
			t.Errorf("assigned: %v", err)
		}
	})
	t.Run("one that cannot connect", func(t *testing.T) {
		s.cutOff(t)
	})
	t.Run("killed in its trial, it converges", func(t *testing.T) {
		s.releaseProgram("1.5.0", s.build("five", "../dunlin", "-X main.version=1.5.0"), arch)
		s.must("assign", "agent/1.5.0", "--soak", "1s")
		s.eventually("the new one starts", func() bool { return s.runsAgent() == "1.5.0" })
		s.sup.kill(syscall.SIGKILL)
		s.eventually("the assignment is done", func() bool { return s.done("agent@1.5.0") })
		if s.runsAgent() != "1.5.0" {
			t.Errorf("the device runs %s", s.runsAgent())
		}
	})
	t.Run("taken back by a command", func(t *testing.T) {
		s.must("command", "demo", "rollback", "-p", "agent")
		s.eventually("the one before runs", func() bool { return s.runsAgent() == "1.1.0" })
		s.must("command", "demo", "rollback", "-p", "agent")
		s.eventually("the packaged one runs", func() bool { return s.runsAgent() == "1.0.0" })
	})
}

func (s *selfUpdate) done(bundle string) bool {
	var all []controller.Assignment
	if err := json.Unmarshal([]byte(s.must("assignments", "--json")), &all); err != nil {
		s.t.Fatal(err)
	}
	for _, a := range all {
		if a.Bundle == bundle {
			return a.State == "done"
		}
	}
	return false
}

// cutOff updates to a program and keeps it from the fleet while it is on trial.
func (s *selfUpdate) cutOff(t *testing.T) {
	s.releaseProgram("1.4.0", s.build("deaf", "../dunlin", "-X main.version=1.4.0"), runtime.GOARCH)
	s.must("assign", "agent/1.4.0", "--soak", "1s")
	s.eventually("the new one is on trial", func() bool { return s.onTrial("1.4.0") })
	broker, err := exec.Command("pgrep", "-P", strconv.Itoa(s.serve.Process.Pid)).Output()
	if err != nil {
		t.Fatalf("the broker's process: %v", err)
	}
	all := append(strings.Fields(string(broker)), strconv.Itoa(s.serve.Process.Pid))
	signal := func(sig string) {
		if out, err := exec.Command("kill", append([]string{"-" + sig}, all...)...).CombinedOutput(); err != nil {
			t.Errorf("kill -%s: %v %s", sig, err, out)
		}
	}
	signal("STOP")
	defer signal("CONT")
	s.eventually("it goes back by itself", func() bool { return strings.Contains(s.list(), "refused   1.4.0") })
	signal("CONT")
	s.eventually("the fleet hears why", func() bool {
		d := s.device()
		return s.runsAgent() == "1.1.0" && strings.Contains(d.Reason, "did not bring back the link to the fleet")
	})
}

// list is what the guard knows.
func (s *selfUpdate) list() string {
	out, err := exec.Command(s.guard, "--list", filepath.Join(s.dir, "agent")).CombinedOutput()
	if err != nil {
		s.t.Fatalf("%v %s", err, out)
	}
	return string(out)
}

func (s *selfUpdate) onTrial(version string) bool {
	return strings.Contains(s.list(), "on trial  "+version)
}
