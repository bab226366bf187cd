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

// Requantize8 maps one 8-bit type to another through a table of 256 bytes,
// indexed by the input byte.
type Requantize8 [256]byte

// NewRequantizeXNN is XNNPACK's rule for equal types: an 8.8 multiplier and
// one rounding shift (src/qs8-vcvt). Scale is input / output, in [2^-8, 2^7].
func NewRequantizeXNN(signed bool, scale float32, inZero int32, out Clamp8) *Requantize8 {
	m := scaled(scale, 8)
	bias := out.Zero<<8 - m*inZero + 0x80
	return requantizeTable(signed, out, func(q int32) int32 { return (bias + q*m) >> 8 })
}

// NewRequantizeTFLite is TFLite's rule: a Q31 multiplier with double rounding
// (kernels/internal/reference/requantize.h).
func NewRequantizeTFLite(signed bool, scale float64, inZero int32, out Clamp8) *Requantize8 {
	m := NewMultiplier(scale)
	return requantizeTable(signed, out, func(q int32) int32 { return m.Apply(q-inZero) + out.Zero })
}

func requantizeTable(signed bool, out Clamp8, f func(q int32) int32) *Requantize8 {
	var t Requantize8
	for i := range t {
		q := int32(i)
		if signed {
			q = int32(int8(i))
		}
		t[i] = byte(min(max(f(q), out.Min), out.Max))
	}
	return &t
}

// Run maps src to dst.
func (t *Requantize8) Run(dst, src []byte) {
	for i, q := range src {
		dst[i] = t[q]
	}
}
