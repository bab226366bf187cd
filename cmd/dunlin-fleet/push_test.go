package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet/controller"
)

// flock is the shipped binaries at work: a controller, and the demo's agent
// with its two pipelines.
type flock struct {
	t                 *testing.T
	dir               string
	dunlin, fleetPath string
	agent             *exec.Cmd
}

func newFlock(t *testing.T) *flock {
	t.Helper()
	f := &flock{t: t, dir: t.TempDir()}
	f.dunlin, f.fleetPath = filepath.Join(f.dir, "dunlin"), filepath.Join(f.dir, "dunlin-fleet")
	for path, pkg := range map[string]string{f.dunlin: "../dunlin", f.fleetPath: "."} {
		if out, err := exec.Command("go", "build", "-o", path, pkg).CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", pkg, err, out)
		}
	}
	if err := os.CopyFS(filepath.Join(f.dir, "dev"), os.DirFS("../dunlin/demo")); err != nil {
		t.Fatal(err)
	}
	f.configure("    bundle: bundles/machine-1.0.0.dunlin", "    bundle: bundles/machine-1.0.0.dunlin\n    assigned: true\n    capture: {disagree: true}\n    tune: {enter_min: 0.5, enter_max: 0.9}\n    actions: [{webhook: \"http://u:"+inWebhook+"@127.0.0.1:9/hook?key="+inWebhook+"\", on: result, retries: 0}]", "127.0.0.1:8321", "127.0.0.1:0")
	if err := os.Mkdir(f.state(), 0o700); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *flock) state() string  { return filepath.Join(f.dir, "state") }
func (f *flock) keys() string   { return filepath.Join(f.dir, "keys") }
func (f *flock) config() string { return filepath.Join(f.dir, "dev", "agent.yaml") }

func (f *flock) configure(replace ...string) {
	f.t.Helper()
	raw, err := os.ReadFile(f.config())
	if err != nil {
		f.t.Fatal(err)
	}
	text := strings.NewReplacer(replace...).Replace(string(raw)) + "\ntelemetry: {dir: telemetry, max_age: 1s, captures: {upload: true}}\nfleet: {dir: fleet, tune: true}\n"
	if err := os.WriteFile(f.config(), []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// start runs a program until the test ends.
func (f *flock) start(log string, name string, args ...string) *exec.Cmd {
	f.t.Helper()
	out, err := os.OpenFile(filepath.Join(f.dir, log), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		f.t.Fatal(err)
	}
	c := exec.Command(name, args...)
	c.Stdout, c.Stderr = out, out
	if err := c.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		f.stop(c, syscall.SIGTERM)
		out.Close()
		if data, err := os.ReadFile(out.Name()); f.t.Failed() && err == nil {
			f.t.Logf("%s:\n%s", log, data)
		}
	})
	return c
}

// stop ends a program that start began; stopping twice is no error.
func (f *flock) stop(c *exec.Cmd, s syscall.Signal) {
	if c.ProcessState != nil {
		return
	}
	_ = c.Process.Signal(s) // it may have gone
	done := make(chan struct{})
	go func() { _ = c.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		_ = c.Process.Kill()
		<-done
		f.t.Error("it did not stop within 20 s")
	}
}

func (f *flock) startAgent() { f.agent = f.start("agent.log", f.dunlin, "run", "--config", f.config()) }

// cli runs a command of this binary and returns what it prints.
func (f *flock) cli(args ...string) (string, error) {
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if code := run(ctx, append([]string{"--dir", f.state()}, args...), strings.NewReader(""), &out, &errs); code != 0 {
		return out.String(), fmt.Errorf("%s", errs.String())
	}
	return out.String(), nil
}

func (f *flock) must(args ...string) string {
	f.t.Helper()
	out, err := f.cli(args...)
	if err != nil {
		f.t.Fatalf("dunlin-fleet %v: %v", args, err)
	}
	return out
}

// inWebhook is the secret of a webhook that never works, so that the log has
// much to say of it.
const inWebhook = "hunter2hunter2"

