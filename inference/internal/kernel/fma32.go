package kernel

import "math"

// fma32 returns a*b + c rounded once to float32, as the fused multiply-add of
// every CPU that has one. The product of two float32 is exact in float64; what
// the sum loses there matters only where it lands on a tie between two float32,
// and is then rounded to odd first (Boldo and Melquiond, "Emulation of FMA and
// correctly rounded sums: proved algorithms using rounding to odd", 2008).
func fma32(a, b, c float32) float32 {
	p, z := float64(float64(a)*float64(b)), float64(c)
	s := float64(p + z)
	// Ties of float32, subnormal ones too, end in 28 zeros.
	if math.Float64bits(s)<<36 == 0 {
		s = roundOdd(s, p, z)
	}
	return float32(s)
}

// roundOdd returns p + z, whose rounded sum is s, rounded to odd instead.
func roundOdd(s, p, z float64) float64 {
	t := float64(s - p)
	lost := float64(float64(p-float64(s-t)) + float64(z-t))
	// NaN and infinities lose nothing that counts.
	if lost == 0 || lost != lost || math.IsInf(s, 0) {
		return s
	}
	bits := math.Float64bits(s)
	// s ends in zeros, so it is even: its odd neighbour towards the lost part.
	if (lost > 0) == (s > 0) {
		return math.Float64frombits(bits + 1)
	}
	return math.Float64frombits(bits - 1)
}
