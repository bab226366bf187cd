package inference

import (
	"context"
	"math"
	"strings"
	"testing"
)

// doubler is a backend that doubles its input.
type doubler struct{ resets *int }

func (d doubler) NewRunner() (Runner, error) { return d, nil }

func (d doubler) Run(_ context.Context, in, out []*Tensor) error {
	for i, v := range in[0].Int8() {
		out[0].Float32()[i] = 2 * float32(v)
	}
	return nil
}

func (d doubler) Reset() error { *d.resets++; return nil }

func TestBackend(t *testing.T) {
	resets := 0
	m, err := OpenBackend(doubler{&resets}, []TensorInfo{{Name: "x", DType: Int8, Shape: []int{1, 3}, Scale: 0.5}}, []TensorInfo{{Name: "y", DType: Float32, Shape: []int{3}}}, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Input(0).SetFloats([]float32{1, 2, -1}); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := s.Output(0).Float32(); got[0] != 4 || got[1] != 8 || got[2] != -4 {
		t.Errorf("%v", got)
	}
	s.Reset()
	if resets != 1 || len(s.State()) != 0 || len(m.Ops()) != 0 || m.Digest() != [32]byte{1} {
		t.Errorf("%d resets, %d bytes of state", resets, len(s.State()))
	}
	for _, shape := range [][]int{{-1}, {math.MaxInt, math.MaxInt}} {
		if _, err := OpenBackend(doubler{}, []TensorInfo{{Name: "x", DType: Int8, Shape: shape}}, nil, [32]byte{}); err == nil || !strings.Contains(err.Error(), "shape") {
			t.Errorf("%v: %v", shape, err)
		}
	}
}
