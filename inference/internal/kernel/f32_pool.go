package kernel

import "math"

// PoolF32 is a pooling window over NHWC data. Padding counts for nothing.
type PoolF32 struct {
	Window
	Batch, C int
	Out      Range

	fast *vectorF32
}

// Pack prepares Maximum for the vector kernels of the tier in use and returns
// that tier.
func (p *PoolF32) Pack() string {
	if v := vectorsF32[Tier()]; v != nil {
		p.fast = v
		return v.tier
	}
	return TierGeneric
}

// windowF32 is what a vector kernel of a pool works on: one output pixel.
type windowF32 struct {
	dst, src *float32 // 0
	pixel    int      // 16: bytes from pixel to pixel
	nx       int      // 24
	line     int      // 32: bytes from line to line
	ny       int      // 40
	vectors  int      // 48
	mask     uint32   // 56: lanes of the last vector, AVX-512
	lo, hi   float32  // 60
	nan      uint32   // 68
	masks    *uint32  // 72: the same for AVX2
}

// maximum is Maximum with vector kernels.
func (p *PoolF32) maximum(v *vectorF32, dst, src []float32) {
	t := windowF32{pixel: 4 * p.C, line: 4 * p.InW * p.C, vectors: (p.C + v.lanes - 1) / v.lanes, lo: p.Out.Lo, hi: p.Out.Hi, nan: canonicalNaN}
	t.mask, t.masks = maskOf(p.C - v.lanes*(t.vectors-1))
	for b := range p.Batch {
		in := src[b*p.InH*p.InW*p.C:]
		for y := range p.OutH {
			y0 := y*p.StrideH - p.PadTop
			top := max(y0, 0)
			t.ny = min(y0+p.KH, p.InH) - top
			for x := range p.OutW {
				x0 := x*p.StrideW - p.PadLeft
				left := max(x0, 0)
				t.nx = min(x0+p.KW, p.InW) - left
				t.src, t.dst = &in[(top*p.InW+left)*p.C], &dst[((b*p.OutH+y)*p.OutW+x)*p.C]
				v.maxWindow(&t)
			}
		}
	}
}

// each calls f with every output pixel and the part of the input its window
// covers, rows [y0, y1) and columns [x0, x1).
func (p *PoolF32) each(dst, src []float32, f func(out, in []float32, y0, y1, x0, x1 int)) {
	for b := range p.Batch {
		in := src[b*p.InH*p.InW*p.C:]
		for y := range p.OutH {
			for x := range p.OutW {
				y0, x0 := y*p.StrideH-p.PadTop, x*p.StrideW-p.PadLeft
				f(dst[((b*p.OutH+y)*p.OutW+x)*p.C:][:p.C], in,
					max(y0, 0), min(y0+p.KH, p.InH), max(x0, 0), min(x0+p.KW, p.InW))
			}
		}
	}
}

// Average sums in float64 row by row and divides by the pixels covered. acc has
// C elements.
func (p *PoolF32) Average(dst, src []float32, acc []float64) {
	acc = acc[:p.C]
	p.each(dst, src, func(out, in []float32, y0, y1, x0, x1 int) {
		clear(acc)
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				for c, v := range in[(y*p.InW+x)*p.C:][:len(acc)] {
					acc[c] += float64(v)
				}
			}
		}
		n := float64((y1 - y0) * (x1 - x0))
		for c, a := range acc {
			out[c] = p.Out.fit(float32(a / n))
		}
	})
}

// Maximum keeps the largest value, NaN where there is one.
func (p *PoolF32) Maximum(dst, src []float32) {
	if v := p.fast; v != nil {
		p.maximum(v, dst, src)
		return
	}
	p.each(dst, src, func(out, in []float32, y0, y1, x0, x1 int) {
		for c := range out {
			out[c] = float32(math.Inf(-1))
		}
		for y := y0; y < y1; y++ {
			for x := x0; x < x1; x++ {
				for c, v := range in[(y*p.InW+x)*p.C:][:len(out)] {
					if v > out[c] || v != v {
						out[c] = v
					}
				}
			}
		}
		for c, v := range out {
			out[c] = p.Out.fit(v)
		}
	})
}

// ReduceF32 sums over some dimensions: in float64, in the order of the input,
// divided by Divisor, rounded once. OutStride is 0 where a dimension is summed over.
type ReduceF32 struct {
	Shape, OutStride []int
	Divisor          float64
}

// Run computes dst from src. acc has as many elements as dst.
func (r *ReduceF32) Run(dst, src []float32, acc []float64) {
	acc = acc[:len(dst)]
	clear(acc)
	r.dim(acc, src, 0, 0)
	for i, a := range acc {
		dst[i] = quiet(float32(a / r.Divisor))
	}
}

// dim adds dimension d on from src to acc[to] and returns what is left of src.
func (r *ReduceF32) dim(acc []float64, src []float32, d, to int) []float32 {
	if d == len(r.Shape) {
		acc[to] += float64(src[0])
		return src[1:]
	}
	n, step := r.Shape[d], r.OutStride[d]
	if d < len(r.Shape)-1 {
		for i := range n {
			src = r.dim(acc, src, d+1, to+i*step)
		}
		return src
	}
	for _, v := range src[:n] {
		acc[to] += float64(v)
		to += step
	}
	return src[n:]
}
