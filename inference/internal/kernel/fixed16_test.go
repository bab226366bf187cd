package kernel

import (
	"math"
	"testing"
)

// TestMul15 has the ends of int16 and their halves, whose products alone saturate or
// come near to it.
func TestMul15(t *testing.T) {
	ends := []int16{math.MinInt16, math.MinInt16 + 1, math.MinInt16 / 2, -129, -128, -1, 0, 1, 127, 128, math.MaxInt16 / 2, math.MaxInt16/2 + 1, math.MaxInt16 - 1, math.MaxInt16}
	for _, a := range ends {
		for _, b := range ends {
			want := int16(min(math.Floor(float64(a)*float64(b)/(1<<15)+0.5), math.MaxInt16))
			if got := mul15(a, b); got != want {
				t.Errorf("%d * %d is %d, want %d", a, b, got, want)
			}
		}
	}
}
