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

// TestSigmoids16 holds the functions of fixed point against those of package math: within
// 7 and 13 units, and exact at 0.
func TestSigmoids16(t *testing.T) {
	for a := math.MinInt16 + 1; a <= math.MaxInt16; a++ {
		got, mirrored := Logistic16(int16(a)), Logistic16(int16(-a))
		if want := (1 << 15) / (1 + math.Exp(-float64(a)/(1<<12))); math.Abs(float64(got)-want) > 7 || a != 0 && got != math.MaxInt16-mirrored {
			t.Fatalf("logistic of %d is %d, of its negative %d, want %g", a, got, mirrored, want)
		}
		for integer := range 7 {
			got, mirrored := Tanh16(int16(a), integer), Tanh16(int16(-a), integer)
			if want := (1 << 15) * math.Tanh(math.Ldexp(float64(a), integer-15)); math.Abs(float64(got)-want) > 13 || got != -mirrored {
				t.Fatalf("tanh of %d with %d integer bits is %d, of its negative %d, want %g", a, integer, got, mirrored, want)
			}
		}
	}
	if Logistic16(0) != 1<<14 || Logistic16(math.MinInt16) != 11 || Tanh16(0, 3) != 0 || Tanh16(math.MinInt16, 0) != Tanh16(math.MinInt16+1, 0) {
		t.Errorf("logistic of 0 and the least %d, %d; tanh %d, %d", Logistic16(0), Logistic16(math.MinInt16), Tanh16(0, 3), Tanh16(math.MinInt16, 0))
	}
}
