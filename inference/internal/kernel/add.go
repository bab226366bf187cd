package kernel

import "math"

// Add8 is a quantized 8-bit sum by XNNPACK's rule: both inputs times 21-bit
// multipliers in int32, one rounding shift (src/microparams-init.c,
// xnn_init_qs8_add_minmax_scalar_params).
type Add8 struct {
	bias, a, b int32
	shift      uint
	out        Clamp8
}

// NewAdd8 prepares a sum. Scales are input / output, of magnitudes in
// [2^-10, 2^8); a difference is the sum with bScale negative.
func NewAdd8(aScale, bScale float32, aZero, bZero int32, out Clamp8) Add8 {
	// The larger multiplier gets 21 bits.
	exp := int(math.Float32bits(max(aScale, bScale, -bScale))>>23) - 127
	p := Add8{shift: uint(20 - exp), out: out}
	p.a = scaled(aScale, p.shift)
	p.b = scaled(bScale, p.shift)
	p.bias = int32(1)<<(p.shift-1) - p.a*aZero - p.b*bZero
	return p
}

// scaled returns f * 2^shift rounded half to even; a power of two scales
// exactly, and the result is at most 2^21.
func scaled(f float32, shift uint) int32 {
	return int32(math.RoundToEven(math.Ldexp(float64(f), int(shift))))
}

// RunAdd8 computes dst[i] = a[i*aStep] + b[i*bStep]; a step is 0 for an
// operand of one element and 1 otherwise.
func RunAdd8[T Byte](p *Add8, dst, a, b []T, aStep, bStep int) {
	for i := range dst {
		acc := p.bias + int32(a[i*aStep])*p.a + int32(b[i*bStep])*p.b
		v := acc>>p.shift + p.out.Zero
		dst[i] = T(min(max(v, p.out.Min), p.out.Max))
	}
}

// Mul8 is a quantized 8-bit product by XNNPACK's rule: the exact product,
// then one float32 factor, rounded half to even
// (src/microparams-init.c, xnn_init_qs8_mul_minmax_scalar_params).
type Mul8 struct {
	AZero, BZero int32
	Scale        float32 // (a * b) / output scale
	Out          Clamp8
}

// RunMul8 computes dst[i] = a[i*aStep] * b[i*bStep], as RunAdd8.
func RunMul8[T Byte](p *Mul8, dst, a, b []T, aStep, bStep int) {
	for i := range dst {
		dst[i] = T(p.Out.fp32((int32(a[i*aStep])-p.AZero)*(int32(b[i*bStep])-p.BZero), p.Scale))
	}
}
