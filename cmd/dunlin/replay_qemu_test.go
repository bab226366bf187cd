//go:build qemu

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/agent/action"
)

// buildFor builds the shipped program for another architecture.
func buildFor(t *testing.T, arch, arm string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "dunlin-"+arch+arm)
	build := exec.Command("go", "build", "-trimpath", "-o", bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+arch, "GOARM="+arm)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", arch, err, out)
	}
	return bin
}

// TestReplayElsewhere computes what was captured on this machine again with the
// shipped programs of other architectures: every byte must come out the same.
func TestReplayElsewhere(t *testing.T) {
	config, bundles := captureRun(t, "")
	all := export(t, config, bundles)
	for _, to := range []struct{ qemu, arch, arm string }{{"qemu-aarch64-static", "arm64", ""}, {"qemu-arm-static", "arm", "7"}} {
		bin := buildFor(t, to.arch, to.arm)
		for _, c := range all {
			out, err := exec.Command(to.qemu, bin, "replay", c.file, "--bundle", c.bundle).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "exact") {
				t.Errorf("%s: %s of %s: %v\n%s", to.arch, c.line.ID[:8], c.line.Pipeline, err, out)
			}
		}
	}
}

// TestDemoElsewhere lets the shipped programs for the smallest boards work off
// the demo's two pipelines: they decide every window as this machine does.
func TestDemoElsewhere(t *testing.T) {
	dir := t.TempDir()
	scans := filepath.Join(dir, "scans")
	if err := os.Mkdir(scans, 0o700); err != nil {
		t.Fatal(err)
	}
	all, err := filepath.Glob(demoFile(t, "scans") + "/*.png")
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range all[:20] {
		if err := os.Symlink(from, filepath.Join(scans, filepath.Base(from))); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(dir, "agent.yaml")
	text := fmt.Sprintf(`sources:
  sim: {driver: sim.machine, seed: 3, fault: bearing}
  vibration: {driver: replay.csv, path: knocks.csv, kind: vibration, unit: g, realtime: false}
  scans: {driver: replay.images, path: scans, realtime: false}
pipelines:
  machine: {source: vibration, bundle: %[1]s/machine-1.0.0.dunlin, actions: [{json: "-", on: result}]}
  digits: {source: scans, bundle: %[1]s/digits-1.0.0.dunlin, actions: [{json: "-", on: result}]}
api: {listen: "off"}
`, demoFile(t, "bundles"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := dunlin(t, "record", "sim", "-o", filepath.Join(dir, "knocks.csv"), "--for", "4s", "--config", config); got.code != 0 {
		t.Fatal(got.stderr)
	}
	run := func(program ...string) map[string]string {
		t.Helper()
		var out, errs bytes.Buffer
		c := exec.Command(program[0], append(program[1:], "run", "--config", config, "--until-eof")...)
		c.Stdout, c.Stderr = &out, &errs
		if err := c.Run(); err != nil {
			t.Fatalf("%v: %v\n%s", program, err, errs.String())
		}
		windows := map[string]string{}
		n := map[string]int{}
		for line := range strings.Lines(out.String()) {
			var r action.Record
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatal(err)
			}
			n[r.Pipeline]++
			windows[fmt.Sprint(r.Pipeline, n[r.Pipeline])] = fmt.Sprint(r.Item, r.Label, r.Score, r.RawScore, r.Margin, r.Model)
		}
		return windows
	}
	want := run(buildFor(t, "amd64", ""))
	if len(want) < 40 {
		t.Fatalf("only %d windows", len(want))
	}
	for _, to := range []struct{ qemu, arch, arm string }{{"qemu-arm-static", "arm", "6"}, {"qemu-riscv64-static", "riscv64", ""}} {
		got := run(to.qemu, buildFor(t, to.arch, to.arm))
		if len(got) != len(want) {
			t.Errorf("%s: %d windows, want %d", to.arch, len(got), len(want))
		}
		for window, decision := range want {
			if got[window] != decision {
				t.Errorf("%s: %s is %s, want %s", to.arch, window, got[window], decision)
			}
		}
	}
}
