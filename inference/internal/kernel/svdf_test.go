package kernel

import (
	"slices"
	"testing"
)

// TestSVDF8Exact: factors of 1 leave the sums as they are, over features and over time.
func TestSVDF8Exact(t *testing.T) {
	one := NewMultiplier(1)
	s := SVDF8{SVDFShape: SVDFShape{Batch: 2, Input: 2, Units: 2, Rank: 2, Memory: 2}, InZero: 1, State: one, Out: one, Clamp: Clamp8{Zero: 3, Min: -128, Max: 127},
		Feature: []int8{1, 0, 0, 1, 1, 1, 2, -1}, Time: []int16{10, 1, 0, 1, 1, 0, 0, 1}, Bias: []int32{0, 5}}
	dst, state := make([]int8, 4), make([]int16, 16)
	for i, c := range []struct{ src, want []int8 }{
		// Inputs less 1 are (1, 2) and (0, 0), filters see 1, 2, 3, 0 of the first image.
		{[]int8{2, 3, 1, 1}, []int8{3 + 1 + 2, 3 + 5, 3, 3 + 5}},
		// Then (0, 0) and (3, -1): what was first is one moment old.
		{[]int8{1, 1, 4, 0}, []int8{3 + 10, 3 + 5 + 3, 3 + 3 - 1, 3 + 5 + 7}},
	} {
		if s.Run(dst, c.src, state); !slices.Equal(dst, c.want) {
			t.Errorf("moment %d: %v, want %v", i, dst, c.want)
		}
	}
}
