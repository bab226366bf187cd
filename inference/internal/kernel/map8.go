package kernel

import "math"

// Map8 is a function of one 8-bit element as tables of 256 bytes, indexed by
// the input byte: block for whole blocks of 16 elements, tail for the rest,
// where LiteRT's vector code and its scalar tail differ.
type Map8 struct {
	block, tail [256]byte

	fast  *vectorRows
	steps [256]byte // of block, as the vector kernels look it up
}

// choose takes the vector kernel of the tier in use, if it has one.
func (t *Map8) choose() *Map8 {
	t.fast = rowsOf(Tier())
	t.steps = t.block
	for i := range t.steps {
		if i%128 >= 16 {
			t.steps[i] ^= t.block[i-16]
		}
	}
	return t
}

// Tier names the instruction set of the kernel.
func (t *Map8) Tier() string { return t.fast.name() }

// Run maps src to dst.
func (t *Map8) Run(dst, src []byte) {
	done, n := 0, len(src)&^15
	if blocks := n / tableBlock; t.fast != nil && blocks > 0 {
		t.fast.table(dst, src, blocks, t)
		done = blocks * tableBlock
	}
	for i, q := range src[done:n] {
		dst[done+i] = t.block[q]
	}
	for i, q := range src[n:] {
		dst[n+i] = t.tail[q]
	}
}

// Side is how the input of a Map8 is stored.
type Side struct {
	Signed bool
	Scale  float32
	Zero   int32
}

// real returns the real value of q (X src/xnnpack/reference-utils.h).
func (s Side) real(q int32) float32 {
	return float32(float32(float32(q)-float32(s.Zero)) * s.Scale)
}

// newMap8 fills both tables from one function of the stored value.
func newMap8(in Side, out Clamp8, f func(q int32) int32) *Map8 {
	t := &Map8{}
	fill(&t.block, in, out, f)
	t.tail = t.block
	return t.choose()
}

func fill(t *[256]byte, in Side, out Clamp8, f func(q int32) int32) {
	for i := range t {
		q := int32(i)
		if in.Signed {
			q = int32(int8(i))
		}
		t[i] = byte(min(max(f(q), out.Min), out.Max))
	}
}

// NewRequantizeXNN is XNNPACK's rule for equal types: an 8.8 multiplier and
// one rounding shift (src/qs8-vcvt). Ratio is input / output scale, in
// [2^-8, 2^7].
func NewRequantizeXNN(in Side, ratio float32, out Clamp8) *Map8 {
	m := scaled(ratio, 8)
	bias := out.Zero<<8 - m*in.Zero + 0x80
	return newMap8(in, out, func(q int32) int32 { return (bias + q*m) >> 8 })
}

// NewRequantizeTFLite is TFLite's rule: a Q31 multiplier and two roundings,
// whose ties go one way in its blocks of 16 and another in the scalar tail
// (kernels/internal/optimized/optimized_ops.h, Requantize).
func NewRequantizeTFLite(in Side, ratio float64, out Clamp8) *Map8 {
	m := NewMultiplier(ratio)
	t := &Map8{}
	fill(&t.block, in, out, func(q int32) int32 { return m.ApplyUp(q-in.Zero) + out.Zero })
	fill(&t.tail, in, out, func(q int32) int32 { return m.Apply(q-in.Zero) + out.Zero })
	return t.choose()
}

// NewRescale8 is TFLite's rule for joining tensors of different scales: one
// float32 factor and offset, rounded half away from zero
// (kernels/internal/reference/concatenation.h, ConcatenationWithScaling).
func NewRescale8(in Side, outScale float32, out Clamp8) *Map8 {
	scale := float32(in.Scale * (1 / outScale))
	bias := float32(float32(-in.Zero) * scale)
	return newMap8(in, out, func(q int32) int32 {
		return wordOf(math.Round(float64(float32(float32(q)*scale)+bias))) + out.Zero
	})
}

// wordOf converts as x86-64 does: what no int32 holds, or is no number, becomes the
// least one.
func wordOf(v float64) int32 {
	if v >= 1<<31 || v < -1<<31 || v != v {
		return math.MinInt32
	}
	return int32(v)
}

// NewRelu8 is TFLite's rule for activations that stand alone: requantize with
// a Q31 multiplier, then clamp (kernels/internal/reference/reference_ops.h,
// ReluX). Out.Min and Out.Max hold the activation's bounds.
func NewRelu8(in Side, ratio float64, out Clamp8) *Map8 {
	m := NewMultiplier(ratio)
	return newMap8(in, out, func(q int32) int32 { return m.Apply(q-in.Zero) + out.Zero })
}

// NewLeakyRelu8 is XNNPACK's rule: one 8.8 multiplier for each sign
// (src/qs8-vlrelu).
func NewLeakyRelu8(in Side, positive, negative float32, out Clamp8) *Map8 {
	mp, mn := scaled(positive, 8), scaled(negative, 8)
	return newMap8(in, out, func(q int32) int32 {
		q -= in.Zero
		m := mp
		if q < 0 {
			m = mn
		}
		return (out.Zero<<8 + 0x80 + q*m) >> 8
	})
}

// NewLeakyReluTFLite8 is TFLite's, for the scales that XNNPACK's delegate leaves.
func NewLeakyReluTFLite8(in Side, l LeakyRelu, out Clamp8) *Map8 {
	return newMap8(in, out, func(q int32) int32 { return l.apply(q-in.Zero) + out.Zero })
}

// NewLogistic8 is XNNPACK's rule: the function in float64, the result rounded
// to float32 and quantized by the reciprocal scale, half to even
// (src/reference/unary-elementwise.cc).
func NewLogistic8(in Side, outScale float32, out Clamp8) *Map8 {
	return newReal8(in, outScale, out, func(x float32) float32 {
		switch {
		case x > 100:
			return 1
		case x < -100:
			return 0
		}
		e := exp(float64(x))
		return float32(e / (1 + e))
	})
}

// NewTanh8 is XNNPACK's rule, as NewLogistic8.
func NewTanh8(in Side, outScale float32, out Clamp8) *Map8 {
	return newReal8(in, outScale, out, func(x float32) float32 { return float32(tanh(float64(x))) })
}

func newReal8(in Side, outScale float32, out Clamp8, f func(x float32) float32) *Map8 {
	inv := 1 / outScale
	return newMap8(in, out, func(q int32) int32 {
		v := float32(float32(f(in.real(q))*inv) + float32(out.Zero))
		return int32(math.RoundToEven(float64(min(max(v, -1024), 1024))))
	})
}
