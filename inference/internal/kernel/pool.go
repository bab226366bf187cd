package kernel

import "unsafe"

// Pool is a pooling window over NHWC data. Padding counts for nothing:
// averages divide by the pixels really covered.
type Pool[T int8 | uint8 | int16] struct {
	Window
	Batch, C int
	Min, Max int32

	fast *vector8 // only for 8-bit elements
}

// ChoosePool takes the vector kernels of the tier in use, if it has any, and returns
// that tier.
func ChoosePool[T Byte](p *Pool[T]) string {
	if v := rows8Of(Tier()); v != nil {
		p.fast = v
		return v.tier
	}
	return TierGeneric
}

// bytes returns 8-bit elements as bytes.
func (p *Pool[T]) bytes(v []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
}

// sum writes the sums of the channels that output pixel (y, x) covers to acc
// and returns the number of pixels.
func (p *Pool[T]) sum(acc []int32, in []T, y, x int) int {
	y0, x0 := y*p.StrideH-p.PadTop, x*p.StrideW-p.PadLeft
	y1, x1 := min(y0+p.KH, p.InH), min(x0+p.KW, p.InW)
	y0, x0 = max(y0, 0), max(x0, 0)
	if p.fast == nil {
		clear(acc)
		return p.taps(in, y, x, func(ch []T) {
			for c, v := range ch {
				acc[c] += int32(v)
			}
		})
	}
	corner := p.bytes(in)[(y0*p.InW+x0)*p.C:]
	var last [16]int32
	for c := 0; c < p.C; c += 16 {
		n := min(16, p.C-c)
		to := acc[c:]
		if n < 16 {
			to = last[:]
		}
		p.fast.sumWindow(T(0)-1 < 0, to, corner[c:], p.C, x1-x0, p.InW*p.C, y1-y0, 1<<n-1)
		if n < 16 {
			copy(acc[c:], last[:])
		}
	}
	return (y1 - y0) * (x1 - x0)
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
	p.each(dst, src, func(out, in []T, y, x int) {
		n := int32(p.sum(acc, in, y, x))
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
			if p.fast != nil {
				p.fast.maxRow(T(0)-1 < 0, p.bytes(out), p.bytes(ch))
				return
			}
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
