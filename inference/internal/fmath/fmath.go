// Package fmath computes elementary functions in float64 with the same bits on
// every CPU.
package fmath

import "math"

// The functions below replace those of package math, some of which have
// assembly on some CPUs and may differ there in the last bit. Each product
// that feeds a sum is converted explicitly, which forbids fusing.

const (
	ln2Hi = 6.93147180369123816490e-01 // the upper 33 bits of ln 2
	ln2Lo = 1.90821492927058770002e-10
	ln10  = 2.30258509299404568402
)

// Log returns the natural logarithm of x, within 2 ulp: the series of
// 2 atanh((m-1)/(m+1)) for the mantissa m in [sqrt(1/2), sqrt(2)). Zero gives
// -Inf, a negative number or NaN gives NaN.
func Log(x float64) float64 {
	switch {
	case x == 0:
		return math.Inf(-1)
	case !(x > 0):
		return math.NaN()
	case math.IsInf(x, 1):
		return x
	}
	m, e := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m *= 2
		e--
	}
	s := (m - 1) / (m + 1)
	z := float64(s * s)
	p := 0.0
	for k := 23; k >= 3; k -= 2 {
		p = float64((p + 1/float64(k)) * z)
	}
	ke := float64(e)
	low := float64(ke*ln2Lo) + float64(2*s*p)
	return float64(ke*ln2Hi) + (float64(2*s) + low)
}

// Exp returns e to the power x, within 2 ulp: Taylor's series after taking out
// powers of two. It saturates to 0 and +Inf.
func Exp(x float64) float64 {
	switch {
	case math.IsNaN(x):
		return x
	case x > 709.78:
		return math.Inf(1)
	case x < -745.13:
		return 0
	}
	k := math.Floor(float64(x*(1/math.Ln2)) + 0.5)
	r := (x - float64(k*ln2Hi)) - float64(k*ln2Lo)
	p := 1.0
	for i := 14; i >= 1; i-- {
		p = float64(p*r)/float64(i) + 1
	}
	return math.Ldexp(p, int(k))
}

// Log10 returns the decimal logarithm of x.
func Log10(x float64) float64 { return Log(x) / ln10 }

// Pow returns x to the power y for x > 0.
func Pow(x, y float64) float64 { return Exp(float64(y * Log(x))) }

// SinCosTurn returns the sine and cosine of 2*pi*num/den. The quadrant is
// taken out in integers, so that the cardinal points and symmetries are exact.
func SinCosTurn(num, den int) (sin, cos float64) {
	num %= den
	if num < 0 {
		num += den
	}
	quadrant := 4 * num / den
	rest := 4*num - quadrant*den // quarter turns times den
	mirrored := 2*rest > den
	if mirrored {
		rest = den - rest
	}
	sin, cos = SinCos(float64(rest) / float64(den) * (math.Pi / 2))
	if mirrored {
		sin, cos = cos, sin
	}
	switch quadrant {
	case 1:
		return cos, -sin
	case 2:
		return -sin, -cos
	case 3:
		return -cos, sin
	}
	return sin, cos
}

// SinCos sums Taylor's series for |x| <= pi/4.
func SinCos(x float64) (sin, cos float64) {
	z := float64(x * x)
	s, c := 1.0, 1.0
	for k := 18; k >= 2; k -= 2 {
		s = 1 - float64(s*z)/float64(k*(k+1))
		c = 1 - float64(c*z)/float64(k*(k-1))
	}
	return float64(s * x), c
}
