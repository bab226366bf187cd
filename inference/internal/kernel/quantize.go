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
