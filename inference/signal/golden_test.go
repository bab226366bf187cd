package signal

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// openGolden unpacks testdata/name; scripts/golden writes these files.
func openGolden(t *testing.T, name string) *bytes.Reader {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(raw)
}

func readLE[T any](t *testing.T, r io.Reader, dst T) T {
	t.Helper()
	if err := binary.Read(r, binary.LittleEndian, dst); err != nil {
		t.Fatal(err)
	}
	return dst
}

// readNamed reads a name with its length in one byte; ok is false at the end.
func readNamed(t *testing.T, r *bytes.Reader) (name string, ok bool) {
	t.Helper()
	n, err := r.ReadByte()
	if err == io.EOF {
		return "", false
	}
	return string(readLE(t, r, make([]byte, n))), true
}

// modelsDir finds the folder of real models and recordings beside the
// repository, or skips.
func modelsDir(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("DUNLIN_MODELS"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		models := filepath.Join(dir, "..", "shared", "models")
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			if _, err := os.Stat(models); err == nil {
				return models
			}
			break
		}
	}
	t.Skip("no ../shared/models beside the repository (set DUNLIN_MODELS): real recordings not compared")
	return ""
}

// readWAV16 reads the samples of a canonical 16-bit mono file.
func readWAV16(t *testing.T, path string) []int16 {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return readLE(t, bytes.NewReader(raw[44:]), make([]int16, (len(raw)-44)/2))
}

// lcgNoise is the generator of scripts/golden.
func lcgNoise(seed uint32, n int, amplitude int32) []int16 {
	out := make([]int16, n)
	for i := range out {
		seed = seed*1664525 + 1013904223
		out[i] = int16((int32(seed>>16) - 32768) * amplitude >> 15)
	}
	return out
}

// lcgFloats is lcgNoise at full scale, in [-1, 1).
func lcgFloats(seed uint32, n int) []float32 {
	out := make([]float32, n)
	for i, v := range lcgNoise(seed, n, 32768) {
		out[i] = float32(v) / 32768
	}
	return out
}

// maxDiff returns the largest distance of got from want, and its index.
func maxDiff(got, want []float32) (worst float64, at int) {
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - float64(w)); d > worst || math.IsNaN(d) {
			worst, at = d, i
		}
	}
	return worst, at
}
