package kernel

import "math"

// Byte is an 8-bit quantized element.
type Byte interface{ int8 | uint8 }

// Clamp8 is the output side of an 8-bit operator: the zero point and the
// range that activation and type leave, all in int32.
type Clamp8 struct {
	Zero, Min, Max int32
}

// roundEven rounds to the nearest integer, ties to even, as lrintf does in
// its default mode. Adding 1.5 * 2^23 leaves exactly the integer part in the
// mantissa for |v| < 2^22; the conversion keeps Go from folding the two sums.
func roundEven(v float32) int32 {
	const magic = 0x1.8p23
	return int32(math.Float32bits(float32(v+magic))) - 0x4B400000
}

// fp32 is XNNPACK's requantization of an int32 sum: one float32 product,
// clamped, rounded half to even (src/xnnpack/requantization.h,
// xnn_qs8_requantize_fp32). Scale is input * weight / output scale.
func (c Clamp8) fp32(acc int32, scale float32) int32 {
	v := float32(float32(acc) * scale)
	v = min(max(v, float32(c.Min-c.Zero)), float32(c.Max-c.Zero))
	return roundEven(v) + c.Zero
}

// Multiplier is a positive real factor as TFLite keeps it: Q31 mantissa in
// [2^30, 2^31) times 2^shift (kernels/internal/quantization_util.cc,
// QuantizeMultiplier).
type Multiplier struct {
	Mantissa int32
	Shift    int
}

// NewMultiplier converts a finite factor >= 0.
func NewMultiplier(f float64) Multiplier {
	if f == 0 {
		return Multiplier{}
	}
	q, shift := math.Frexp(f)
	m := int64(math.Round(q * (1 << 31)))
	if m == 1<<31 {
		m /= 2
		shift++
	}
	if shift < -31 {
		return Multiplier{}
	}
	if shift > 30 {
		return Multiplier{math.MaxInt32, 30}
	}
	return Multiplier{int32(m), shift}
}

// Apply multiplies with TFLite's double rounding: the high half of the
// doubled product rounded half up, then a shift rounded half away from zero
// (kernels/internal/common.h, MultiplyByQuantizedMultiplier).
func (m Multiplier) Apply(x int32) int32 {
	left, right := max(m.Shift, 0), max(-m.Shift, 0)
	return shiftRound(highMul(x<<left, m.Mantissa), right)
}

// ApplyUp is Apply as TFLite's vector code has it, on x86-64 through
// NEON_2_SSE: both roundings go half up (vqrdmulh, vrshl with a negative
// shift).
func (m Multiplier) ApplyUp(x int32) int32 {
	left, right := max(m.Shift, 0), max(-m.Shift, 0)
	h := int32((int64(x<<left)*int64(m.Mantissa) + 1<<30) >> 31)
	if right == 0 {
		return h
	}
	return int32((int64(h) + 1<<(right-1)) >> right)
}

// highMul is gemmlowp's SaturatingRoundingDoublingHighMul. b is never
// negative here, so the saturating case a = b = -2^31 cannot occur.
func highMul(a, b int32) int32 {
	p := int64(a) * int64(b)
	nudge := int64(1 << 30)
	if p < 0 {
		nudge = 1 - nudge
	}
	// Division by 2^31 truncates towards zero, unlike a shift.
	return int32((p + nudge) / (1 << 31))
}

// shiftRound is gemmlowp's RoundingDivideByPOT: half away from zero.
func shiftRound(x int32, n int) int32 {
	mask := int32(1)<<n - 1
	threshold := mask >> 1
	if x < 0 {
		threshold++
	}
	r := x >> n
	if x&mask > threshold {
		r++
	}
	return r
}
