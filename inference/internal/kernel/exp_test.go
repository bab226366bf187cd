package kernel

import (
	"math"
	"testing"
)

// TestTanhNear holds the bounds that the comment gives.
func TestTanhNear(t *testing.T) {
	for x := 0x1p-30; x < 30; x *= 1.0007 {
		want := math.Tanh(x)
		off := math.Abs(tanh(x) - want)
		if tanh(-x) != -tanh(x) || off > 0x1p-52 || x < 0x1p-6 && off > 0x1p-51*want {
			t.Fatalf("tanh(%g) is off by %g, or not odd", x, off)
		}
	}
}
