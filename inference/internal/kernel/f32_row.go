package kernel

import "math"

// rowF32 is what a vector kernel of an element-wise operator works on.
type rowF32 struct {
	dst, a, b    *float32 // 0
	vectors      int      // 24
	stepA, stepB int      // 32: bytes from vector to vector, 0 for one element
	lo, hi       float32  // 48
	nan          uint32   // 56
}

// binaryOp is an element-wise operator with a vector kernel.
type binaryOp int

const (
	opAdd binaryOp = iota
	opSub
	opMul
	opDiv
	opMax
	opMin
)

// ops names the portable kernels of [binaryOp].
var opsF32 = map[string]binaryOp{
	"add_f32": opAdd, "sub_f32": opSub, "mul_f32": opMul, "div_f32": opDiv, "maximum_f32": opMax, "minimum_f32": opMin,
}

// ElementwiseF32 is an operator of two float rows, each of which may be one
// element (step 0).
type ElementwiseF32 func(dst, a, b []float32, stepA, stepB int, r Range)

// VectorF32 returns the operator with the vector kernel of the tier in use, and
// that tier; the operator itself where there is none.
func VectorF32(name string, portable ElementwiseF32) (ElementwiseF32, string) {
	v := vectorsF32[Tier()]
	op, ok := opsF32[name]
	if v == nil || !ok {
		return portable, TierGeneric
	}
	return func(dst, a, b []float32, stepA, stepB int, r Range) {
		n := v.row(op, dst, a, b, stepA, stepB, r)
		portable(dst[n:], a[n*stepA:], b[n*stepB:], stepA, stepB, r)
	}, v.tier
}

// VectorClampF32 is VectorF32 of [ClampF32].
func VectorClampF32() (clamp func(dst, src []float32, r Range), tier string) {
	v := vectorsF32[Tier()]
	if v == nil {
		return ClampF32, TierGeneric
	}
	// x + -0 is x, whatever x is.
	zero := []float32{float32(math.Copysign(0, -1))}
	return func(dst, src []float32, r Range) {
		n := v.row(opAdd, dst, src, zero, 1, 0, r)
		ClampF32(dst[n:], src[n:], r)
	}, v.tier
}

// row computes the whole vectors of dst and returns how many elements that is.
func (v *vectorF32) row(op binaryOp, dst, a, b []float32, stepA, stepB int, r Range) int {
	t := rowF32{vectors: len(dst) / v.lanes, stepA: 4 * v.lanes * stepA, stepB: 4 * v.lanes * stepB, lo: r.Lo, hi: r.Hi, nan: canonicalNaN}
	if t.vectors == 0 {
		return 0
	}
	t.dst, t.a, t.b = &dst[0], &a[0], &b[0]
	v.binary(op, &t)
	return t.vectors * v.lanes
}
