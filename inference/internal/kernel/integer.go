package kernel

// Integer is a whole number of any width in use.
type Integer interface {
	int8 | uint8 | int16 | int32 | int64 | uint32
}

// Zip computes dst[i] = f(a[i*aStep], b[i*bStep]); a step is 0 for an operand
// of one element and 1 otherwise.
func Zip[T, R any](dst []R, a, b []T, aStep, bStep int, f func(a, b T) R) {
	for i := range dst {
		dst[i] = f(a[i*aStep], b[i*bStep])
	}
}

// Map computes dst[i] = f(src[i]).
func Map[T, R any](dst []R, src []T, f func(T) R) {
	for i, v := range src {
		dst[i] = f(v)
	}
}

// Max returns the larger.
func Max[T Integer](a, b T) T { return max(a, b) }

// Min returns the smaller.
func Min[T Integer](a, b T) T { return min(a, b) }

// Neg returns -a, which wraps for the smallest number.
func Neg[T Integer](a T) T { return -a }

// Abs returns the magnitude, which wraps for the smallest number.
func Abs[T Integer](a T) T { return max(a, -a) }

// FloorDiv rounds the quotient down; b is not 0
// (kernels/internal/reference/binary_function.h).
func FloorDiv[T int8 | int16 | int32](a, b T) T {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// FloorMod is what FloorDiv leaves; it has the sign of b.
func FloorMod[T int8 | int16 | int32 | int64](a, b T) T {
	r := a % b
	if r != 0 && (r < 0) != (b < 0) {
		r += b
	}
	return r
}

// Comparisons give 1 for true.

func truth(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func Equal[T Ordered](a, b T) byte        { return truth(a == b) }
func NotEqual[T Ordered](a, b T) byte     { return truth(a != b) }
func Less[T Ordered](a, b T) byte         { return truth(a < b) }
func LessEqual[T Ordered](a, b T) byte    { return truth(a <= b) }
func Greater[T Ordered](a, b T) byte      { return truth(a > b) }
func GreaterEqual[T Ordered](a, b T) byte { return truth(a >= b) }

// PRelu8 multiplies what is below zero by a factor of its own
// (kernels/internal/reference/prelu.h).
type PRelu8 struct {
	Positive, Negative Multiplier
	InZero, AlphaZero  int32
	Out                Clamp8
}

// Apply returns the output for x with slope alpha.
func (p *PRelu8) Apply(x, alpha int32) int32 {
	x -= p.InZero
	v := p.Out.Zero
	if x >= 0 {
		v += p.Positive.Apply(x)
	} else {
		v += p.Negative.Apply(x * (alpha - p.AlphaZero))
	}
	return min(max(v, p.Out.Min), p.Out.Max)
}

// RunPRelu8 computes dst from x and alpha, as Zip does.
func RunPRelu8[T Byte | int16, A Byte](p *PRelu8, dst, x []T, alpha []A, xStep, alphaStep int) {
	for i := range dst {
		dst[i] = T(p.Apply(int32(x[i*xStep]), int32(alpha[i*alphaStep])))
	}
}

// Nonzero is f, but a divisor of 0 ends the run with an error.
func Nonzero[T Integer](f func(a, b T) T) func(a, b T) T {
	return func(a, b T) T {
		if b == 0 {
			panic(ValueError{"division by 0"})
		}
		return f(a, b)
	}
}

// Sign returns -1, 0 or 1.
func Sign(a int32) int32 { return max(min(a, 1), -1) }

// SquaredDifference returns the square of a - b, which wraps.
func SquaredDifference(a, b int32) int32 { return (a - b) * (a - b) }

// Sum returns a + b, which wraps.
func Sum[T Integer](a, b T) T { return a + b }

// Difference returns a - b, which wraps.
func Difference[T Integer](a, b T) T { return a - b }

// Product returns a * b, which wraps.
func Product[T Integer](a, b T) T { return a * b }
