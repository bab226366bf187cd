package kernel

import (
	"slices"
	"testing"
)

// TestSaturates16: what an int16 does not hold becomes the most or the least.
func TestSaturates16(t *testing.T) {
	src := []int16{20000, 16384, 16383, -16384, -16385, -20000}
	want := []int16{32767, 32767, 32766, -32768, -32768, -32768}
	got := make([]int16, len(src))
	double := NewMultiplier(2)
	if (&LeakyRelu{Positive: double, Negative: double}).Run(got, src); !slices.Equal(got, want) {
		t.Errorf("twice %v by a leaky relu is %v, want %v", src, got, want)
	}
	p := MatMul16[int8]{M: len(src), K: 1, N: 1, ARow: 1, ACol: 1, BRow: 1, BCol: 1, Factor: NewMultiplier(1)}
	if p.Run(got, src, []int8{2}); !slices.Equal(got, want) {
		t.Errorf("twice %v by a product of matrices is %v, want %v", src, got, want)
	}
}
