package inference

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/internal/testmodels"
)

// TestNearLiteRT holds the operators of which LiteRT's answer depends on the C
// library, TANH of 8 bits and GELU of int16, to what NUMERICS.md says: at most 1 off,
// for one value of a table (scripts/golden/ops_near.py).
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
			got := s.Output(0).Bytes()
			expect := make([]byte, len(got))
			if _, err := io.ReadFull(want, expect); err != nil {
				t.Fatal(err)
			}
			size, off := s.Output(0).DType.Size(), 0
			number := func(b []byte, i int) int {
				if size == 2 {
					return int(int16(binary.LittleEndian.Uint16(b[2*i:])))
				}
				return int(int8(b[i]))
			}
			for i := range len(got) / size {
				switch d := number(got, i) - number(expect, i); d {
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
