// Package exact has the functions that drivers need the same on every CPU.
// Those of package math may differ in the last bit between CPUs, and Go may
// fuse a product and a sum; here every product is rounded on its own.
package exact

// Sin returns the sine of x turns (2*pi*x radians) for |x| < 2^62, within 1e-9.
func Sin(x float64) float64 {
	x -= float64(int64(x)) // (-1, 1)
	if x < 0 {
		x++
	}
	sign := 1.0
	if x >= 0.5 {
		x, sign = x-0.5, -1
	}
	if x > 0.25 {
		x = 0.5 - x
	}
	const tau = 6.283185307179586
	a := float64(x * tau)
	z := float64(a * a)
	// Taylor's series on a quarter turn, up to z^7.
	s := 1 - z/(14*15)
	s = 1 - float64(s*z)/(12*13)
	s = 1 - float64(s*z)/(10*11)
	s = 1 - float64(s*z)/(8*9)
	s = 1 - float64(s*z)/(6*7)
	s = 1 - float64(s*z)/(4*5)
	s = 1 - float64(s*z)/(2*3)
	return sign * float64(s*a)
}

// Cos returns the cosine of x turns, as Sin does.
func Cos(x float64) float64 { return Sin(x + 0.25) }
