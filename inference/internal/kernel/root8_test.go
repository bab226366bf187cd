package kernel

import "testing"

// TestSqrt8Saturates: roots of any number of output scales are the most or less.
func TestSqrt8Saturates(t *testing.T) {
	for _, scale := range []float32{1e-3, 1e-9, 1e-20, 1e-38} {
		src := []byte{0x80, 0x81, 0, 0x7F} // from the zero point on
		NewSqrt8(Side{Signed: true, Scale: 4, Zero: -128}, scale, Clamp8{Min: -128, Max: 127}).Run(src, src)
		if got := [4]byte(src); got != [4]byte{0, 0x7F, 0x7F, 0x7F} {
			t.Errorf("output scale %g: %#x", scale, got)
		}
	}
}
