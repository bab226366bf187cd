package kernel

// Sub8 is a quantized 8-bit difference by TFLite's rule, for the scales that
// XNNPACK's delegate leaves (kernels/internal/reference/sub.h): both inputs
// shifted left by 20 and scaled to twice the larger scale, then the difference
// to the output's.
type Sub8 struct {
	a, b   [256]int32 // scaled inputs, by their byte
	result Multiplier
	out    Clamp8
}

// NewSub8 prepares a difference of elements of type T.
func NewSub8[T Byte](a, b, result Multiplier, aZero, bZero int32, out Clamp8) *Sub8 {
	p := &Sub8{result: result, out: out}
	for i := range p.a {
		p.a[i] = a.Apply((int32(T(i)) - aZero) << 20)
		p.b[i] = b.Apply((int32(T(i)) - bZero) << 20)
	}
	return p
}

// RunSub8 computes dst[i] = a[i*aStep] - b[i*bStep], as RunAdd8.
func RunSub8[T Byte](p *Sub8, dst, a, b []T, aStep, bStep int) {
	for i := range dst {
		v := p.result.Apply(p.a[uint8(a[i*aStep])]-p.b[uint8(b[i*bStep])]) + p.out.Zero
		dst[i] = T(min(max(v, p.out.Min), p.out.Max))
	}
}
