package kernel

import "testing"

// TestQuantize16Blocks: halves go to even in whole blocks of 8 elements, away from zero
// behind them.
func TestQuantize16Blocks(t *testing.T) {
	for n := range 40 {
		src, dst := make([]float32, n), make([]int16, n)
		for i := range src {
			src[i] = 1.25
		}
		QuantizeF32To16(dst, src, 0.5)
		for i, got := range dst {
			want := int16(2)
			if i >= n/8*8 {
				want = 3
			}
			if got != want {
				t.Fatalf("element %d of %d is %d, want %d", i, n, got, want)
			}
		}
	}
}
