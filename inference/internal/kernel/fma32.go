//go:build !arm64 && !riscv64

package kernel

import "math"

// fma32 returns a*b + c rounded once to float32, as the fused multiply-add of
// every CPU that has one. The product of two float32 is exact in float64; what
// the sum loses there matters only where it lands on a tie between two float32,
// and is then rounded to odd first (Boldo and Melquiond, "Emulation of FMA and
// correctly rounded sums: proved algorithms using rounding to odd", 2008).
func fma32(a, b, c float32) float32 {
	s := float64(a)*float64(b) + float64(c) // fused or not, the product is exact
	// Ties of float32 end in a one and 28 zeros, subnormal ones in more zeros.
	bits := math.Float64bits(s)
	if bits<<36 == 0 && (bits<<35 != 0 || bits<<1 < (1023-126)<<53) {
		return tie32(a, b, c)
	}
	return float32(s)
}

// tie32 is fma32 for sums that may be ties: it rounds the float64 to odd first.
//
//go:noinline
func tie32(a, b, c float32) float32 {
	p, z := float64(float64(a)*float64(b)), float64(c)
	s := float64(p + z)
	t := float64(s - p)
	lost := float64(float64(p-float64(s-t)) + float64(z-t))
	if lost == 0 || lost != lost { // that of infinities is NaN
		return float32(s)
	}
	bits := math.Float64bits(s)
	// s ends in zeros, so it is even: its odd neighbour towards the lost part.
	if (lost > 0) == (s > 0) {
		return float32(math.Float64frombits(bits + 1))
	}
	return float32(math.Float64frombits(bits - 1))
}
