package inference

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/internal/testmodels"
)

// TestMoreOpsEqualLiteRT compares the operators of scripts/golden/ops_more.py.
func TestMoreOpsEqualLiteRT(t *testing.T) {
	compareArchive(t, "testdata/ops_more.zip", 200)
}

// TestSEANET compares each layer of the SEANET speech model with the outputs
// of TFLite's reference kernels that tflite-micro publishes beside it.
func TestSEANET(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testmodels.Dir(t), "seanet", "*.tflite"))
	if err != nil || len(files) < 60 {
		t.Fatalf("%d models, %v", len(files), err)
	}
	for _, f := range files {
		base := strings.TrimSuffix(f, ".tflite")
		t.Run(filepath.Base(base), func(t *testing.T) {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			m, err := openClear(data, Options{})
			if err != nil {
				t.Fatal(err)
			}
			s, err := m.NewSession()
			if err != nil {
				t.Fatal(err)
			}
			for i := range m.Inputs() {
				copy(s.Input(i).Bytes(), readCSV(t, base+"_input"+strconv.Itoa(i)+"_int*.csv", len(s.Input(i).Bytes())))
			}
			if err := s.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := s.Output(0).Bytes()
			want := readCSV(t, base+"_golden_int*.csv", len(got))
			if string(got) != string(want) {
				t.Error(firstDiff(got, want))
			}
		})
	}
}

// readCSV returns the integers of the one file that matches, stored as its name
// tells, which must take size bytes.
func readCSV(t *testing.T, pattern string, size int) []byte {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) != 1 {
		t.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	wide := strings.HasSuffix(files[0], "int32.csv")
	var out []byte
	for _, field := range strings.FieldsFunc(string(text), func(r rune) bool { return r == ',' || r == '\n' || r == '\r' }) {
		v, err := strconv.ParseInt(strings.TrimSpace(field), 10, 32)
		if err != nil {
			t.Fatalf("%s: %v", files[0], err)
		}
		if wide {
			out = binary.LittleEndian.AppendUint32(out, uint32(v))
		} else {
			out = binary.LittleEndian.AppendUint16(out, uint16(v))
		}
	}
	if len(out) != size {
		t.Fatalf("%s: %d bytes, want %d", files[0], len(out), size)
	}
	return out
}
