package inference

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/internal/testmodels"
)

// golden is LiteRT's outputs on seeded inputs, as scripts/golden/models.py
// records them.
type golden struct {
	model, sha256, litert string
	signature             string // the entry that ran; the first if empty
	cases                 int
	outputs               []byte
}

// shown is how many cases are run: in short mode, for emulated CPUs in the
// gate, three; the long run has all.
func (g golden) shown() int {
	if testing.Short() {
		return min(g.cases, 3)
	}
	return g.cases
}

// parseGolden parses a golden file; unknown keys fail.
func parseGolden(t *testing.T, path string, data []byte) golden {
	t.Helper()
	head, body, ok := bytes.Cut(data, []byte("\n\n"))
	if !ok {
		t.Fatalf("%s: no blank line after the header", path)
	}
	g := golden{outputs: body}
	for s := bufio.NewScanner(bytes.NewReader(head)); s.Scan(); {
		key, value, _ := strings.Cut(s.Text(), " ")
		switch key {
		case "model":
			g.model = value
		case "sha256":
			g.sha256 = value
		case "signature":
			g.signature = value
		case "litert":
			g.litert = value
		case "cases":
			fmt.Sscan(value, &g.cases)
		default:
			t.Fatalf("%s: unknown key %q", path, key)
		}
	}
	return g
}

// TestEqualsLiteRT compares every output byte on 20 seeded inputs a model.
func TestEqualsLiteRT(t *testing.T) {
	files, _ := filepath.Glob("testdata/litert/*.golden")
	if len(files) < 18 {
		t.Fatalf("%d golden files, want 18", len(files))
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".golden"), func(t *testing.T) {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			g := parseGolden(t, f, data)
			model := testmodels.Read(t, g.model)
			if sum := sha256.Sum256(model); hex.EncodeToString(sum[:]) != g.sha256 {
				t.Fatalf("%s is not the file the golden was made from", g.model)
			}
			compareGolden(t, model, g)
		})
	}
}

// TestOpsEqualLiteRT compares one-operator models with drawn parameters.
func TestOpsEqualLiteRT(t *testing.T) {
	path := "testdata/ops.zip"
	if v := os.Getenv("DUNLIN_OPS"); v != "" {
		path = v
	}
	compareArchive(t, path, 200)
}

func compareGolden(t *testing.T, data []byte, g golden) {
	m, err := openClear(data, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.NewReader(g.outputs)
	for c := range g.shown() {
		compareCase(t, m, s, c, want)
	}
	// Variables start over.
	s.Reset()
	compareCase(t, m, s, 0, bytes.NewReader(g.outputs))
}

// compareCase runs one case and holds the outputs against the next bytes of
// want.
func compareCase(t *testing.T, m *Model, s *Session, c int, want io.Reader) {
	t.Helper()
	for i, in := range m.Inputs() {
		testmodels.Fill(s.Input(i).Bytes(), in.DType.String(), c, i)
	}
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range m.Outputs() {
		got := s.Output(i).Bytes()
		expect := make([]byte, len(got))
		if _, err := io.ReadFull(want, expect); err != nil {
			t.Fatalf("case %d output %d: golden: %v", c, i, err)
		}
		if !bytes.Equal(got, expect) {
			t.Errorf("case %d output %d: %s", c, i, firstDiff(got, expect))
		}
	}
}

func firstDiff(got, want []byte) string {
	n, first := 0, -1
	for i := range got {
		if got[i] != want[i] {
			if n++; first < 0 {
				first = i
			}
		}
	}
	return fmt.Sprintf("%d of %d bytes differ, first at %d: got %d, LiteRT %d",
		n, len(got), first, int8(got[first]), int8(want[first]))
}
