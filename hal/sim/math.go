package sim

// sinTurn returns the sine of 2*pi*x for any x, within 1e-9: Taylor's series
// on a quarter turn. Every product is rounded before it is added, so that no
// CPU fuses the two.
func sinTurn(x float64) float64 {
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
	s := 1.0
	for k := 14; k >= 2; k -= 2 {
		s = 1 - float64(s*z)/float64(k*(k+1))
	}
	return sign * float64(s*a)
}

func cosTurn(x float64) float64 { return sinTurn(x + 0.25) }

// rng is a splitmix64 generator (Steele, Lea, Flood 2014).
type rng uint64

func (r *rng) next() uint64 {
	*r += 0x9E3779B97F4A7C15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// uniform returns a number in [lo, hi).
func (r *rng) uniform(lo, hi float64) float64 {
	u := float64(r.next()>>11) / (1 << 53)
	return lo + float64(u*(hi-lo))
}

// noise returns a nearly normal number of mean 0 and deviation 1: the sum of
// four uniform ones, so at most 3.46.
func (r *rng) noise() float64 {
	v := r.next()
	sum := int64(v&0xFFFF) + int64(v>>16&0xFFFF) + int64(v>>32&0xFFFF) + int64(v>>48)
	const scale = 1.7320508075688772 / 65536 // sqrt(3) per unit
	return float64(float64(sum-2*65535) * scale)
}
