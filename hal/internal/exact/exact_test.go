package exact

import (
	"math"
	"testing"
)

func TestSinCos(t *testing.T) {
	for x := -3.0; x < 3; x += 0.00137 {
		s, c := math.Sincos(2 * math.Pi * x)
		if math.Abs(Sin(x)-s) > 1e-9 || math.Abs(Cos(x)-c) > 1e-9 {
			t.Fatalf("%v turns: %v %v, want %v %v", x, Sin(x), Cos(x), s, c)
		}
	}
}
