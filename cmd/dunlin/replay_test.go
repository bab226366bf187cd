package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

// captured is a capture that was exported, and the bundle that made it.
type captured struct {
	line   captureLine
	file   string
	bundle string
}

// wakeBundle packs a model with variables behind a front end with state.
func wakeBundle(t *testing.T) string {
	t.Helper()
	model, err := os.ReadFile(sharedFile(t, "wakeword/okay_nabu.tflite"))
	if err != nil {
		t.Fatal(err)
	}
	m := &bundle.Manifest{
		Schema: bundle.Schema, Name: "wake", Version: "1.0.0", Numerics: inference.Numerics,
		Model: bundle.ModelRef{File: "model.tflite", Format: "tflite"},
		Pipeline: json.RawMessage(`{"source":{"kind":"audio","rate":16000},"window":{"length":800,"hop":480},
			"preprocess":[{"op":"micro_frontend","step_ms":10}],"postprocess":[{"op":"smooth","kind":"mean","windows":5}],"labels":["okay nabu"]}`),
	}
	path := filepath.Join(t.TempDir(), "wake.dunlin")
	if _, err := bundle.PackFile(path, m, fstest.MapFS{"model.tflite": {Data: model}}); err != nil {
		t.Fatal(err)
	}
	return path
}

// captureRun runs an agent over recordings with captures on and returns its
// configuration: windows of a stateful model in the middle of a stream, windows
// of a front end that begins anew, and a picture.
func captureRun(t *testing.T, key string) (config string, bundles map[string]string) {
	t.Helper()
	bundles = map[string]string{"wake-5": wakeBundle(t), "digits": demoFile(t, "bundles/digits-1.0.0.dunlin")}
	bundles["wake-41"], bundles["wake-77"] = bundles["wake-5"], bundles["wake-5"]
	config = writeFile(t, "agent.yaml", fmt.Sprintf(`
device: {name: bench}
telemetry: {dir: kept%s}
sources:
  mic: {driver: replay.wav, path: %s, realtime: false}
  scans: {driver: replay.images, path: %s, realtime: false}
pipelines:
  wake-5: {source: mic, bundle: %[4]s, capture: {every: 5, subject: room-12}}
  wake-41: {source: mic, bundle: %[4]s, capture: {every: 41, subject: room-13}}
  wake-77: {source: mic, bundle: %[4]s, capture: {every: 77}}
  digits: {source: scans, bundle: %[5]s, capture: {labels: ["7"]}}
api: {listen: "off"}
`, key, sharedFile(t, "inputs/speech.wav"), demoFile(t, "scans"), bundles["wake-5"], bundles["digits"]))
	if got := dunlin(t, "run", "--config", config, "--until-eof"); got.code != 0 {
		t.Fatalf("exit code %d: %s", got.code, got.stderr)
	}
	return config, bundles
}

// export lists what was captured and exports it.
func export(t *testing.T, config string, bundles map[string]string) (all []captured) {
	t.Helper()
	var lines []captureLine
	if got := dunlin(t, "capture", "ls", "--json", "--config", config); json.Unmarshal([]byte(got.stdout), &lines) != nil {
		t.Fatalf("%+v", got)
	}
	for _, l := range lines {
		got := dunlin(t, "capture", "export", l.ID[:8], "--config", config)
		if got.code != 0 || l.Error != "" {
			t.Fatalf("%+v: %+v", l, got)
		}
		all = append(all, captured{l, writeFile(t, l.ID[:8]+".capture", got.stdout), bundles[l.Pipeline]})
	}
	return all
}

// TestCaptureAndReplay follows captures from a running pipeline to the same
// bytes: plain and encrypted, then erased with a receipt.
func TestCaptureAndReplay(t *testing.T) {
	for _, key := range []string{"", ", captures: {key: device.key}"} {
		config, bundles := captureRun(t, key)
		all := export(t, config, bundles)
		if len(all) != 4 {
			t.Fatalf("%d captures: %+v", len(all), all)
		}
		for _, c := range all {
			got := dunlin(t, "replay", c.file, "--bundle", c.bundle, "--json")
			var r replayed
			if err := json.Unmarshal([]byte(got.stdout), &r); err != nil || got.code != 0 || !r.Exact || r.ID != c.line.ID || r.Label != c.line.Label || r.Score != c.line.Score {
				t.Errorf("%+v: %+v, %v", c.line, got, err)
			}
		}
		names, err := filepath.Glob(filepath.Join(filepath.Dir(config), "kept", "captures", "*.capture"))
		if err != nil || len(names) != 4 {
			t.Fatalf("%v, %v", names, err)
		}
		if got := dunlin(t, "replay", names[0], "--bundle", bundles["digits"]); key != "" {
			wantFailure(t, got, exitInput, "encrypted", "dunlin capture export")
		}
		if key == "" {
			replayRefuses(t, all)
		}
		eraseSome(t, config)
	}
}

func replayRefuses(t *testing.T, all []captured) {
	t.Helper()
	wake := all[0]
	for _, c := range all {
		if c.line.Pipeline == "wake-41" {
			wake = c
		}
	}
	wantFailure(t, dunlin(t, "replay", wake.file, "--bundle", demoFile(t, "bundles/machine-1.0.0.dunlin")), exitMismatch, "was made by bundle", "begins with")
	wantFailure(t, dunlin(t, "replay", wake.file), exitUsage, "no bundle", "--bundle")
	data, err := os.ReadFile(wake.file)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	wantFailure(t, dunlin(t, "replay", writeFile(t, "x.capture", string(data)), "--bundle", wake.bundle), exitInput, "CRC", "copy")
}

func eraseSome(t *testing.T, config string) {
	t.Helper()
	erase := func(args ...string) outcome {
		return dunlin(t, append([]string{"capture", "erase", "--config", config}, args...)...)
	}
	wantFailure(t, erase("--subject", "room-12"), exitUsage, "erases 1 captures", "--yes")
	wantFailure(t, erase(), exitUsage, "nothing is named", "help")
	for _, step := range []struct {
		args []string
		want int
	}{{[]string{"--subject", "room-12"}, 1}, {[]string{"--older", "1h"}, 0}, {[]string{"--all"}, 3}, {[]string{"--all"}, 0}} {
		got := erase(append(step.args, "--yes")...)
		if n := strings.Count(got.stdout, `"id"`); got.code != 0 || n != step.want {
			t.Errorf("%v: %+v, want %d", step.args, got, step.want)
		}
	}
}
