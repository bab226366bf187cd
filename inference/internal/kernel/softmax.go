package kernel

// Softmax is TFLite's 8-bit softmax on x86-64: a table of float exponentials,
// a float32 sum in index order, one reciprocal; int8 rounds half away from
// zero, uint8 adds a half and truncates
// (kernels/internal/optimized/optimized_ops.h, PopulateSoftmaxLookupTable and
// Softmax).
type Softmax[T Byte] struct {
	table    [256]float32 // exp(-scale * beta * (255 - i))
	outScale float32
	out      Clamp8
}

// NewSoftmax prepares rows with the given input scale.
func NewSoftmax[T Byte](inScale, beta, outScale float32, out Clamp8) *Softmax[T] {
	s := &Softmax[T]{outScale: outScale, out: out}
	scale := float32(-inScale * beta)
	for d := range s.table {
		s.table[255-d] = expf(float32(scale * float32(d)))
	}
	return s
}

// Run normalizes each row of n elements.
func (s *Softmax[T]) Run(dst, src []T, n int) {
	for len(src) >= n {
		s.row(dst[:n], src[:n])
		dst, src = dst[n:], src[n:]
	}
}

func (s *Softmax[T]) row(dst, src []T) {
	top := src[0]
	for _, v := range src {
		top = max(top, v)
	}
	offset := 255 - int(top)
	var sum float32
	for _, v := range src {
		sum += s.table[offset+int(v)]
	}
	inv := float32(1) / float32(sum*s.outScale)
	for i, v := range src {
		p := min(float32(s.table[offset+int(v)]*inv), 512)
		// p is positive: half away from zero is half up. In float64 the sum is
		// exact; in float32 it may round.
		q := int32(p + 0.5)
		if s.out.Min != 0 {
			q = int32(float64(p) + 0.5)
		}
		dst[i] = T(min(max(q+s.out.Zero, s.out.Min), s.out.Max))
	}
}
