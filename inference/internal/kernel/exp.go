package kernel

import "math"

// expf returns e^x correctly rounded to float32 for x in [-104, 0], except
// where e^x lies within 2^-50 relative of the middle of two floats. Go's
// math.Exp has assembly on some CPUs, so it is not used.
//
// Cody-Waite reduction to |r| <= ln2/2, then the Taylor series to r^13
// (remainder below 2^-57), each product rounded by itself.
func expf(x float32) float32 {
	const (
		log2e = 1.44269504088896340736
		ln2hi = 6.93147180369123816490e-01 // 33 leading bits: k*ln2hi is exact
		ln2lo = 1.90821492927058770002e-10
	)
	v := float64(x)
	k := math.RoundToEven(float64(v * log2e))
	r := float64(v-float64(k*ln2hi)) - float64(k*ln2lo)
	sum := 1.0
	for i := 13; i >= 1; i-- {
		sum = 1 + float64(float64(r/float64(i))*sum)
	}
	return float32(math.Ldexp(sum, int(k)))
}
