package kernel

import (
	"math"
	"math/bits"
)

// Over divides m by n, as TFLite's mean of integers does before it multiplies
// the sum (kernels/internal/reference/reduce.h, QuantizedMeanOrSum).
func (m Multiplier) Over(n int) Multiplier {
	shift := min(bits.Len64(uint64(n))-1, 31+m.Shift)
	return Multiplier{int32(int64(m.Mantissa) << shift / int64(n)), m.Shift - shift}
}

// Mean16 writes sums times m.
func Mean16(dst []int16, sums []int32, m Multiplier) {
	for i, s := range sums {
		dst[i] = int16(min(max(m.Apply(s), math.MinInt16), math.MaxInt16))
	}
}

// ScaledSum16 writes sums times scale in float32, half away from zero
// (kernels/internal/optimized/reduce.h, QuantizedMeanOrSum).
func ScaledSum16(dst []int16, sums []int32, scale float32) {
	for i, s := range sums {
		v := math.Round(float64(float32(float32(s) * scale)))
		dst[i] = int16(min(max(v, math.MinInt16), math.MaxInt16))
	}
}

// Relu16 is NewRelu8's rule for int16 without zero points.
func Relu16(dst, src []int16, m Multiplier, lo, hi int32) {
	for i, x := range src {
		dst[i] = int16(min(max(m.Apply(int32(x)), lo), hi))
	}
}

// Tap16 is one position of a resize in 1024ths.
type Tap16 struct {
	Low, High int
	Frac      int64
}

// Taps16 returns the taps of one dimension; ok says that none lies outside the
// input, where TFLite would read on (kernels/internal/reference/resize_bilinear.h,
// ComputeInterpolationValuesInteger).
func Taps16(in, out int, align, half bool) (taps []Tap16, ok bool) {
	scale := (in<<10 + out/2) / out
	if align && out > 1 {
		scale = ((in-1)<<10 + (out-1)/2) / (out - 1)
	}
	taps = make([]Tap16, out)
	for i := range taps {
		v := i * scale
		if half {
			v += scale/2 - 1<<9
		}
		low := max(v/(1<<10), 0)
		if low >= in {
			return nil, false
		}
		taps[i] = Tap16{low, min((v+1<<10-1)/(1<<10), in-1), int64(v - low<<10)}
	}
	return taps, true
}

// Bilinear16 resizes NHWC images of int16.
type Bilinear16 struct {
	Y, X           []Tap16
	Batch, H, W, C int
}

func (r *Bilinear16) Run(dst, src []int16) {
	for range r.Batch {
		for _, y := range r.Y {
			top, bottom := src[y.Low*r.W*r.C:], src[y.High*r.W*r.C:]
			for _, x := range r.X {
				for c := range r.C {
					a, b := int64(top[x.Low*r.C+c]), int64(top[x.High*r.C+c])
					d, e := int64(bottom[x.Low*r.C+c]), int64(bottom[x.High*r.C+c])
					s := a*(1<<10-y.Frac)*(1<<10-x.Frac) + d*y.Frac*(1<<10-x.Frac) + b*(1<<10-y.Frac)*x.Frac + e*y.Frac*x.Frac
					if s > 0 {
						s += 1 << 19
					} else {
						s -= 1 << 19
					}
					dst[c] = int16(s / (1 << 20))
				}
				dst = dst[r.C:]
			}
		}
		src = src[r.H*r.W*r.C:]
	}
}
