package kernel

import "math"

// hardSwish holds the factors of x * relu6(x + 3) / 6 in 16-bit fixed point
// (kernels/activations.cc, HardSwishPrepare).
type hardSwish struct {
	inZero             int32
	scale, reluish     int32 // 15-bit mantissas
	shift, reluishLeft int   // of the output to the right; of the other to the left or, below 0, right
	out                Clamp8
}

// NewHardSwish8 is TFLite's rule (kernels/internal/reference/hard_swish.h). It
// returns nil where LiteRT refuses the scales.
func NewHardSwish8(in Side, outScale float32, out Clamp8) *Map8 {
	hires := float32((1.0 / 128) * in.Scale)
	m, r := NewMultiplier(float64(hires/outScale)), NewMultiplier(float64(hires/float32(3.0/32768)))
	if m.Shift > 0 || r.Shift > 16 {
		return nil
	}
	h := &hardSwish{
		inZero: in.Zero, scale: narrow(m.Mantissa), reluish: narrow(r.Mantissa), shift: -m.Shift, reluishLeft: r.Shift, out: out,
	}
	return newMap8(in, out, h.apply)
}

// narrow cuts a mantissa of 31 bits to 15.
func narrow(m int32) int32 {
	if m >= math.MaxInt32-1<<15 {
		return math.MaxInt16
	}
	return (m + 1<<15) >> 16
}

// apply computes one element.
func (h *hardSwish) apply(q int32) int32 {
	x := (q - h.inZero) << 7
	pre := sat16((x*h.scale + 1<<14) >> 15)
	r := sat16(x << max(h.reluishLeft-1, 0))
	r = sat16((r*h.reluish + 1<<14) >> 15)
	if h.reluishLeft > 0 {
		r = sat16(r << 1)
	} else {
		r = shiftRound(r, -h.reluishLeft)
	}
	r = (r + 1<<15) >> 1
	return shiftRound(r*pre/(1<<15), h.shift) + h.out.Zero
}

func sat16(v int32) int32 { return min(max(v, math.MinInt16), math.MaxInt16) }
