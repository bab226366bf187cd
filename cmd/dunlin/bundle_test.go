package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/ota/bundle"
)

// unpack writes a demo bundle's files into a folder.
func unpack(t *testing.T, name string) string {
	t.Helper()
	b, err := bundle.Open(demoFile(t, "bundles/"+name))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	dir := t.TempDir()
	write := func(name string, data []byte) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range b.Manifest().Files {
		data, err := b.File(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		write(f.Name, data)
	}
	m := *b.Manifest()
	m.Files = []bundle.File{}
	raw, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	write(bundle.ManifestName, raw)
	return dir
}

func TestBundleVerify(t *testing.T) {
	for _, name := range []string{"machine-1.0.0", "machine-1.1.0", "digits-1.0.0"} {
		got := dunlin(t, "bundle", "verify", demoFile(t, "bundles/"+name+".dunlin"))
		if got.code != 0 || !strings.Contains(got.stdout, "golden samples exact") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestBundlePack packs a folder twice and compares bytes, then spoils a golden
// sample: the bundle is whole, and refused.
func TestBundlePack(t *testing.T) {
	dir := unpack(t, "digits-1.0.0.dunlin")
	one, two := filepath.Join(t.TempDir(), "1.dunlin"), filepath.Join(t.TempDir(), "2.dunlin")
	for _, out := range []string{one, two} {
		if got := dunlin(t, "bundle", "pack", dir, "-o", out); got.code != 0 {
			t.Fatalf("%+v", got)
		}
	}
	a, err := os.ReadFile(one)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(two)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error("the same folder gave different bytes")
	}
	golden := filepath.Join(dir, "golden", "0.out0.bin")
	data, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	data[3] ^= 0x40
	if err := os.WriteFile(golden, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := dunlin(t, "bundle", "pack", dir, "-o", one); got.code != 0 {
		t.Fatalf("%+v", got)
	}
	wantFailure(t, dunlin(t, "bundle", "verify", one), exitMismatch, "golden sample 0: output 0 differs at byte 3", "do not run it")
	wantFailure(t, dunlin(t, "classify", "demo/scans", "--bundle", one), exitMismatch, "differs at byte 3", "do not run it")
}

func TestBundleRefuses(t *testing.T) {
	whole, err := os.ReadFile(demoFile(t, "bundles/digits-1.0.0.dunlin"))
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	misspelt := unpack(t, "digits-1.0.0.dunlin")
	manifest := filepath.Join(misspelt, bundle.ManifestName)
	raw, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(manifest, bytes.Replace(raw, []byte(`"licence"`), []byte(`"licens"`), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name          string
		args          []string
		code          int
		message, hint string
	}{
		{"truncated", []string{"verify", writeFile(t, "a.dunlin", string(whole[:3000]))}, exitMismatch, "a.dunlin", "publisher"},
		{"one bit", []string{"verify", writeFile(t, "a.dunlin", string(flipped))}, exitMismatch, "a.dunlin", "publisher"},
		{"foreign", []string{"inspect", writeFile(t, "a.dunlin", "PK, another archive")}, exitInput, "a.dunlin", "publisher"},
		{"missing", []string{"verify", "/no/such.dunlin"}, exitInput, "/no/such.dunlin", "check the path"},
		{"misspelt key", []string{"pack", misspelt, "-o", filepath.Join(t.TempDir(), "x.dunlin")}, exitInput, "licens", "manifest.json"},
		{"no manifest", []string{"pack", t.TempDir(), "-o", "x.dunlin"}, exitInput, "manifest.json", "bundle init"},
		{"no output", []string{"pack", misspelt}, exitUsage, "no output file", "-o"},
		{"model that is none", []string{"init", writeFile(t, "m.tflite", "not a model")}, exitInput, "m.tflite", "TensorFlow Lite"},
		{"missing model", []string{"init", "/no/such.tflite"}, exitInput, "/no/such.tflite", ".tflite"},
		{"missing labels", []string{"init", filepath.Join(misspelt, "model.tflite"), "--labels", "/no/labels"}, exitInput, "/no/labels", "label a line"},
		{"wrong labels", []string{"init", filepath.Join(misspelt, "model.tflite"), "--labels", writeFile(t, "l", "a\nb\n")}, exitInput, "2 labels for 10 scores", "as many labels"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantFailure(t, dunlin(t, append([]string{"bundle"}, tt.args...)...), tt.code, tt.message, tt.hint)
		})
	}
}

// TestBundleInit makes a bundle from the digits model alone, as a bundle and
// by way of an edited folder, and uses it.
func TestBundleInit(t *testing.T) {
	model := filepath.Join(unpack(t, "digits-1.0.0.dunlin"), "model.tflite")
	out := filepath.Join(t.TempDir(), "mine.dunlin")
	labels := writeFile(t, "labels.txt", "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n")
	got := dunlin(t, "bundle", "init", model, "--labels", labels, "--samples", "demo/scans", "-o", out, "--json")
	var p packed
	if err := json.Unmarshal([]byte(got.stdout), &p); got.code != 0 || err != nil || p.Note == "" {
		t.Fatalf("%+v", got)
	}
	b, err := bundle.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	m := b.Manifest()
	if len(m.Golden) != goldenSamples || !strings.HasPrefix(m.Golden[0].Origin, "init on ") {
		t.Errorf("golden %+v", m.Golden)
	}
	total := int64(0)
	for _, n := range m.Reference.Histograms[0].Counts {
		total += n
	}
	if scans, _ := filepath.Glob("demo/scans/*.png"); total != int64(len(scans)) {
		t.Errorf("histogram of %d scans, want %d", total, len(scans))
	}
	if got := dunlin(t, "bundle", "verify", out); got.code != 0 {
		t.Errorf("verify: %+v", got)
	}

	dir := filepath.Join(t.TempDir(), "edit")
	if got := dunlin(t, "bundle", "init", model, "--labels", labels, "-o", dir); got.code != 0 {
		t.Fatalf("folder: %+v", got)
	}
	packed := filepath.Join(t.TempDir(), "edited.dunlin")
	if got := dunlin(t, "bundle", "pack", dir, "-o", packed); got.code != 0 {
		t.Fatalf("pack: %+v", got)
	}
	if got := dunlin(t, "bundle", "inspect", packed); got.code != 0 || !strings.Contains(got.stdout, "init on") {
		t.Errorf("inspect: %+v", got)
	}
}

// TestGoldenIsSeeded makes the same bundle twice.
func TestGoldenIsSeeded(t *testing.T) {
	model := filepath.Join(unpack(t, "machine-1.0.0.dunlin"), "model.tflite")
	var digests []string
	for range 2 {
		got := dunlin(t, "bundle", "init", model, "-o", filepath.Join(t.TempDir(), "m.dunlin"), "--json")
		var p packed
		if err := json.Unmarshal([]byte(got.stdout), &p); err != nil {
			t.Fatalf("%+v", got)
		}
		digests = append(digests, p.Digest)
	}
	if digests[0] != digests[1] {
		t.Errorf("digests %v differ", digests)
	}
}
