package inference

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// What is read has to be the file, whichever memory it is in and wherever its last
// page ends.
func TestReadAll(t *testing.T) {
	rng := rand.NewChaCha8([32]byte{7})
	for _, n := range []int{0, 1, 600 << 10, 2<<20 - 512, 2<<20 + 1, 3<<20 + 5} {
		want := make([]byte, n)
		rng.Read(want)
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, want, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		got, free, err := readAll(f, func([]byte) {})
		f.Close()
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %d read, %v", n, len(got), err)
		}
		if free != nil {
			free()
		}
	}
}

// The file's memory is gone before the digest is asked for, and before the first run.
func TestOpenFileKeepsNothing(t *testing.T) {
	model := zipModel(t, "testdata/ops.zip", "conv_001")
	data := append(model, make([]byte, 3<<20)...) // behind all the model refers to
	path := filepath.Join(t.TempDir(), "model.tflite")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	var outputs [2][]byte
	for i, open := range []func() (*Model, error){
		func() (*Model, error) { return Open(data, Options{}) },
		func() (*Model, error) { return OpenFile(path, Options{}) },
	} {
		m, err := open()
		if err != nil {
			t.Fatal(err)
		}
		if m.Digest() != sha256.Sum256(data) {
			t.Errorf("opened in way %d: another digest", i)
		}
		s := session(t, m)
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		outputs[i] = bytes.Clone(s.Output(0).Bytes())
	}
	if !bytes.Equal(outputs[0], outputs[1]) {
		t.Errorf("outputs %v, from a file %v", outputs[0], outputs[1])
	}
}
