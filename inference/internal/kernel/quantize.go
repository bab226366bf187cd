package kernel

// QuantizeF32 converts float32 to 8 bits by XNNPACK's rule: times the
// reciprocal scale, rounded half to even (src/f32-qs8-vcvt). NaN gives Min,
// on every CPU. int8 output is offset by 0, uint8 by its own Clamp8.
func QuantizeF32(dst []byte, src []float32, inv float32, out Clamp8) {
	lo, hi := float32(out.Min-out.Zero), float32(out.Max-out.Zero)
	for i, x := range src {
		v := float32(x * inv)
		if !(v > lo) {
			v = lo
		}
		dst[i] = byte(roundEven(min(v, hi)) + out.Zero)
	}
}

// DequantizeI8 converts int8 to float32: (q - zero) * scale.
func DequantizeI8(dst []float32, src []int8, scale float32, zero int32) {
	for i, q := range src {
		dst[i] = float32(int32(q)-zero) * scale
	}
}

// DequantizeU8 converts uint8 to float32: (q - zero) * scale.
func DequantizeU8(dst []float32, src []byte, scale float32, zero int32) {
	for i, q := range src {
		dst[i] = float32(int32(q)-zero) * scale
	}
}

// Requantize8 maps one 8-bit type to another through tables of 256 bytes,
// indexed by the input byte: block for whole blocks of 16 elements, tail for
// the rest.
type Requantize8 struct {
	block, tail [256]byte
}

// NewRequantizeXNN is XNNPACK's rule for equal types: an 8.8 multiplier and
// one rounding shift (src/qs8-vcvt). Scale is input / output, in [2^-8, 2^7].
func NewRequantizeXNN(signed bool, scale float32, inZero int32, out Clamp8) *Requantize8 {
	m := scaled(scale, 8)
	bias := out.Zero<<8 - m*inZero + 0x80
	t := &Requantize8{}
	requantizeTable(&t.block, signed, out, func(q int32) int32 { return (bias + q*m) >> 8 })
	t.tail = t.block
	return t
}

// NewRequantizeTFLite is TFLite's rule: a Q31 multiplier and two roundings,
// whose ties go one way in its blocks of 16 and another in the scalar tail
// (kernels/internal/optimized/optimized_ops.h, Requantize).
func NewRequantizeTFLite(signed bool, scale float64, inZero int32, out Clamp8) *Requantize8 {
	m := NewMultiplier(scale)
	t := &Requantize8{}
	requantizeTable(&t.block, signed, out, func(q int32) int32 { return m.ApplyUp(q-inZero) + out.Zero })
	requantizeTable(&t.tail, signed, out, func(q int32) int32 { return m.Apply(q-inZero) + out.Zero })
	return t
}

func requantizeTable(t *[256]byte, signed bool, out Clamp8, f func(q int32) int32) {
	for i := range t {
		q := int32(i)
		if signed {
			q = int32(int8(i))
		}
		t[i] = byte(min(max(f(q), out.Min), out.Max))
	}
}

// Run maps src to dst.
func (t *Requantize8) Run(dst, src []byte) {
	n := len(src) &^ 15
	for i, q := range src[:n] {
		dst[i] = t.block[q]
	}
	for i, q := range src[n:] {
		dst[n+i] = t.tail[q]
	}
}
