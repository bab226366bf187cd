package inference

import (
	"bytes"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/internal/testmodels"
)

// rowsDigest is as lateDigest.
const rowsDigest = "2a37ee295e542ab823006553ff6c5083cc1511c81da7a5e2e49f1831d0d69669"

// TestRowsNearLiteRT compares models of shapes that only a run decides
// (scripts/golden/ops_rows.py).
func TestRowsNearLiteRT(t *testing.T) {
	compareDigested(t, "DUNLIN_OPS_ROWS", "testdata/ops_rows.zip", rowsDigest)
}

// TestRowsThatNobodySees: what was in memory before shows in no output, though
// operators compute the most rows there can be.
func TestRowsThatNobodySees(t *testing.T) {
	list := archive(t, "testdata/ops_rows.zip", ".golden")
	for _, e := range archive(t, "testdata/ops_flow.zip", ".golden") {
		if strings.HasPrefix(e.name, "masked") {
			list = append(list, e)
		}
	}
	for _, e := range list {
		m, err := Open(e.model, Options{})
		if err != nil {
			t.Fatal(err)
		}
		run := func(fill byte) (outputs []byte) {
			s := session(t, m)
			for c := range 4 {
				for i := range s.arena {
					s.arena[i] = fill
				}
				for i, in := range m.Inputs() {
					testmodels.Fill(s.Input(i).Bytes(), in.DType.String(), c, i)
				}
				if err := s.Run(t.Context()); err != nil {
					t.Fatalf("%s: %v", e.name, err)
				}
				for i := range s.Outputs() {
					outputs = append(outputs, s.Output(i).Bytes()...)
				}
			}
			return outputs
		}
		if a, b := run(0), run(0xFF); !bytes.Equal(a, b) {
			t.Errorf("%s: outputs depend on memory", e.name)
		}
	}
}

// TestRowsChangeShape: an output has the shape of its run, and the most it can be
// before.
func TestRowsChangeShape(t *testing.T) {
	m, err := Open(zipModel(t, "testdata/ops_rows.zip", "placed_002"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := session(t, m)
	most := m.Outputs()[0].Shape[0]
	if s.Output(0).Shape[0] != most {
		t.Errorf("shape %v before a run, want the most, %d", s.Output(0).Shape, most)
	}
	for _, n := range []int32{0, 1, int32(most), 1} {
		s.Input(1).Int32()[0] = n
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := s.Output(0); got.Shape[0] != int(n) || len(got.Bytes()) != got.Size() {
			t.Errorf("shape %v and %d bytes, want %d rows", got.Shape, len(got.Bytes()), n)
		}
	}
}
