package kernel

import "math/bits"

// ValueError is the panic of an operator that meets a value it is not defined
// for while it runs; a session returns it as an error.
type ValueError struct{ What string }

func (e ValueError) Error() string { return e.What }

func (IndexError) fault() {}
func (ValueError) fault() {}

// Fault is what a step may panic with while it runs.
type Fault interface {
	error
	fault()
}

// Quotient8 is a quantized quotient of 8 or 16 bits by the rule of TFLite's kernels: a
// reciprocal in fixed point (kernels/internal/reference/div.h).
type Quotient8 struct {
	AZero, BZero int32
	Factor       Multiplier // a / (b * output scale), below 2^23 for bytes, 2^16 for int16
	Out          Clamp8
}

// RunQuotient8 computes dst[i] = a[i*aStep] / b[i*bStep], as RunAdd8.
func RunQuotient8[T Byte | int16](q *Quotient8, dst, a, b []T, aStep, bStep int) {
	for i := range dst {
		x, y := int32(a[i*aStep])-q.AZero, int32(b[i*bStep])-q.BZero
		if y == 0 {
			panic(ValueError{"division by 0"})
		}
		dst[i] = T(min(max(q.apply(x, y)+q.Out.Zero, q.Out.Min), q.Out.Max))
	}
}

func (q *Quotient8) apply(x, y int32) int32 {
	if y < 0 {
		x, y = -x, -y
	}
	inverse, over := reciprocal(y)
	room := 31 // sign bits of x but one
	if x != 0 {
		room = bits.LeadingZeros32(uint32(max(x, -x-1))) - 1
	}
	return shiftFar(mulHigh(mulHigh(x<<room, inverse), q.Factor.Mantissa), over+room-q.Factor.Shift)
}

// shiftFar is shiftRound that also takes shifts of 32 bits and more, which small
// quotients need: an x86-64 CPU shifts by the lowest five bits of n, and the mask
// of what falls off becomes -1.
func shiftFar(x int32, n int) int32 {
	if n < 32 {
		return shiftRound(x, n)
	}
	r := x >> (n & 31)
	if x >= 0 {
		r++ // what falls off, x, is above the threshold -1, or 0 for negative ones
	}
	return r
}

// reciprocal returns 2^over / x in 0.31 fixed point, by three steps of Newton's
// method (gemmlowp, one_over_one_plus_x_for_x_in_0_1).
func reciprocal(x int32) (inverse int32, over int) {
	zeros := bits.LeadingZeros32(uint32(x))
	half := int32(uint32(x) << zeros >> 1)       // of the leading bit and what is left below it
	v := 1515870810 + mulHigh(half, -1010580540) // 48/17 - 32/17 * half, 2.29
	for range 3 {
		v += saturatingShift(mulHigh(v, 1<<29-mulHigh(half, v)), 2)
	}
	return saturatingShift(v, 1), 31 - zeros
}
