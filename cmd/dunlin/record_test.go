package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recordings are three sources: a machine as fast as it can be simulated, sound
// and pictures.
func recordings(t *testing.T) (dir, cfg string) {
	t.Helper()
	dir = t.TempDir()
	scans, err := filepath.Abs("demo/scans")
	if err != nil {
		t.Fatal(err)
	}
	cfg = filepath.Join(dir, "agent.yaml")
	text := `sources:
  machine: {driver: sim.machine, seed: 3}
  scans: {driver: replay.images, path: ` + scans + `, rate: 50}
  played: {driver: replay.csv, path: knocks.csv, kind: vibration, unit: g, realtime: false}
pipelines: {p: {source: machine, bundle: x}}
`
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, cfg
}

// TestRecord: what is recorded is played to the bit: recorded again it is the
// same file, and a bundle decides the same of both, twice.
func TestRecord(t *testing.T) {
	dir, cfg := recordings(t)
	knocks, again := filepath.Join(dir, "knocks.csv"), filepath.Join(dir, "again.csv")
	out, errs, code := say(t, "record", "machine", "-o", knocks, "--for", "1500ms", "--config", cfg)
	if code != exitOK || !strings.Contains(out, "{driver: replay.csv, path: "+knocks+", kind: vibration, unit: g}") {
		t.Fatalf("exit %d, %s %s", code, out, errs)
	}
	if out, errs, code := say(t, "record", "played", "-o", again, "--for", "1m", "--config", cfg); code != exitOK {
		t.Fatalf("exit %d, %s %s", code, out, errs)
	}
	one, err := os.ReadFile(knocks)
	if err != nil {
		t.Fatal(err)
	}
	if two, err := os.ReadFile(again); err != nil || len(one) < 3200*10 || !bytes.Equal(one, two) {
		t.Errorf("%d and %d bytes, %v", len(one), len(two), err)
	}
	const bundle = "demo/bundles/machine-1.0.0.dunlin"
	first, _, code := say(t, "classify", knocks, "--bundle", bundle, "--json")
	second, _, _ := say(t, "classify", knocks, "--bundle", bundle, "--json")
	first, _, _ = strings.Cut(first, "latency") // which is another each time
	second, _, _ = strings.Cut(second, "latency")
	if code != exitOK || first == "" || first != second {
		t.Errorf("exit %d, %s, then %s", code, first, second)
	}
	if _, errs, code := say(t, "record", "machine", "-o", knocks, "--config", cfg, "--for", "100ms"); code != exitInput || !strings.Contains(errs, "file exists") {
		t.Errorf("overwritten: exit %d, %s", code, errs)
	}
}

// TestRecordSeveral: side by side, each in its kind of file.
func TestRecordSeveral(t *testing.T) {
	dir, cfg := recordings(t)
	to := filepath.Join(dir, "visit")
	out, errs, code := say(t, "record", "machine", "scans", "-o", to, "--for", "2s", "--config", cfg, "--json")
	if code != exitOK || !strings.Contains(out, "replay.images") {
		t.Fatalf("exit %d, %s %s", code, out, errs)
	}
	for _, name := range []string{"machine.csv", "scans/000000.png", "scans/000001.png"} {
		if _, err := os.Stat(filepath.Join(to, name)); err != nil {
			t.Error(err)
		}
	}
	if _, errs, code := say(t, "record", "nothing", "--config", cfg); code != exitUsage || !strings.Contains(errs, "there is: machine scans played") {
		t.Errorf("exit %d, %s", code, errs)
	}
}

func TestSensorsWatch(t *testing.T) {
	dir, cfg := recordings(t)
	if _, errs, code := say(t, "record", "machine", "-o", filepath.Join(dir, "knocks.csv"), "--for", "1s", "--config", cfg); code != exitOK {
		t.Fatal(errs)
	}
	text, err := os.ReadFile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cfg, bytes.Replace(text, []byte("realtime: false"), []byte("realtime: true"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, code := say(t, "sensors", "watch", "played", "--every", "200ms", "--config", cfg)
	if code != exitOK || strings.Count(out, " Hz") < 3 || !strings.Contains(out, "mean ") || !strings.Contains(out, " g") {
		t.Errorf("exit %d, %s %s", code, out, errs)
	}
}
