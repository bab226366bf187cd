package fmath

import "math"

// Atan2 returns the angle of the point (x, y), within 2 ulp: Taylor's series
// after the angle of the nearest quarter is taken out. Signs of zeros, infinities
// and NaN count as in IEEE 754.
func Atan2(y, x float64) float64 {
	switch {
	case math.IsNaN(x) || math.IsNaN(y):
		return math.NaN()
	case math.IsInf(x, 0) && math.IsInf(y, 0):
		x, y = math.Copysign(1, x), math.Copysign(1, y)
	}
	ax, ay := math.Abs(x), math.Abs(y)
	var a float64
	switch {
	case ay == 0:
		a = 0
	case ay > ax:
		a = math.Pi/2 - atan(ax/ay)
	default:
		a = atan(ay / ax)
	}
	if math.Signbit(x) {
		a = math.Pi - a
	}
	return math.Copysign(a, y)
}

// quarters are the angles whose tangents are 0, 1/4, 1/2, 3/4 and 1.
var quarters = [...]float64{0, 0.24497866312686415417, 0.46364760900080611621, 0.64350110879328438680, math.Pi / 4}

// atan is the angle of a tangent from 0 to 1.
func atan(t float64) float64 {
	k := math.Floor(float64(t*4) + 0.5)
	c := float64(k / 4)
	r := (t - c) / (1 + float64(t*c))
	z := float64(r * r)
	p := 0.0
	for n := 15; n >= 3; n -= 2 { // |r| <= 1/8
		p = float64((1/float64(n) - p) * z)
	}
	return quarters[int(k)] + (r - float64(r*p))
}
