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

	"github.com/dunlin-edge/dunlin/inference/internal/testmodels"
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

// readWAV16 reads the samples of a canonical 16-bit mono file of the real
// recordings, or skips.
func readWAV16(t *testing.T, name string) []int16 {
	t.Helper()
	raw := testmodels.Read(t, name)
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
