package kernel

import "math"

// QuantizeF32To16 converts float32 to int16 with zero point 0 by TFLite's
// rule: blocks of 8 elements times the reciprocal scale, half to even; the
// tail divides in float64 and rounds half away from zero
// (kernels/internal/optimized/optimized_ops.h, AffineQuantize). What no int32
// holds becomes the least value, as x86-64 converts it.
func QuantizeF32To16(dst []int16, src []float32, scale float32) {
	inv := float32(1 / float64(scale))
	n := len(src) &^ 7
	for i, x := range src[:n] {
		dst[i] = clamp16(math.RoundToEven(float64(float32(x * inv))))
	}
	for i, x := range src[n:] {
		dst[n+i] = clamp16(math.Round(float64(x) / float64(scale)))
	}
}

func clamp16(v float64) int16 {
	if !(v >= math.MinInt32 && v <= math.MaxInt32) {
		return math.MinInt16
	}
	return int16(min(max(v, math.MinInt16), math.MaxInt16))
}

// Dequantize16 converts int16 with zero point 0 to float32.
func Dequantize16(dst []float32, src []int16, scale float32) {
	for i, q := range src {
		dst[i] = float32(q) * scale
	}
}
