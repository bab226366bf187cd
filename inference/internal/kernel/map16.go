package kernel

// LeakyRelu is TFLite's rule: a Q31 multiplier for each sign, two roundings
// (kernels/internal/reference/leaky_relu.h, QuantizeLeakyRelu).
type LeakyRelu struct {
	Positive, Negative Multiplier
	Flip               bool // the slope below zero is negative
}

func (l *LeakyRelu) apply(q int32) int32 {
	switch {
	case q >= 0:
		return l.Positive.Apply(q)
	case l.Flip:
		return -l.Negative.Apply(q)
	}
	return l.Negative.Apply(q)
}

// Run maps src to dst, without zero points.
func (l *LeakyRelu) Run(dst, src []int16) {
	for i, q := range src {
		dst[i] = int16(min(max(l.apply(int32(q)), -1<<15), 1<<15-1))
	}
}

// Requantize converts between integer types, of which it sees 64 bits
// (kernels/internal/reference/requantize.h).
type Requantize struct {
	Factor          Multiplier
	InZero, OutZero int32
	Min, Max        int32
}

// Run converts in place.
func (r *Requantize) Run(v []int64) {
	for i, q := range v {
		v[i] = int64(min(max(r.Factor.Apply(int32(q)-r.InZero)+r.OutZero, r.Min), r.Max))
	}
}
