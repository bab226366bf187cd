package kernel

import "math"

// expNear returns e^x for |x| <= 300 within 2^-41 relative: reduction to
// |r| <= ln2/2, then the Taylor series to r^10 (remainder below 2^-42), each
// product rounded by itself. Its results round to float32 correctly except
// where e^x lies that near to the middle of two floats.
func expNear(x float64) float64 {
	const (
		log2e = 1.44269504088896340736
		ln2hi = 6.93147180369123816490e-01 // 33 leading bits: k*ln2hi is exact
		ln2lo = 1.90821492927058770002e-10
		round = 0x1.8p52 // adding it rounds to an integer, half to even
	)
	k := float64(float64(x*log2e)+round) - round
	r := float64(x-float64(k*ln2hi)) - float64(k*ln2lo)
	s := 1.0 / 3628800
	s = float64(s*r) + 1.0/362880
	s = float64(s*r) + 1.0/40320
	s = float64(s*r) + 1.0/5040
	s = float64(s*r) + 1.0/720
	s = float64(s*r) + 1.0/120
	s = float64(s*r) + 1.0/24
	s = float64(s*r) + 1.0/6
	s = float64(s*r) + 1.0/2
	s = float64(s*r) + 1
	s = float64(s*r) + 1
	return float64(s * math.Float64frombits(uint64(int64(k)+1023)<<52))
}

// ExpF32 returns e^x: infinity above 89, 0 below -104, where float32 ends.
func ExpF32(x float32) float32 {
	switch {
	case x > 89:
		return float32(math.Inf(1))
	case x < -104:
		return 0
	case x != x:
		return nan()
	}
	return float32(expNear(float64(x)))
}

// LogF32 returns the natural logarithm, NaN below zero: with x = m * 2^e and m
// in [sqrt(1/2), sqrt(2)), s = (m-1)/(m+1), it is e*ln2 + 2 (s + s^3/3 + ... +
// s^17/17), remainder below 2^-50.
func LogF32(x float32) float32 {
	switch {
	case !(x >= 0):
		return nan()
	case x == 0:
		return float32(math.Inf(-1))
	case x > math.MaxFloat32:
		return x
	}
	bits := math.Float64bits(float64(x)) // never subnormal
	e := int(bits>>52) - 1023
	m := math.Float64frombits(bits&(1<<52-1) | 1023<<52)
	if m > math.Sqrt2 {
		m, e = m/2, e+1
	}
	s := (m - 1) / (m + 1)
	z := float64(s * s)
	var p float64
	for n := 17.0; n > 0; n -= 2 {
		p = float64(p*z) + 1/n
	}
	return float32(float64(float64(e)*math.Ln2) + float64(2*float64(s*p)))
}

// LogisticF32 returns 1 / (1 + e^-x).
func LogisticF32(x float32) float32 {
	if x != x {
		return nan()
	}
	return float32(1 / (1 + expNear(-min(max(float64(x), -150), 150))))
}

// TanhF32 returns the hyperbolic tangent: the odd series below 2^-6, then
// 1 - 2 / (1 + e^2x).
func TanhF32(x float32) float32 {
	v := math.Abs(float64(x))
	switch {
	case x != x:
		return nan()
	case v < 0x1p-6:
		return float32(tanh(float64(x)))
	case v > 10:
		v = 1
	default:
		v = 1 - 2/(1+expNear(2*v))
	}
	return float32(math.Copysign(v, float64(x)))
}
