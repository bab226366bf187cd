package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// archivedModel takes a model out of one of the engine's test archives.
func archivedModel(t *testing.T, archive, name string) string {
	t.Helper()
	z, err := zip.OpenReader("../../inference/testdata/" + archive)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	data, err := fs.ReadFile(z, name)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), filepath.Base(name))
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func decodeJSON[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

func TestModelInspect(t *testing.T) {
	path := archivedModel(t, "ops.zip", "conv_000.tflite")
	got := dunlin(t, "model", "inspect", path, "--json")
	r := decodeJSON[modelReport](t, got.stdout)
	if got.code != 0 || len(r.Ops) != 1 || r.Ops[0].Op != "CONV_2D" || r.MACs == 0 || r.ArenaBytes == 0 || len(r.Unsupported) != 0 {
		t.Errorf("exit %d, report %+v", got.code, r)
	}
	text := dunlin(t, "model", "inspect", path)
	for line := range strings.Lines(text.stdout) {
		if len([]rune(line)) > 81 && !strings.Contains(line, path) {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

// TestModelInspectUnsupported: the report is whole, and names all of it.
func TestModelInspectUnsupported(t *testing.T) {
	path := archivedModel(t, "hostile.zip", "unsupported.tflite")
	got := dunlin(t, "model", "inspect", path, "--json")
	r := decodeJSON[modelReport](t, got.stdout)
	if len(r.Unsupported) != 2 || len(r.Inputs) != 1 || r.Inputs[0].Type != "int8" {
		t.Errorf("report %+v", r)
	}
	wantFailure(t, got, exitUnsupported, "needs 2 things", "int8")
	wantFailure(t, dunlin(t, "model", "bench", path), exitUnsupported, "BUCKETIZE", "model inspect")
}

func TestModelRun(t *testing.T) {
	path := archivedModel(t, "ops.zip", "add_001.tflite")
	dir := t.TempDir()
	r := decodeJSON[modelReport](t, dunlin(t, "model", "inspect", path, "--json").stdout)
	args := []string{"model", "run", path, "--out-dir", filepath.Join(dir, "out"), "--repeat", "3"}
	for i, in := range r.Inputs {
		n := 1
		for _, d := range in.Shape {
			n *= d
		}
		file := filepath.Join(dir, string(rune('a'+i)))
		if err := os.WriteFile(file, bytes.Repeat([]byte{byte(i)}, n), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--in", string(rune('0'+i))+"="+file)
	}
	if got := dunlin(t, args...); got.code != 0 {
		t.Fatalf("exit %d: %s", got.code, got.stderr)
	}
	out, err := os.ReadFile(filepath.Join(dir, "out", "out0.bin"))
	if err != nil || len(out) == 0 {
		t.Errorf("%d bytes of output, error %v", len(out), err)
	}
}

func TestModelRunBadInput(t *testing.T) {
	path := archivedModel(t, "ops.zip", "reshape_000.tflite") // int8[2 3 4]
	dir := t.TempDir()
	short := filepath.Join(dir, "short.bin")
	full := filepath.Join(dir, "full.bin")
	for file, n := range map[string]int{short: 23, full: 24} {
		if err := os.WriteFile(file, make([]byte, n), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text := filepath.Join(dir, "text.tflite")
	if err := os.WriteFile(text, []byte("not a model at all"), 0o644); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(dir, "cut.tflite")
	if err := os.WriteFile(cut, data[:len(data)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name          string
		args          []string
		code          int
		message, hint string
	}{
		{"wrong size", []string{path, "--in", "0=" + short, "--out-dir", dir}, exitInput, "has 23 bytes, want 24", "int8[2 3 4]"},
		{"no input", []string{path, "--out-dir", dir}, exitUsage, "no file given", "--in 0=FILE with 24 bytes"},
		{"input too many", []string{path, "--in", "1=" + full, "--out-dir", dir}, exitUsage, "no input 1", "inputs 0 to 0"},
		{"bad in", []string{path, "--in", full, "--out-dir", dir}, exitUsage, "N=FILE", "help"},
		{"missing input", []string{path, "--in", "0=" + dir + "/none", "--out-dir", dir}, exitInput, "none", "check the path"},
		{"missing model", []string{dir + "/none.tflite", "--in", "0=" + full, "--out-dir", dir}, exitInput, "none.tflite", "exists"},
		{"foreign model", []string{text, "--in", "0=" + full, "--out-dir", dir}, exitInput, "not a TensorFlow Lite model", "export"},
		{"truncated model", []string{cut, "--in", "0=" + full, "--out-dir", dir}, exitInput, "decode model", "damaged"},
		{"unwritable folder", []string{path, "--in", "0=" + full, "--out-dir", "/proc/none/out"}, exitInput, "/proc/none", "may write"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantFailure(t, dunlin(t, append([]string{"model", "run"}, tt.args...)...), tt.code, tt.message, tt.hint)
		})
	}
}

func TestModelBench(t *testing.T) {
	path := archivedModel(t, "ops.zip", "conv_000.tflite")
	got := dunlin(t, "model", "bench", path, "--runs", "7", "--warmup", "1", "--threads", "1", "--json")
	r := decodeJSON[benchReport](t, got.stdout)
	if r.Runs != 7 || r.MinUS <= 0 || r.MedianUS < r.MinUS || r.P90US < r.MedianUS || r.MaxUS < r.P90US || r.InitUS <= 0 ||
		r.ArenaBytes == 0 || r.PackedBytes == 0 || r.PeakRSS == 0 || r.CPU == "" || r.Tier == "" {
		t.Errorf("report %+v", r)
	}
	peak := decodeJSON[peakReport](t, dunlin(t, "model", "bench", "--peak", "--json").stdout)
	if vector := peak.Tier != "generic"; (peak.Int8 > 0) != vector || (peak.Float32 > 0) != vector {
		t.Errorf("peak %+v", peak)
	}
	wantFailure(t, dunlin(t, "model", "bench"), exitUsage, "give a model", "help model bench")
	for _, threads := range []string{"2", "auto"} {
		decodeJSON[benchReport](t, dunlin(t, "model", "bench", path, "--threads", threads, "--runs", "3", "--json").stdout)
	}
	wantFailure(t, dunlin(t, "model", "bench", path, "--threads", "none"), exitUsage, "--threads none", "auto")
}

func TestModelProfile(t *testing.T) {
	got := dunlin(t, "model", "profile", archivedModel(t, "ops.zip", "float_edge_000.tflite"), "--runs", "3", "--json")
	r := decodeJSON[profileReport](t, got.stdout)
	if len(r.Steps) != 2 || r.Steps[0].Kernel != "dequantize_8" || r.Steps[1].Rule != "xnnpack" || len(r.Ops) != 2 {
		t.Errorf("report %+v", r)
	}
}
