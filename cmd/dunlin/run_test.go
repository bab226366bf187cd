package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/action"
)

// demoFile returns the absolute path of one of the demo's files.
func demoFile(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("demo", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// writeFile puts a file into a folder of the test's own and returns its path.
func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// scansConfig is an agent that works off the digit scans and prints results.
func scansConfig(t *testing.T, api string) string {
	return writeFile(t, "agent.yaml", fmt.Sprintf(`
device: {name: bench}
sources:
  scans: {driver: replay.images, path: %s, realtime: false}
pipelines:
  digits:
    source: scans
    bundle: %s
    actions: [{json: "-", on: result}]
api: {listen: %q}
`, demoFile(t, "scans"), demoFile(t, "bundles/digits-1.0.0.dunlin"), api))
}

// TestRunUntilEOF works off the demo's scans, whose names tell the digit, and
// counts: every scan must come out once, nearly all of them right.
func TestRunUntilEOF(t *testing.T) {
	got := dunlin(t, "run", "--config", scansConfig(t, "off"), "--until-eof")
	if got.code != 0 {
		t.Fatalf("exit code %d: %s", got.code, got.stderr)
	}
	scans, err := filepath.Glob("demo/scans/*.png")
	if err != nil {
		t.Fatal(err)
	}
	seen, right := map[string]bool{}, 0
	for line := range strings.Lines(got.stdout) {
		var r action.Record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		seen[r.Item] = true
		if strings.HasSuffix(r.Item, "-"+r.Label+".png") {
			right++
		}
	}
	if len(seen) != len(scans) || strings.Count(got.stdout, "\n") != len(scans) {
		t.Errorf("%d scans in %d records, want %d", len(seen), strings.Count(got.stdout, "\n"), len(scans))
	}
	if right < len(scans)*97/100 {
		t.Errorf("%d of %d right", right, len(scans))
	}
}

// runningDemo starts the demo on a free port and returns its page and a stop
// function that gives the exit code.
func runningDemo(t *testing.T) (url string, stop func() int) {
	t.Helper()
	url, _, stop = runningWith(t, "")
	return url, stop
}

// runningWith adds text to the demo's configuration, and returns its file too.
func runningWith(t *testing.T, more string) (url, file string, stop func() int) {
	t.Helper()
	raw, err := os.ReadFile("demo/agent.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(raw), "127.0.0.1:8321", "127.0.0.1:0", 1)
	text = strings.ReplaceAll(text, "bundle: bundles/", "bundle: "+demoFile(t, "bundles")+"/")
	text = strings.ReplaceAll(text, "path: scans", "path: "+demoFile(t, "scans"))
	file = writeFile(t, "agent.yaml", text+more)
	cmd := program(t, "run", "--config", file)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	lines := bufio.NewScanner(stderr)
	page := regexp.MustCompile(`page=(http://\S+)/`)
	for url == "" && lines.Scan() {
		if m := page.FindStringSubmatch(lines.Text()); m != nil {
			url = m[1]
		}
	}
	if url == "" {
		t.Fatal("the agent ended before it was running")
	}
	go io.Copy(io.Discard, stderr)
	return url, file, func() int {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
		return cmd.ProcessState.ExitCode()
	}
}

// TestRunDemo is the demo as a visitor meets it: the class changes after a
// fault was injected, and SIGTERM ends it in order.
func TestRunDemo(t *testing.T) {
	url, stop := runningDemo(t)
	waitLabel := func(want string) {
		t.Helper()
		label := ""
		for deadline := time.Now().Add(20 * time.Second); label != want; {
			if time.Now().After(deadline) {
				t.Fatalf("after 20 s the label is %q, want %q", label, want)
			}
			got := dunlinLine(t, "watch", "--url", url, "--json")
			var s agent.Status
			if err := json.Unmarshal([]byte(got), &s); err != nil {
				t.Fatalf("status %q: %v", got, err)
			}
			label = s.Pipelines[0].Label
		}
	}
	waitLabel("normal")
	resp, err := http.Post(url+"/api/v1/sources/vibration/inject", "application/json", strings.NewReader(`{"fault":"bearing"}`))
	if err != nil || resp.StatusCode != http.StatusNoContent {
		t.Fatalf("inject: %v, %v", resp, err)
	}
	resp.Body.Close()
	waitLabel("bearing")
	if code := stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
}

// TestSecondSignalEndsIt has an action that keeps the drain waiting: the first
// SIGTERM asks, the next one ends the process.
func TestSecondSignalEndsIt(t *testing.T) {
	text, err := os.ReadFile(scansConfig(t, "127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	slow := strings.Replace(string(text), `{json: "-", on: result}`, `{exec: [sleep, "20"], on: result, timeout: 1m}`, 1)
	cmd := program(t, "run", "--config", writeFile(t, "agent.yaml", slow+"limits: {drain: 5m}\n"))
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(stderr).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, stderr)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for deadline := time.After(20 * time.Second); ; {
		select {
		case <-ended:
			if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() {
				t.Errorf("ended by itself: %v", cmd.ProcessState)
			}
			return
		case <-again.C:
			cmd.Process.Signal(syscall.SIGTERM)
		case <-deadline:
			cmd.Process.Kill()
			t.Fatal("it did not end within 20 s")
		}
	}
}

// dunlinLine runs the binary for its first line of output.
func dunlinLine(t *testing.T, args ...string) string {
	t.Helper()
	cmd := program(t, args...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	return line
}

// TestRunRefuses starts agents that cannot start.
func TestRunRefuses(t *testing.T) {
	bundles, scans := demoFile(t, "bundles"), demoFile(t, "scans")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	truncated := filepath.Join(t.TempDir(), "half.dunlin")
	whole, err := os.ReadFile(filepath.Join(bundles, "digits-1.0.0.dunlin"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(truncated, whole[:len(whole)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	const sources = "sources: {s: {driver: replay.images, path: SCANS}}\n"
	tests := []struct {
		name, yaml    string
		code          int
		message, hint string
	}{
		{"unknown key", sources + "pipelines: {p: {source: s, bundel: x}}", exitConfig, "pipelines.p.bundel: unknown key", `did you mean "bundle"?`},
		{"unknown driver", "sources: {s: {driver: replay.image}}\npipelines: {p: {source: s, bundle: x}}", exitConfig, "unknown driver", `did you mean "replay.images"?`},
		{"exclusive source", "sources: {s: {driver: replay.images, path: SCANS, exclusive: true}}\npipelines: {p: {source: s, bundle: x}, q: {source: s, bundle: x}}", exitConfig, "pipelines p and q: both want source s", "its own source"},
		{"port in use", sources + "pipelines: {p: {source: s, bundle: BUNDLES/digits-1.0.0.dunlin}}\napi: {listen: '" + taken.Addr().String() + "'}", exitFailed, "address already in use", "another port"},
		{"missing bundle", sources + "pipelines: {p: {source: s, bundle: no.dunlin}}\napi: {listen: 'off'}", exitInput, "no.dunlin", "check the path"},
		{"truncated bundle", sources + "pipelines: {p: {source: s, bundle: " + truncated + "}}\napi: {listen: 'off'}", exitInput, "half.dunlin", "publisher"},
		{"missing recordings", "sources: {s: {driver: replay.images, path: none}}\npipelines: {p: {source: s, bundle: BUNDLES/digits-1.0.0.dunlin}}\napi: {listen: 'off'}", exitConfig, "source s", "check the path"},
		{"wrong kind of source", sources + "pipelines: {p: {source: s, bundle: BUNDLES/machine-1.0.0.dunlin}}\napi: {listen: 'off'}", exitConfig, "it gives images, the bundle wants vibration", "source of the kind"},
		{"unwritable folder", sources + "pipelines: {p: {source: s, bundle: BUNDLES/digits-1.0.0.dunlin, actions: [{json: /proc/none/out}]}}\napi: {listen: 'off'}", exitConfig, "/proc/none/out", "create its folder"},
		{"missing program", sources + "pipelines: {p: {source: s, bundle: BUNDLES/digits-1.0.0.dunlin, actions: [{exec: [no-such-program]}]}}\napi: {listen: 'off'}", exitConfig, "no-such-program", "install the program"},
		{"bad fault", "sources: {s: {driver: sim.machine, fault: flood}}\npipelines: {p: {source: s, bundle: BUNDLES/machine-1.0.0.dunlin}}\napi: {listen: 'off'}", exitConfig, "agent.yaml:1:11: source s: simulated machine: fault: unknown \"flood\"", "settings of the source"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			yaml := strings.NewReplacer("SCANS", scans, "BUNDLES", bundles).Replace(tt.yaml)
			wantFailure(t, dunlin(t, "run", "--config", writeFile(t, "agent.yaml", yaml)), tt.code, tt.message, tt.hint)
		})
	}
	wantFailure(t, dunlin(t, "run", "--config", "/no/such.yaml"), exitConfig, "/no/such.yaml", "--config FILE")
	wantFailure(t, dunlin(t, "watch", "--url", "http://"+taken.Addr().String(), "--jsn"), exitUsage, "--jsn", "--json")
	wantFailure(t, dunlin(t, "watch", "--url", "ftp://x"), exitUsage, "not an http address", "http://")
}

func TestWatchWithoutAgent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	wantFailure(t, dunlin(t, "watch", "--json", "--url", "http://"+l.Addr().String()), exitFailed, "connection refused", "dunlin run")
}

func TestConfigCheck(t *testing.T) {
	got := dunlin(t, "config", "check", "--config", "demo/agent.yaml")
	if got.code != 0 || !strings.Contains(got.stdout, "demo/agent.yaml: ok") || !strings.Contains(got.stdout, "machine@1.0.0") {
		t.Errorf("%+v", got)
	}
	got = dunlin(t, "config", "check", "--config", "demo/agent.yaml", "--json")
	if got.code != 0 || !json.Valid([]byte(got.stdout)) {
		t.Errorf("--json: %+v", got)
	}
}

func TestSensorsList(t *testing.T) {
	got := dunlin(t, "sensors", "list", "--config", "demo/agent.yaml")
	for _, want := range []string{"sim.machine", "replay.wav", "replay.csv", "replay.images", "vibration"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("%q lacks %s", got.stdout, want)
		}
	}
}
