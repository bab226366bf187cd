package sim

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
