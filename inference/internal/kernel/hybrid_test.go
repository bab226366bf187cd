package kernel

import (
	"slices"
	"testing"
)

// TestHybridQuantize has the ends of both rules, which drawn images rarely meet.
func TestHybridQuantize(t *testing.T) {
	for _, c := range []struct {
		symmetric bool
		src       []float32
		want      []int8
		scale     float32
		zero      int32
	}{
		{true, []float32{0, 0}, []int8{0, 0}, 1, 0},
		{true, []float32{1, -0.5}, []int8{127, -64}, 1.0 / 127, 0},
		{false, []float32{0, 0}, []int8{0, 0}, 1, 0},
		{false, []float32{0, 1}, []int8{-128, 127}, 1.0 / 255, -128},
		{false, []float32{0, 255}, []int8{-128, 127}, 1, -128},
		{false, []float32{-1, 0}, []int8{-128, 127}, 1.0 / 255, 127},
		{true, []float32{127, nan(), -3}, []int8{127, 0, -3}, 1, 0},
		{false, []float32{255, nan(), 3}, []int8{127, -128, -125}, 1, -128},
	} {
		got := make([]int8, len(c.src))
		scale, zero := Hybrid{Symmetric: c.symmetric}.quantize(got, c.src)
		if !slices.Equal(got, c.want) || scale != c.scale || zero != c.zero {
			t.Errorf("%v: %v, scale %g, zero point %d, want %v, %g, %d", c.src, got, scale, zero, c.want, c.scale, c.zero)
		}
	}
}
