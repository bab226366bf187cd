package kernel

import (
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/fmath"
)

// RunLog writes the logarithms of Run's rows, outputs of scale 1/16 with the
// highest value of the type as their zero point
// (kernels/internal/optimized/optimized_ops.h, LogSoftmax).
func (s *Softmax[T]) RunLog(dst, src []T, n int, inScale float32) {
	for len(src) >= n {
		s.logRow(dst[:n], src[:n], inScale)
		dst, src = dst[n:], src[n:]
	}
}

func (s *Softmax[T]) logRow(dst, src []T, inScale float32) {
	top := src[0]
	for _, v := range src {
		top = max(top, v)
	}
	offset := 255 - int(top)
	var sum float32
	for _, v := range src {
		sum += s.table[offset+int(v)]
	}
	log := float32(fmath.Log(float64(sum)))
	scale := inScale / s.outScale
	all := float32(float32(float32(inScale*float32(top))+log) / s.outScale)
	for i, v := range src {
		q := math.RoundToEven(float64(float32(float32(scale*float32(v)) - all)))
		dst[i] = T(min(max(int32(max(q, -1<<20))+s.out.Zero, s.out.Min), s.out.Max))
	}
}
