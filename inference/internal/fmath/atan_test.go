package fmath

import (
	"math"
	"testing"
)

func TestAtan2(t *testing.T) {
	worst := 0.0
	for i := range 20000 {
		y, x := float64(i%199)-99.5, float64(i%251)/7-17.3
		got, want := Atan2(y*x, x), math.Atan2(y*x, x)
		worst = max(worst, math.Abs(got-want))
	}
	if worst > 1e-15 {
		t.Errorf("off by %g", worst)
	}
	inf, zero := math.Inf(1), math.Copysign(0, -1)
	for _, v := range [][2]float64{
		{0, 0}, {0, zero}, {zero, 0}, {zero, zero}, {1, 0}, {-1, zero}, {0, -3}, {zero, -3}, {zero, 3}, {inf, inf}, {-inf, -inf},
		{inf, -inf}, {inf, 2}, {-inf, -2}, {2, inf}, {-2, -inf}, {2, -inf}, {math.NaN(), 1}, {1, math.NaN()},
	} {
		got, want := Atan2(v[0], v[1]), math.Atan2(v[0], v[1])
		if math.Float64bits(got) != math.Float64bits(want) && !(math.IsNaN(got) && math.IsNaN(want)) && math.Abs(got-want) > 1e-15 ||
			math.Signbit(got) != math.Signbit(want) && !math.IsNaN(got) {
			t.Errorf("Atan2(%v, %v) = %v, want %v", v[0], v[1], got, want)
		}
	}
}
