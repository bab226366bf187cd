package kernel

import (
	"math"
	"math/bits"
)

// NewTable8 is TFLite's table of a function of one 8-bit element: the real
// result times the reciprocal scale, rounded half away from zero
// (kernels/internal/common.h, LUTPopulateInt8).
func NewTable8(in Side, outScale float32, out Clamp8, f func(x float32) float32) *Map8 {
	inv := 1 / outScale
	return newMap8(in, out, func(q int32) int32 {
		v := float32(f(float32(in.Scale*float32(q-in.Zero))) * inv)
		switch {
		case !in.Signed:
			return wordOf(math.Round(float64(v))) + out.Zero
		case v != v:
			return 0
		}
		return int32(math.Round(float64(min(max(v, -1e6), 1e6)))) + out.Zero
	})
}

// NewElu8 is XNNPACK's rule, as NewLogistic8.
func NewElu8(in Side, outScale float32, out Clamp8) *Map8 { return newReal8(in, outScale, out, EluF32) }

// NewAbs8 is TFLite's rule: the magnitude times a Q31 multiplier, two
// roundings (kernels/elementwise.cc, AbsEvalQuantized). Equal scales have a
// multiplier of 1.
func NewAbs8(in Side, ratio float64, out Clamp8) *Map8 {
	m := NewMultiplier(ratio)
	return newMap8(in, out, func(q int32) int32 {
		return m.Apply(max(q-in.Zero, in.Zero-q)) + out.Zero
	})
}

// SquaredDifference8 brings both operands to a scale of 2^-7 of twice the
// larger one, subtracts and squares (kernels/squared_difference.cc).
type SquaredDifference8 struct {
	A, B, Result Multiplier
	AZero, BZero int32
	Out          Clamp8
}

// Apply returns the output of one pair.
func (s *SquaredDifference8) Apply(a, b int8) int8 {
	d := s.A.Apply((int32(a)-s.AZero)<<7) - s.B.Apply((int32(b)-s.BZero)<<7)
	v := s.Result.Apply(d*d) + s.Out.Zero
	return int8(min(max(v, s.Out.Min), s.Out.Max))
}

// L2Norm8 divides rows of n elements by the root of their sum of squares; the
// output has a scale of 1/128 (kernels/internal/reference/integer_ops/
// l2normalization.h).
func L2Norm8(dst, src []int8, n int, zero int32) {
	for ; len(src) >= n; dst, src = dst[n:], src[n:] {
		sum := int32(0)
		for _, q := range src[:n] {
			sum += (int32(q) - zero) * (int32(q) - zero)
		}
		m := invSqrt(sum)
		m.Shift += 7
		for i, q := range src[:n] {
			dst[i] = int8(min(max(m.Apply(int32(q)-zero), -128), 127))
		}
	}
}

// L2NormU8 is L2Norm8 for uint8, whose output has the zero point 128
// (kernels/internal/optimized/optimized_ops.h, L2Normalization).
func L2NormU8(dst, src []uint8, n int, zero int32) {
	for ; len(src) >= n; dst, src = dst[n:], src[n:] {
		sum := int32(0)
		for _, q := range src[:n] {
			sum += (int32(q) - zero) * (int32(q) - zero)
		}
		m := invSqrt(sum)
		for i, q := range src[:n] {
			dst[i] = uint8(min(max(128+m.Apply(128*(int32(q)-zero)), 0), 255))
		}
	}
}

// invSqrt returns 1/sqrt(x) as gemmlowp computes it, by five steps of Newton's
// method in 3.28 fixed point (kernels/internal/common.h,
// GetInvSqrtQuantizedMultiplierExp).
func invSqrt(x int32) Multiplier {
	if x <= 1 {
		return Multiplier{math.MaxInt32, 0}
	}
	shift := 11
	for x >= 1<<29 {
		x /= 4
		shift++
	}
	pairs := (bits.LeadingZeros32(uint32(x))-1)/2 - 1
	shift -= pairs
	x <<= 2 * pairs
	v := int32(1) << 28
	half3 := int32(1<<28 + 1<<27)
	halfInput := shiftRound(x>>1, 1)
	for range 5 {
		cube := saturatingShift(mulHigh(mulHigh(v, v), v), 6)
		v = saturatingShift(mulHigh(half3, v)-mulHigh(halfInput, cube), 3)
	}
	v = mulHigh(v, 1518500250) // sqrt(1/2)
	return Multiplier{v, -shift}
}

// mulHigh is SaturatingRoundingDoublingHighMul for any signs.
func mulHigh(a, b int32) int32 {
	p := int64(a) * int64(b)
	nudge := int64(1 << 30)
	if p < 0 {
		nudge = 1 - 1<<30
	}
	return int32((p + nudge) / (1 << 31))
}

func saturatingShift(v int32, n int) int32 {
	return int32(min(max(int64(v)<<n, math.MinInt32), math.MaxInt32))
}
