package kernel

// Sub8 is a quantized 8-bit difference by TFLite's rule, for the scales that
// XNNPACK's delegate leaves (kernels/internal/reference/sub.h): both inputs
// shifted left by 20 and scaled to twice the larger scale, then the difference
// to the output's.
type Sub8 struct {
	AZero, BZero int32
	A, B, Result Multiplier
	Out          Clamp8
}

// RunSub8 computes dst[i] = a[i*aStep] - b[i*bStep], as RunAdd8.
func RunSub8[T Byte](p *Sub8, dst, a, b []T, aStep, bStep int) {
	for i := range dst {
		x := p.A.Apply((int32(a[i*aStep]) - p.AZero) << 20)
		y := p.B.Apply((int32(b[i*bStep]) - p.BZero) << 20)
		v := p.Result.Apply(x-y) + p.Out.Zero
		dst[i] = T(min(max(v, p.Out.Min), p.Out.Max))
	}
}
