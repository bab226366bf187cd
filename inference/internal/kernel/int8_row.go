package kernel

import "math"

// row8 is what a vector kernel of an element-wise operator works on. Operands
// of one element have step 0.
type row8 struct {
	dst, a, b    *byte // 0
	n            int   // 24: elements
	stepA, stepB int   // 32: bytes from vector to vector, 0 for one element
	// 48: the operator's parameters, an int32 or float32 each.
	param [8]uint32
	order *uint32 // 80: of dwords after packing
}

// whole returns how many of n elements the kernels of rows take.
func (v *vector8) whole(n int) int {
	if v.masked {
		return n
	}
	return n &^ 15
}

// Binary8 is an 8-bit operator of two rows.
type Binary8[T Byte] func(dst, a, b []T, aStep, bStep int)

// VectorAdd8 returns the sum with the vector kernel of the tier in use, and
// that tier.
func VectorAdd8[T Byte](p *Add8) (Binary8[T], string) {
	v := rows8Of(Tier())
	if v == nil {
		return func(dst, a, b []T, aStep, bStep int) { RunAdd8(p, dst, a, b, aStep, bStep) }, TierGeneric
	}
	param := [8]uint32{
		uint32(p.bias), uint32(p.a), uint32(p.b), uint32(p.shift), uint32(p.out.Zero), uint32(p.out.Min), uint32(p.out.Max),
	}
	return func(dst, a, b []T, aStep, bStep int) {
		t := row8{n: v.whole(len(dst)), stepA: 16 * aStep, stepB: 16 * bStep, param: param, order: v.order()}
		if t.n > 0 {
			t.dst, t.a, t.b = &bytesOf(dst)[0], &bytesOf(a)[0], &bytesOf(b)[0]
			v.add(isSigned[T](), &t)
		}
		if n := t.n; n < len(dst) {
			RunAdd8(p, dst[n:], a[n*aStep:], b[n*bStep:], aStep, bStep)
		}
	}, v.tier
}

// VectorMul8 is VectorAdd8 of a product.
func VectorMul8[T Byte](p *Mul8) (Binary8[T], string) {
	v := rows8Of(Tier())
	if v == nil {
		return func(dst, a, b []T, aStep, bStep int) { RunMul8(p, dst, a, b, aStep, bStep) }, TierGeneric
	}
	lo, hi := float32(p.Out.Min-p.Out.Zero), float32(p.Out.Max-p.Out.Zero)
	param := [8]uint32{
		uint32(p.AZero), uint32(p.BZero), math.Float32bits(p.Scale), math.Float32bits(lo), math.Float32bits(hi), uint32(p.Out.Zero),
	}
	return func(dst, a, b []T, aStep, bStep int) {
		t := row8{n: v.whole(len(dst)), stepA: 16 * aStep, stepB: 16 * bStep, param: param, order: v.order()}
		if t.n > 0 {
			t.dst, t.a, t.b = &bytesOf(dst)[0], &bytesOf(a)[0], &bytesOf(b)[0]
			v.mul(isSigned[T](), &t)
		}
		if n := t.n; n < len(dst) {
			RunMul8(p, dst[n:], a[n*aStep:], b[n*bStep:], aStep, bStep)
		}
	}, v.tier
}
