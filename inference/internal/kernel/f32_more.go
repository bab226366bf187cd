package kernel

import (
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/fmath"
)

// Quiet returns x, or the one NaN.
func Quiet(x float32) float32 { return quiet(x) }

// MaxF32 returns the larger, NaN if either is one.
func MaxF32(a, b float32) float32 { return quiet(max(a, b)) }

// MinF32 returns the smaller, NaN if either is one.
func MinF32(a, b float32) float32 { return quiet(min(a, b)) }

// RoundF32 rounds to the nearest integer, ties to even.
func RoundF32(x float32) float32 { return float32(math.RoundToEven(float64(x))) }

// SignF32 returns -1, 0 or 1.
func SignF32(x float32) float32 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}

// SinF32 returns the sine, 0 where turns of x can no longer be told apart
// (above 2^30).
func SinF32(x float32) float32 {
	s, _ := sincos(float64(x))
	return float32(s)
}

// CosF32 returns the cosine.
func CosF32(x float32) float32 {
	_, c := sincos(float64(x))
	return float32(c)
}

// sincos takes quarter turns out of x and sums Taylor's series.
func sincos(x float64) (sin, cos float64) {
	const hi, mid, lo = 0x1.921fb4p0, 0x1.4442dp-24, 0x1.8469898cc51701b839a2p-48 // pi/2 in three parts, 23 bits each: times k they are exact
	if !(math.Abs(x) < 1<<30) {
		return math.NaN(), math.NaN()
	}
	k := math.RoundToEven(float64(x * (2 / math.Pi)))
	r := x - float64(k*hi)
	r = r - float64(k*mid)
	r = r - float64(k*lo)
	s, c := fmath.SinCos(r)
	switch int64(k) & 3 {
	case 1:
		return c, -s
	case 2:
		return -s, -c
	case 3:
		return -c, s
	}
	return s, c
}

// Atan2F32 returns the angle of the point (x, y).
func Atan2F32(y, x float32) float32 { return quiet(float32(fmath.Atan2(float64(y), float64(x)))) }

// EluF32 returns x, below 0 exp(x) - 1.
func EluF32(x float32) float32 {
	if x >= 0 {
		return x
	}
	return expM1(x)
}

func expM1(x float32) float32 {
	if x < -0x1p-6 {
		return float32(expNear(max(float64(x), -150)) - 1)
	}
	v := float64(x) // the series, where the difference would lose bits
	s := 1.0 / 120
	for _, c := range [...]float64{1.0 / 24, 1.0 / 6, 1.0 / 2, 1} {
		s = float64(s*v) + c
	}
	return float32(s * v)
}

// GeluF32 returns x/2 * (1 + erf(x / sqrt 2)).
func GeluF32(x float32) float32 {
	if math.IsInf(float64(x), -1) {
		return 0
	}
	v := float64(x)
	return float32(float64(0.5*v) * (1 + erf(float64(v*(math.Sqrt2/2)))))
}

// GeluTanhF32 returns x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))).
func GeluTanhF32(x float32) float32 {
	if math.IsInf(float64(x), -1) {
		return 0
	}
	v := float64(x)
	cube := float64(float64(v*v) * v)
	t := float64(0.7978845608028654 * (v + float64(0.044715*cube)))
	t = min(max(t, -150), 150)
	return float32(v / (1 + expNear(-2*t)))
}

// GeluTable is GELU as TFLite's tables of 8 and 16 bits have it, rounded to float32
// after each step (kernels/internal/reference/gelu.h).
func GeluTable(x float32) float32 {
	return float32(float32(0.5*x) * float32(erfc(float64(float32(x*-float32(math.Sqrt2/2))))))
}

// GeluTanhTable is its approximation.
func GeluTanhTable(x float32) float32 {
	p := x + float32(float32(float32(0.044715*x)*x)*x)
	return float32(float32(0.5*x) * (1 + float32(tanh(float64(float32(float32(0.7978845608028654)*p))))))
}

// erfc is 1 - erf(x), to a relative 1e-9.
func erfc(x float64) float64 {
	if x > 3 {
		return erfcFar(x)
	}
	return 1 - erf(x)
}

// erfcFar is erfc from 3 on, by its continued fraction.
func erfcFar(x float64) float64 {
	var f float64
	for k := 40; k >= 1; k-- {
		f = float64(k) / 2 / (x + f)
	}
	return fmath.Exp(-float64(x*x)) / ((x + f) * math.Sqrt(math.Pi))
}

// erf is the error function: its series up to 3, beyond it the continued
// fraction of its complement.
func erf(x float64) float64 {
	a := math.Abs(x)
	switch {
	case x != x:
		return x
	case a > 6:
		return math.Copysign(1, x)
	case a > 3:
		return math.Copysign(1-erfcFar(a), x)
	}
	z, term, sum := float64(a*a), a, a
	for n := 1; n < 60; n++ {
		term = -float64(term*z) / float64(n)
		sum += term / float64(2*n+1)
	}
	return math.Copysign(float64(sum*(2/math.Sqrt(math.Pi))), x)
}

// PowF32 returns x to the power y as C's powf does.
func PowF32(x, y float32) float32 {
	switch {
	case y == 0 || x == 1:
		return 1
	case x != x || y != y:
		return nan()
	}
	whole := math.Floor(float64(y)) == float64(y)
	odd := whole && math.Abs(float64(y)) < 1<<24 && int64(y)&1 != 0
	a := math.Abs(float64(x))
	var p float64
	switch {
	case a == 0 || math.IsInf(a, 1) || math.IsInf(float64(y), 0):
		p = math.Pow(a, float64(y)) // exact: 0, 1 or infinity
	case x < 0 && !whole:
		return nan()
	default:
		p = fmath.Pow(a, float64(y))
	}
	if odd {
		p = math.Copysign(p, float64(x))
	}
	return float32(p)
}

// FloorDivF32 returns the floor of a / b, divided in float64.
func FloorDivF32(a, b float32) float32 { return quiet(float32(math.Floor(float64(a) / float64(b)))) }

// FloorModF32 returns what FloorDivF32 leaves, with the sign of b.
func FloorModF32(a, b float32) float32 {
	r := float32(math.Mod(float64(a), float64(b)))
	if r != 0 && (r < 0) != (b < 0) {
		r += b
	}
	return quiet(r)
}

// LogSoftmaxF32 computes x - max - log(sum(exp(x - max))) of rows of n elements.
func LogSoftmaxF32(dst, src []float32, n int) {
	for ; len(src) >= n; dst, src = dst[n:], src[n:] {
		top := src[0]
		for _, x := range src[:n] {
			top = max(top, x)
		}
		sum := 0.0
		for _, x := range src[:n] {
			sum += float64(ExpF32(x - top))
		}
		l := fmath.Log(sum)
		for i, x := range src[:n] {
			dst[i] = quiet(float32(float64(x-top) - l))
		}
	}
}

// L2NormF32 divides rows of n elements by the root of their sum of squares, at
// least 1e-6.
func L2NormF32(dst, src []float32, n int) {
	for ; len(src) >= n; dst, src = dst[n:], src[n:] {
		sum := 0.0
		for _, x := range src[:n] {
			sum += float64(float64(x) * float64(x))
		}
		root := math.Max(math.Sqrt(sum), 1e-6)
		for i, x := range src[:n] {
			dst[i] = quiet(float32(float64(x) / root))
		}
	}
}
