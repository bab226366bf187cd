package kernel

import "math"

// Root8 is a function of 8 bits that is defined from Zero on: below, a run ends
// with an error, as in LiteRT.
type Root8 struct {
	table *Map8
	zero  int8
	name  string
}

// NewSqrt8 is TFLite's square root: the quotient of the root and the output
// scale is cut (kernels/elementwise.cc, SqrtEvalQuantized).
func NewSqrt8(in Side, outScale float32, out Clamp8) *Root8 {
	return &Root8{name: "square root", zero: int8(in.Zero), table: newMap8(in, out, func(q int32) int32 {
		x := float32(in.Scale * float32(max(q-in.Zero, 0)))
		y := float32(math.Sqrt(float64(x))) / outScale
		return int32(min(y, 1<<20)) + out.Zero
	})}
}

// NewRsqrt8 is TFLite's reciprocal square root in fixed point
// (kernels/elementwise.cc, RsqrtEvalQuantizedInt8).
func NewRsqrt8(in Side, factor Multiplier, out Clamp8) *Root8 {
	const kept = 20 // bits of the root that survive
	return &Root8{name: "reciprocal square root", zero: int8(in.Zero), table: newMap8(in, out, func(q int32) int32 {
		v := q - in.Zero
		if v <= 0 {
			return 127
		}
		m := invSqrt(v)
		m.Shift += kept
		last := factor
		last.Shift -= kept
		return last.Apply(m.Apply(1)) + out.Zero
	})}
}

// Run maps src to dst.
func (r *Root8) Run(dst, src []byte) {
	for _, b := range src {
		if int8(b) < r.zero {
			panic(ValueError{r.name + " of a number below 0"})
		}
	}
	r.table.Run(dst, src)
}
