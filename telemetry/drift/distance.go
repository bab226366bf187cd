package drift

import "math"

// PSI returns the population stability index of the counts p against the
// reference q: the sum of (p-q) ln(p/q) over shares that are smoothed by half
// a count a bin. Bins empty on both sides are left out: smoothing them would
// tell sample sizes apart. Both have the same length; 0 if one is empty.
func PSI(p, q []uint32) float64 {
	n, m, b := used(p, q)
	if n == 0 || m == 0 {
		return 0
	}
	var sum float64
	for i := range p {
		if p[i] == 0 && q[i] == 0 {
			continue
		}
		a := (float64(p[i]) + 0.5) / (n + 0.5*b)
		r := (float64(q[i]) + 0.5) / (m + 0.5*b)
		sum += (a - r) * math.Log(a/r)
	}
	return sum
}

// JS returns the Jensen-Shannon distance of the counts, the square root of the
// divergence to base 2: 0 for equal shares to 1 for shares that exclude each
// other. 0 if one is empty.
func JS(p, q []uint32) float64 {
	n, m, _ := used(p, q)
	if n == 0 || m == 0 {
		return 0
	}
	var sum float64
	for i := range p {
		a, r := float64(p[i])/n, float64(q[i])/m
		mid := (a + r) / 2
		if a > 0 {
			sum += a * math.Log2(a/mid) / 2
		}
		if r > 0 {
			sum += r * math.Log2(r/mid) / 2
		}
	}
	return math.Sqrt(math.Max(sum, 0))
}

// used returns both totals and the number of bins that either uses.
func used(p, q []uint32) (n, m, b float64) {
	for i := range p {
		n += float64(p[i])
		m += float64(q[i])
		if p[i] > 0 || q[i] > 0 {
			b++
		}
	}
	return n, m, b
}

// NoiseFloor returns the PSI that n decisions without drift exceed with
// probability alpha against a reference of m, over the given number of bins:
// the quantile of chi-squared with bins-1 degrees of freedom, times 1/n + 1/m
// (Yurdakul, Statistical Properties of Population Stability Index, 2018).
func NoiseFloor(alpha float64, bins int, n, m uint64) float64 {
	if bins < 2 || n == 0 || m == 0 {
		return 0
	}
	return chiSquared(alpha, float64(bins-1)) * (1/float64(n) + 1/float64(m))
}

// chiSquared returns the value that chi-squared with k degrees of freedom
// exceeds with probability alpha, by bisection.
func chiSquared(alpha, k float64) float64 {
	low, high := 0.0, k+100*math.Sqrt(2*k)+100
	for range 80 {
		mid := (low + high) / 2
		if 1-lowerGamma(k/2, mid/2) > alpha {
			low = mid
		} else {
			high = mid
		}
	}
	return high
}

// lowerGamma is the regularized lower incomplete gamma function by its series
// (Abramowitz and Stegun 6.5.29).
func lowerGamma(a, x float64) float64 {
	if x <= 0 {
		return 0
	}
	term := 1 / a
	sum := term
	for i := 1.0; i < 10000 && term > sum*1e-17; i++ {
		term *= x / (a + i)
		sum += term
	}
	logGamma, _ := math.Lgamma(a)
	return math.Min(sum*math.Exp(a*math.Log(x)-x-logGamma), 1)
}
