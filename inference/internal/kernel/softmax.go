package kernel

import "math"

// Softmax is TFLite's int8 softmax on x86-64: a table of float exponentials,
// a float32 sum in index order, one reciprocal, rounding half away from zero
// (kernels/internal/optimized/optimized_ops.h, PopulateSoftmaxLookupTable and
// Softmax).
type Softmax struct {
	table    [256]float32 // exp(-scale * beta * (255 - i))
	outScale float32
	outZero  int32
}

// NewSoftmax prepares rows of int8 with the given input scale.
func NewSoftmax(inScale, beta, outScale float32, outZero int32) *Softmax {
	s := &Softmax{outScale: outScale, outZero: outZero}
	scale := float32(-inScale * beta)
	for d := range s.table {
		s.table[255-d] = expf(float32(scale * float32(d)))
	}
	return s
}

// Run normalizes each row of n elements.
func (s *Softmax) Run(dst, src []int8, n int) {
	for len(src) >= n {
		s.row(dst[:n], src[:n])
		dst, src = dst[n:], src[n:]
	}
}

func (s *Softmax) row(dst, src []int8) {
	top := int8(math.MinInt8)
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
		p := float32(s.table[offset+int(v)] * inv)
		q := int32(math.Round(float64(min(p, 512)))) + s.outZero
		dst[i] = int8(min(max(q, -128), 127))
	}
}
