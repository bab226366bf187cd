package kernel

// LeakyRelu16 has a factor for each sign
// (kernels/internal/reference/leaky_relu.h, QuantizeLeakyRelu).
type LeakyRelu16 struct {
	Positive, Negative Multiplier
	Flip               bool // the slope below zero is negative
}

// Run maps src to dst.
func (l *LeakyRelu16) Run(dst, src []int16) {
	for i, q := range src {
		var v int32
		switch {
		case q >= 0:
			v = l.Positive.Apply(int32(q))
		case l.Flip:
			v = -l.Negative.Apply(int32(q))
		default:
			v = l.Negative.Apply(int32(q))
		}
		dst[i] = int16(min(max(v, -1<<15), 1<<15-1))
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