// noSecretsIn looks for every private key, password and the enrolment token in
// logs.
func (f *flock) noSecretsIn(token string, logs ...string) {
	f.t.Helper()
	secrets := []string{inWebhook, token}
	err := filepath.WalkDir(f.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		private := bytes.Contains(data[:min(len(data), 4096)], []byte("PRIVATE KEY"))
		if !private && !strings.HasSuffix(path, ".token") && filepath.Base(path) != "token" {
			return nil
		}
		for line := range strings.Lines(string(data)) {
			if line = strings.TrimSpace(line); len(line) >= 16 && !strings.HasPrefix(line, "-----") {
				secrets = append(secrets, line)
			}
		}
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	if len(secrets) < 5 {
		f.t.Errorf("only %d secrets found", len(secrets))
	}
	for _, log := range logs {
		data, err := os.ReadFile(filepath.Join(f.dir, log))
		if err != nil {
			f.t.Fatal(err)
		}
		for _, s := range secrets {
			if bytes.Contains(data, []byte(s)) {
				f.t.Errorf("%s has a secret in it: %.4s...", log, s)
			}
		}
		if log == "agent.log" && !bytes.Contains(data, []byte("action fails")) {
			f.t.Error("the webhook left no trace: the test proves nothing")
		}
	}
}

// eventually polls until ok.
func (f *flock) eventually(what string, ok func() bool) {
	f.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	f.t.Fatalf("not within a minute: %s", what)
}

func (f *flock) device() (d controller.Device) {
	out, err := f.cli("devices", "demo", "--json")
	if err != nil {
		return d
	}
	var all struct {
		controller.Device
		D *controller.Device `json:"device"`
	}
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		f.t.Fatalf("%v in %s", err, out)
	}
	if all.D != nil {
		return *all.D
	}
	return all.Device
}

// runs tells the version of the machine bundle that the device reports.
func (f *flock) runs() string {
	d := f.device()
	if d.Reported == nil {
		return ""
	}
	for _, p := range d.Reported.Pipelines {
		if p.Name == "machine" {
			return p.Version
		}
	}
	return ""
}

