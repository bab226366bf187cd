package inference

import (
	"bytes"
	"io"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/internal/testmodels"
)

// TestNearLiteRT holds the one 8-bit operator of which LiteRT's answer depends on
// the C library, TANH, to what NUMERICS.md says: at most 1 off, for one value of a
// table (scripts/golden/ops_near.py).
func TestNearLiteRT(t *testing.T) {
	for _, e := range archive(t, "testdata/ops_near.zip", ".golden") {
		m, err := Open(e.model, Options{})
		if err != nil {
			t.Fatal(err)
		}
		g := parseGolden(t, e.name, e.beside)
		s, want := session(t, m), bytes.NewReader(g.outputs)
		for c := range g.cases {
			testmodels.Fill(s.Input(0).Bytes(), m.Inputs()[0].DType.String(), c, 0)
			if err := s.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := s.Output(0).Int8()
			expect := make([]byte, len(got))
			if _, err := io.ReadFull(want, expect); err != nil {
				t.Fatal(err)
			}
			off := 0
			for i, q := range got {
				switch d := int(q) - int(int8(expect[i])); d {
				case 0:
				case 1, -1:
					off++
				default:
					t.Errorf("%s: value %d is %d off", e.name, i, d)
				}
			}
			if off != 1 {
				t.Errorf("%s: %d values differ, want the one that the C library moves", e.name, off)
			}
		}
	}
}
