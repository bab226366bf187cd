package kernel

import "math"

// MapF32 computes dst = f(src), every NaN the same.
func MapF32(dst, src []float32, f func(float32) float32) {
	for i, x := range src {
		dst[i] = quiet(f(x))
	}
}

// ClampF32 computes dst = src clamped to r.
func ClampF32(dst, src []float32, r Range) {
	for i, x := range src {
		dst[i] = r.fit(x)
	}
}

// AbsF32 returns |x|.
func AbsF32(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ (1 << 31)) }

// NegF32 returns -x.
func NegF32(x float32) float32 { return -x }

// SquareF32 returns x * x.
func SquareF32(x float32) float32 { return float32(x * x) }

// SqrtF32 returns the square root, correctly rounded.
func SqrtF32(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// RsqrtF32 returns 1 / sqrt(x), computed in float64.
func RsqrtF32(x float32) float32 { return float32(1 / math.Sqrt(float64(x))) }

// FloorF32 returns the largest integer not above x.
func FloorF32(x float32) float32 { return float32(math.Floor(float64(x))) }

// CeilF32 returns the smallest integer not below x.
func CeilF32(x float32) float32 { return float32(math.Ceil(float64(x))) }

// HardSwishF32 returns x * (clamp(x + 3, 0, 6) * (1/6)), the constant rounded to
// float32 first.
func HardSwishF32(x float32) float32 {
	const sixth = float32(1.0 / 6)
	if x <= -3 {
		return 0
	}
	return float32(x * float32(min(x+3, 6)*sixth))
}

// SoftmaxF32 normalizes each row of n elements: e = exp(float32(beta * (x -
// max))) rounded to float32, their sum in float64 in index order, then
// float32(e * (1 / sum)).
func SoftmaxF32(dst, src []float32, n int, beta float32) {
	for len(src) >= n {
		row, out := src[:n], dst[:n]
		top := row[0]
		for _, x := range row {
			if x > top {
				top = x
			}
		}
		sum := 0.0
		for i, x := range row {
			e := ExpF32(float32((x - top) * beta))
			out[i] = e
			sum += float64(e)
		}
		inv := 1 / sum
		for i, e := range out {
			out[i] = quiet(float32(float64(e) * inv))
		}
		dst, src = dst[n:], src[n:]
	}
}

// HalfToFloat widens IEEE 754 binary16, exactly.
func HalfToFloat(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10&31), uint32(h&1023)
	switch exp {
	case 0: // zero or subnormal: frac * 2^-24
		v := float32(frac) * 0x1p-24
		return math.Float32frombits(sign | math.Float32bits(v))
	case 31:
		if frac != 0 {
			return nan()
		}
		return math.Float32frombits(sign | 0x7F800000)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}