// repack makes another version of a bundle.
func (f *flock) repack(from, version string) string {
	f.t.Helper()
	path := filepath.Join(f.dir, "machine-"+version+".dunlin")
	if err := renumber(filepath.Join(f.dir, "dev", "bundles", from), path, version); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// TestPush is the story of the README with the shipped binaries: enrol, push a
// good bundle, push one with the wrong gain that golden samples cannot fault,
// kill the agent in the middle of an update.
func TestPush(t *testing.T) {
	t.Parallel()
	f := newFlock(t)
	f.must("key", "ceremony", f.keys(), "--development")
	f.must("repository", "create", "--keys", f.keys())
	f.start("serve.log", f.fleetPath, "--dir", f.state(), "serve", "--host", "127.0.0.1", "--devices", "127.0.0.1:0", "--broker", "127.0.0.1:0", "--api", "127.0.0.1:0")
	var token struct{ URL, Token string }
	f.eventually("the controller answers", func() bool {
		out, err := f.cli("token", "--json")
		return err == nil && json.Unmarshal([]byte(out), &token) == nil
	})
	if out, err := exec.Command(f.dunlin, "enroll", token.URL, token.Token, "--config", f.config()).CombinedOutput(); err != nil {
		t.Fatalf("enrol: %v\n%s", err, out)
	}
	f.startAgent()
	f.eventually("the device reports", func() bool { return f.runs() == "1.0.0" })

	good := f.repack("machine-1.0.0.dunlin", "1.2.0")
	bundles := filepath.Join(f.dir, "dev", "bundles")
	if out := f.must("publish", filepath.Join(bundles, "machine-1.0.0.dunlin"), filepath.Join(bundles, "machine-1.1.0.dunlin"), good, "--keys", f.keys()); !strings.Contains(out, "DEVELOPMENT KEYS") {
		t.Errorf("nothing warns of development keys: %s", out)
	}
	t.Run("the wrong gain halts at the canary", func(t *testing.T) {
		_, err := f.cli("assign", "models/machine/1.1.0.dunlin", "--soak", "1s", "--wait")
		if err == nil || !strings.Contains(err.Error(), "1 device failed") {
			t.Fatalf("it ended with %v", err)
		}
		d := f.device()
		if d.State != "degraded" || !strings.Contains(d.Reason, "live windows") || f.runs() != "1.0.0" {
			t.Errorf("the device is %s, %q, runs %s", d.State, d.Reason, f.runs())
		}
	})
	t.Run("one disagreement, again on this machine", func(t *testing.T) {
		out, err := exec.Command(f.dunlin, "capture", "ls", "--json", "--config", f.config()).Output()
		if err != nil {
			t.Fatalf("capture ls: %v %s", err, out)
		}
		var all []struct{ ID, Why, Label string }
		if err := json.Unmarshal(out, &all); err != nil || len(all) == 0 || all[0].Why != "disagree" || all[0].Label != "imbalance" {
			t.Fatalf("%v: %s", err, out)
		}
		data, err := exec.Command(f.dunlin, "capture", "export", all[0].ID, "--config", f.config()).Output()
		file := filepath.Join(f.dir, "disagreement")
		if err == nil {
			err = os.WriteFile(file, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(f.dunlin, "replay", file, "--bundle", filepath.Join(bundles, "machine-1.1.0.dunlin")).CombinedOutput(); err != nil || !strings.Contains(string(out), "imbalance") {
			t.Errorf("by the candidate: %v %s", err, out)
		}
		if out, err := exec.Command(f.dunlin, "replay", file, "--bundle", filepath.Join(bundles, "machine-1.0.0.dunlin")).CombinedOutput(); err == nil {
			t.Errorf("by another bundle: %s", out)
		}
	})
	t.Run("killed in the middle, it converges", func(t *testing.T) {
		f.must("assign", "models/machine/1.2.0.dunlin", "--soak", "1s")
		f.eventually("the trial begins", func() bool { return f.device().State == "updating" })
		f.stop(f.agent, syscall.SIGKILL)
		f.startAgent()
		f.eventually("the old one answers, or the new one does", func() bool { v := f.runs(); return v == "1.0.0" || v == "1.2.0" })
		f.eventually("the new one runs", func() bool { return f.runs() == "1.2.0" && f.device().State == "online" })
		f.eventually("the assignment is done", func() bool { return strings.Contains(f.must("assignments"), "done") })
	})
	t.Run("after a restart it still runs", func(t *testing.T) {
		f.stop(f.agent, syscall.SIGTERM)
		f.startAgent()
		f.eventually("it is back", func() bool { d := f.device(); return d.State == "online" && f.runs() == "1.2.0" })
	})
	t.Run("commands", func(t *testing.T) {
		if out := f.must("command", "demo", "self-test"); !strings.Contains(out, "machine@1.2.0") || !strings.Contains(out, "digits@1.0.0") {
			t.Errorf("self-test: %s", out)
		}
		f.must("command", "demo", "restart", "-p", "digits")
		for _, bad := range []string{`{"pipeline": "none"}`, `{"pipe": "digits"}`, `{"pipeline": "digits"}`, `{"pipeline": "machine"}`} {
			if out, err := f.cli("command", "demo", "rollback", "--args", bad); err == nil {
				t.Errorf("rollback %s: %s", bad, out) // of machine: there is nothing before 1.2.0
			}
		}
	})
	t.Run("tuned, and refused", func(t *testing.T) {
		tuneTo := func(text string) error {
			file := filepath.Join(f.dir, "tuning.json")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := f.cli("assign", "--tuning", file, "--soak", "1s", "--wait")
			return err
		}
		tune := func(pipeline string) error {
			return tuneTo(`{"captures": {"` + pipeline + `": {"every": 7, "min_interval_ms": 1000}}}`)
		}
		if err := tune("machine"); err != nil {
			t.Fatal(err)
		}
		f.eventually("it captures one of seven", func() bool {
			out, err := exec.Command(f.dunlin, "capture", "ls", "--json", "--config", f.config()).Output()
			return err == nil && strings.Contains(string(out), `"every"`)
		})
		out, err := exec.Command(f.dunlin, "capture", "ls", "--json", "--config", f.config()).Output()
		var all []struct{ ID, Why string }
		if err != nil || json.Unmarshal(out, &all) != nil {
			t.Fatalf("%v %s", err, out)
		}
		id := all[slices.IndexFunc(all, func(x struct{ ID, Why string }) bool { return x.Why == "every" })].ID
		f.eventually("the fleet has the record, and then the file", func() bool {
			_, err := f.cli("command", "demo", "upload", "--args", `{"capture": "`+id[:12]+`"}`)
			return err == nil
		})
		file := filepath.Join(f.dir, "uploaded")
		f.must("captures", "get", "demo", id, "--out", file)
		if out, err := exec.Command(f.dunlin, "replay", file, "--bundle", f.repack("machine-1.0.0.dunlin", "1.2.0")).CombinedOutput(); err != nil {
			t.Errorf("replay: %v %s", err, out)
		}
		if err := tune("none"); err == nil || !strings.Contains(err.Error(), "chooses no device") {
			t.Errorf("a pipeline that no device has: %v", err)
		}
		if err := tuneTo(`{"enter": {"machine": {"bundle": "machine@1.2.0", "score": 0.8}}, "health_ms": 10000}`); err != nil {
			t.Error(err)
		}
		for text, want := range map[string]string{
			`{"enter": {"machine": {"bundle": "machine@1.2.0", "score": 0.95}}}`: "from 0.5 to 0.9", `{"enter": {"machine": {"bundle": "machine@1.0.0", "score": 0.8}}}`: "runs machine@1.2.0",
			`{"enter": {"digits": {"bundle": "digits@1.0.0", "score": 0.8}}}`: "enter_min",
		} {
			file := filepath.Join(f.dir, "tuning.json")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := f.cli("assign", "--tuning", file, "--dry-run"); !strings.Contains(out+fmt.Sprint(err), want) {
				t.Errorf("%s: %s %v", text, out, err)
			}
		}
		if d := f.device(); d.State != "online" {
			t.Errorf("%s %s", d.State, d.Reason)
		}
	})
	t.Run("rolled back by a command, the digest is pinned", func(t *testing.T) {
		f.must("assign", "models/machine/1.0.0.dunlin", "--soak", "1s", "--wait")
		f.must("command", "demo", "rollback", "-p", "machine")
		f.eventually("the one before runs", func() bool { return f.runs() == "1.2.0" })
		f.eventually("it says so", func() bool { return f.device().State == "degraded" })
	})
	t.Run("every role gets new keys, and the device follows", func(t *testing.T) {
		fresh := filepath.Join(f.dir, "fresh")
		if err := os.Mkdir(fresh, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, role := range []string{"root", "targets", "models", "agent", "snapshot", "timestamp"} {
			f.must("key", "rotate", role, fresh, "--keys", f.keys()+","+fresh)
		}
		next := f.repack("machine-1.0.0.dunlin", "1.2.1")
		if out, err := f.cli("publish", next, "--keys", f.keys()); err == nil {
			t.Errorf("the old keys still publish: %s", out)
		}
		if out := f.must("publish", next, "--keys", fresh); !strings.Contains(out, "and a delta of") {
			t.Errorf("no delta to a renumbered bundle: %s", out)
		}
		f.must("assign", "models/machine/1.2.1.dunlin", "--soak", "1s", "--wait")
		f.eventually("the new one runs", func() bool { return f.runs() == "1.2.1" })
	})
	t.Run("from a folder, without a network", func(t *testing.T) {
		next := f.repack("machine-1.0.0.dunlin", "1.3.0")
		f.must("publish", next, "--keys", filepath.Join(f.dir, "fresh"))
		stick := filepath.Join(f.dir, "stick")
		if err := os.CopyFS(stick, os.DirFS(filepath.Join(f.state(), "repository"))); err != nil {
			t.Fatal(err)
		}
		update := func(target string) (string, error) {
			out, err := exec.Command(f.dunlin, "update", "machine", target, "--from", stick, "--config", f.config()).CombinedOutput()
			return string(out), err
		}
		if out, err := update("models/machine/1.3.0.dunlin"); err == nil || !strings.Contains(out, "in use") {
			t.Errorf("beside a running agent: %v %s", err, out)
		}
		f.stop(f.agent, syscall.SIGTERM)
		if out, err := update("models/machine/1.3.0.dunlin"); err != nil || !strings.Contains(out, "is installed") {
			t.Errorf("update: %v %s", err, out)
		}
		for target, want := range map[string]string{"models/machine/1.0.0.dunlin": "taken back by a command", "models/machine/9.dunlin": "not in the repository"} {
			if out, err := update(target); err == nil || !strings.Contains(out, want) {
				t.Errorf("update %s: %v %s", target, err, out)
			}
		}
		rollback := func(slot string) (string, error) {
			out, err := exec.Command(f.dunlin, "rollback", slot, "--config", f.config()).CombinedOutput()
			return string(out), err
		}
		if out, err := rollback("machine"); err != nil || !strings.Contains(out, "machine goes back to machine@1.2.1") {
			t.Errorf("rollback: %v %s", err, out)
		}
		for slot, want := range map[string]string{"machine": "nothing to go back to", "agent": "nothing to go back to"} {
			if out, err := rollback(slot); err == nil || !strings.Contains(out, want) {
				t.Errorf("rollback %s once more: %v %s", slot, err, out)
			}
		}
		if out, err := update("models/machine/1.3.0.dunlin"); err == nil || !strings.Contains(out, "taken back on the device") {
			t.Errorf("update to what was taken back: %v %s", err, out)
		}
	})
	f.noSecretsIn(token.Token, "agent.log", "serve.log")
	if out := f.must("audit", "--check"); !strings.Contains(out, "whole") && !strings.Contains(out, "lines") {
		t.Errorf("audit: %s", out)
	}
}
