package bundle

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sample returns a manifest with every field set, and its files.
func sample() (*Manifest, Files) {
	files := Files{
		"model.tflite": bytes.Repeat([]byte("weights "), 100), "small.tflite": []byte("less"), "card.md": []byte("# Card\n"),
		"golden/0.in0.bin": {1, 2, 3}, "golden/0.out0.bin": {4}, "extra/labels.txt": []byte("a\nb\n"), "empty.bin": {},
	}
	return &Manifest{
		Schema: 1, Name: "machine", Version: "1.0.0-rc.1+b2", Numerics: 1, Created: "2026-11-23T00:00:00Z",
		Model:      ModelRef{File: "model.tflite", Format: "tflite"},
		Pipeline:   json.RawMessage(`{"source":{"kind":"vibration","rate":1600},"labels":["a","b"]}`),
		Requires:   &Requires{MinAgent: "0.1.0", RAMBytes: 1 << 20, MaxLatencyMS: 5, Ops: []string{"CONV_2D"}, Features: []string{"vibration"}},
		Golden:     []Golden{{Input: []string{"golden/0.in0.bin"}, Output: []string{"golden/0.out0.bin"}, Origin: "publisher"}},
		Variants:   []Variant{{Model: ModelRef{File: "small.tflite", Format: "tflite"}, Requires: &Requires{RAMBytes: 1}, Golden: []Golden{{Input: []string{"golden/0.in0.bin"}, Output: []string{"golden/0.out0.bin"}}}}},
		Reference:  &Reference{Histograms: []Histogram{{Name: "score", Min: 0, Max: 1, Counts: []int64{1, 2}}}},
		Evaluation: &Evaluation{Dataset: "held out", Metrics: map[string]float64{"accuracy": 0.97}, Slices: []Slice{{Name: "a", Count: 3, Metrics: map[string]float64{"recall": 1}}}},
		Lineage:    &Lineage{Run: "seed 1", Code: "sha256:" + strings.Repeat("0a", 32), Data: []string{"sha256:" + strings.Repeat("1b", 32)}},
		Licence:    "Apache-2.0", Card: "card.md",
		Files: []File{{Name: "extra/labels.txt"}, {Name: "empty.bin"}},
	}, files
}

func mustPack(t testing.TB, m *Manifest, files Files) []byte {
	t.Helper()
	var buf bytes.Buffer
	digest, err := Pack(&buf, m, files)
	if err != nil {
		t.Fatal(err)
	}
	if digest != sha256.Sum256(buf.Bytes()) {
		t.Fatal("digest is not the tar's")
	}
	return buf.Bytes()
}

func readBytes(data []byte) (*Bundle, error) {
	return Read(bytes.NewReader(data), int64(len(data)))
}

func TestRoundTrip(t *testing.T) {
	m, files := sample()
	data := mustPack(t, m, files)
	b, err := readBytes(data)
	if err != nil {
		t.Fatal(err)
	}
	if b.Digest() != sha256.Sum256(data) {
		t.Error("digest differs from the tar's")
	}
	model, err := b.Model()
	if err != nil || !bytes.Equal(model, files["model.tflite"]) {
		t.Errorf("model: %d bytes, %v", len(model), err)
	}
	in, out, err := b.Golden(0)
	if err != nil || !bytes.Equal(in[0], files["golden/0.in0.bin"]) || !bytes.Equal(out[0], files["golden/0.out0.bin"]) {
		t.Errorf("golden: %v %v %v", in, out, err)
	}
	if _, _, err := b.Golden(1); err == nil {
		t.Error("golden sample 1 of 1 was returned")
	}
	if _, err := b.File("nothing"); err == nil {
		t.Error("a file that is not there was returned")
	}
	if len(b.Manifest().Files) != len(files) {
		t.Errorf("%d files listed, want %d", len(b.Manifest().Files), len(files))
	}
}

// A publisher on any machine gets the same bytes: nothing of the clock, the
// user, the file system's order or the map's order may show.
func TestPackIsReproducible(t *testing.T) {
	m, files := sample()
	first := mustPack(t, m, files)
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Unix(1, 0), time.Unix(1e9, 0)); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "out.dunlin")
	for range 5 {
		if _, err := PackFile(out, m, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		second, err := os.ReadFile(out)
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("bytes differ: %d and %d, %v", len(first), len(second), err)
		}
	}
	if err := Verify(out); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".out*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	// What a reader returns packs to the same bytes again.
	b, err := readBytes(first)
	if err != nil {
		t.Fatal(err)
	}
	if again := mustPack(t, b.Manifest(), files); !bytes.Equal(again, first) {
		t.Error("repacking gave other bytes")
	}
}

// archive/tar is the witness that the canonical form is a tar.
func TestTarReaderAgrees(t *testing.T) {
	m, files := sample()
	data := mustPack(t, m, files)
	r := tar.NewReader(bytes.NewReader(data))
	var rebuilt bytes.Buffer
	w := tar.NewWriter(&rebuilt)
	for i := 0; ; i++ {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 && h.Name != ManifestName {
			t.Errorf("first entry is %s", h.Name)
		}
		if err := w.WriteHeader(&tar.Header{Format: tar.FormatUSTAR, Name: h.Name, Size: h.Size, Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(w, r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(rebuilt.Bytes(), data) {
		t.Error("archive/tar writes other bytes for the same entries")
	}
}

func TestPackRefuses(t *testing.T) {
	sum := sha256.Sum256([]byte("other"))
	for _, tc := range []struct {
		name, want string
		change     func(*Manifest, Files)
	}{
		{"missing model", "model.tflite", func(_ *Manifest, f Files) { delete(f, "model.tflite") }},
		{"no model name", "model.file: required", func(m *Manifest, _ Files) { m.Model.File = "" }},
		{"no pipeline", "pipeline", func(m *Manifest, _ Files) { m.Pipeline = nil }},
		{"escaping name", "relative", func(m *Manifest, _ Files) { m.Card = "../card.md" }},
		{"golden without output", "golden[0]", func(m *Manifest, _ Files) { m.Golden[0].Output = nil }},
		{"listed sum differs", "the manifest lists", func(m *Manifest, _ Files) {
			m.Files = []File{{Name: "card.md", Size: 7, SHA256: hex.EncodeToString(sum[:])}}
		}},
		{"bad version", "version", func(m *Manifest, _ Files) { m.Version = "1.0" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, files := sample()
			tc.change(m, files)
			_, err := Pack(io.Discard, m, files)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestFileChangedAfterOpen(t *testing.T) {
	m, files := sample()
	data := mustPack(t, m, files)
	b, err := readBytes(data)
	if err != nil {
		t.Fatal(err)
	}
	data[b.entries["model.tflite"].offset] ^= 1
	if _, err := b.Model(); err == nil || !strings.Contains(err.Error(), "changed since") {
		t.Errorf("got %v", err)
	}
}

func TestOpenPaths(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none"): "no such file", dir: "not a regular file", empty: "ends early",
	} {
		if err := Verify(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
}
