package kernel

// Pool is a pooling window over NHWC data. Padding counts for nothing:
// averages divide by the pixels really covered.
type Pool[T int8 | uint8 | int16] struct {
	Window
	Batch, C int
	Min, Max int32
}

// taps calls f with the rows of channels that output pixel (y, x) covers.
func (p *Pool[T]) taps(in []T, y, x int, f func(ch []T)) (count int) {
	y0, x0 := y*p.StrideH-p.PadTop, x*p.StrideW-p.PadLeft
	for iy := max(y0, 0); iy < min(y0+p.KH, p.InH); iy++ {
		for ix := max(x0, 0); ix < min(x0+p.KW, p.InW); ix++ {
			f(in[(iy*p.InW+ix)*p.C:][:p.C])
			count++
		}
	}
	return count
}

// Average rounds half away from zero, TFLite's rule
// (kernels/internal/reference/integer_ops/pooling.h). acc has C elements.
func (p *Pool[T]) Average(dst, src []T, acc []int32) {
	acc = acc[:p.C]
	add := func(ch []T) {
		for c, v := range ch {
			acc[c] += int32(v)
		}
	}
	p.each(dst, src, func(out, in []T, y, x int) {
		clear(acc)
		n := int32(p.taps(in, y, x, add))
		for c, a := range acc {
			half := n / 2
			if a <= 0 {
				half = -half
			}
			out[c] = T(min(max((a+half)/n, p.Min), p.Max))
		}
	})
}

// Maximum keeps the largest value, clamped.
func (p *Pool[T]) Maximum(dst, src []T) {
	p.each(dst, src, func(out, in []T, y, x int) {
		for c := range out {
			out[c] = T(p.Min)
		}
		p.taps(in, y, x, func(ch []T) {
			for c, v := range ch {
				out[c] = max(out[c], v)
			}
		})
		for c, v := range out {
			out[c] = T(min(int32(v), p.Max))
		}
	})
}

func (p *Pool[T]) each(dst, src []T, f func(out, in []T, y, x int)) {
	for b := range p.Batch {
		in := src[b*p.InH*p.InW*p.C:]
		for y := range p.OutH {
			for x := range p.OutW {
				f(dst[((b*p.OutH+y)*p.OutW+x)*p.C:][:p.C], in, y, x)
			}
		}
	}
}
