package kernel

import "math"

// exp returns e^x for |x| <= 700, within two units in the last place. Go's
// math.Exp has assembly on some CPUs, so it is not used.
//
// Cody-Waite reduction to |r| <= ln2/2, then the Taylor series to r^13
// (remainder below 2^-57), each product rounded by itself.
func exp(x float64) float64 {
	const (
		log2e = 1.44269504088896340736
		ln2hi = 6.93147180369123816490e-01 // 33 leading bits: k*ln2hi is exact
		ln2lo = 1.90821492927058770002e-10
	)
	k := math.RoundToEven(float64(x * log2e))
	r := float64(x-float64(k*ln2hi)) - float64(k*ln2lo)
	var sum float64
	for i := 14; i >= 1; i-- { // the first sum is 1
		sum = 1 + float64(float64(r/float64(i))*sum)
	}
	return math.Ldexp(sum, int(k))
}

// expf returns e^x correctly rounded to float32, except where e^x lies within
// 2^-50 relative of the middle of two floats.
func expf(x float32) float32 { return float32(exp(float64(x))) }

// tanh returns the hyperbolic tangent within 2^-52, near 0 within two units in the last
// place.
func tanh(x float64) float64 {
	if x < 0 {
		return -tanh(-x)
	}
	if x > 22 {
		return 1 // 1 - tanh(22) is below half a unit of 1
	}
	if x < 0x1p-6 { // x - x^3/3 + 2x^5/15 - 17x^7/315: the difference below cancels
		x2 := float64(x * x)
		p := float64(x2*(-17.0/315)) + 2.0/15
		p = float64(x2*p) - 1.0/3
		return x + float64(float64(x*x2)*p)
	}
	return 1 - 2/(1+exp(2*x))
}
