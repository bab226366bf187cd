package kernel

import "math"

// Tap is one output row or column of a bilinear resize: two source positions
// and the weight of the second.
type Tap struct {
	A, B   int
	Weight float32
}

// TapQ11 is a Tap whose weight has 11 fractional bits.
type TapQ11 struct {
	A, B   int
	Weight int32
}

// BilinearTaps resamples in positions to out by XNNPACK's rule
// (src/indirection.c, xnn_indirection_init_resize_bilinear2d_hwc_f32).
func BilinearTaps(in, out int, alignCorners, halfPixel bool) []Tap {
	adjust := 0
	if alignCorners && out != 1 {
		adjust = 1
	}
	scale := float32(in-adjust) / float32(out-adjust)
	offset := float32(0)
	if halfPixel && !alignCorners {
		offset = float32(0.5*scale) - 0.5
	}
	taps := make([]Tap, out)
	for i := range taps {
		v := float32(float32(i)*scale) + offset
		v = min(max(v, 0), float32(in-1))
		a := int(v)
		taps[i] = Tap{a, min(a+1, in-1), v - float32(a)}
	}
	return taps
}

// Q11 rounds the weights half to even.
func Q11(taps []Tap) []TapQ11 {
	q := make([]TapQ11, len(taps))
	for i, t := range taps {
		q[i] = TapQ11{t.A, t.B, int32(math.RoundToEven(float64(t.Weight * 2048)))}
	}
	return q
}

// Bilinear resizes NHWC data by XNNPACK's rule: both directions in 11
// fractional bits, one rounding shift of 22 (src/s8-ibilinear).
type Bilinear struct {
	Y, X           []TapQ11
	Batch, H, W, C int // of the input

	fast *vector8
}

// Choose takes the vector kernels of the tier in use, if it has any, and
// returns that tier.
func (r *Bilinear) Choose() string {
	if v := rows8Of(Tier()); v != nil {
		r.fast = v
		return v.tier
	}
	return TierGeneric
}

// runVector is RunBilinear with vector kernels.
func (r *Bilinear) runVector(signed bool, dst, src []byte) {
	for b := range r.Batch {
		in := src[b*r.H*r.W*r.C:]
		for _, y := range r.Y {
			top, bottom := in[y.A*r.W*r.C:], in[y.B*r.W*r.C:]
			for _, x := range r.X {
				a, b := x.A*r.C, x.B*r.C
				r.fast.bilinear(signed, dst[:r.C], top[a:], top[b:], bottom[a:], bottom[b:], x.Weight, y.Weight)
				dst = dst[r.C:]
			}
		}
	}
}

// RunBilinear computes dst from src.
func RunBilinear[T Byte](r *Bilinear, dst, src []T) {
	if r.fast != nil {
		r.runVector(isSigned[T](), bytesOf(dst), bytesOf(src))
		return
	}
	for b := range r.Batch {
		in := src[b*r.H*r.W*r.C:]
		for _, y := range r.Y {
			for _, x := range r.X {
				pixel := func(iy, ix int) []T { return in[(iy*r.W+ix)*r.C:][:r.C] }
				tl, tr, bl, br := pixel(y.A, x.A), pixel(y.A, x.B), pixel(y.B, x.A), pixel(y.B, x.B)
				for c := range r.C {
					dst[c] = T(blend(int32(tl[c]), int32(tr[c]), int32(bl[c]), int32(br[c]), x.Weight, y.Weight))
				}
				dst = dst[r.C:]
			}
		}
	}
}

// blend mixes four pixels by weights of 11 fractional bits.
func blend(tl, tr, bl, br, x, y int32) int32 {
	top, bottom := tl<<11+(tr-tl)*x, bl<<11+(br-bl)*x
	return (top<<11 + (bottom-top)*y + 1<<21) >> 22
}

// NearestIndex picks the source position of every output position by TFLite's
// rule. Elements of 8 bits without either flag take 16.16 fixed point
// (kernels/internal/optimized/optimized_ops.h, ResizeNearestNeighbor), all
// others float32 (kernels/internal/reference/resize_nearest_neighbor.h).
func NearestIndex(in, out, elem int, alignCorners, halfPixel bool) []int {
	idx := make([]int, out)
	scale, offset := float32(in)/float32(out), float32(0)
	if alignCorners && out > 1 {
		scale = float32(in-1) / float32(out-1)
	}
	if halfPixel {
		offset = 0.5
	}
	for i := range idx {
		v := float32((float32(i) + offset) * scale)
		at := int(v)
		switch {
		case elem == 1 && !alignCorners && !halfPixel:
			at = int(int64(i) * (int64(in)<<16/int64(out) + 1) >> 16)
		case alignCorners:
			at = int(math.Round(float64(v)))
		}
		idx[i] = min(at, in-1)
	}
	return idx
}

// Nearest copies pixels of Pixel bytes from the rows and columns named.
type Nearest struct {
	Y, X               []int
	Batch, H, W, Pixel int // of the input
}

// Run computes dst from src.
func (r *Nearest) Run(dst, src []byte) {
	for b := range r.Batch {
		for _, y := range r.Y {
			row := src[(b*r.H+y)*r.W*r.Pixel:]
			for _, x := range r.X {
				copy(dst[:r.Pixel], row[x*r.Pixel:])
				dst = dst[r.Pixel:]
			}
		}
	}
}
