package kernel

import "math"

// Hybrid is how TFLite's own kernels quantize the float values of an image
// (kernels/internal/optimized/neon_tensor_utils.cc): around 0, or over the
// range that the values have.
type Hybrid struct{ Symmetric bool }

// quantize writes the image as int8 and returns the step and the zero point.
// Values that are no number count for nothing in the range and as 0.
func (h Hybrid) quantize(dst []int8, src []float32) (scale float32, zero int32) {
	lo, hi := bounds(src)
	var inv float32
	low := float32(-128)
	switch {
	case h.Symmetric:
		top := max(-lo, hi)
		if top == 0 {
			clear(dst)
			return 1, 0
		}
		scale, inv, low = top/127, 127/top, -127
	case lo == hi:
		clear(dst)
		return 1, 0
	default:
		scale, zero = asymmetric(lo, hi)
		if scale != 0 {
			inv = float32(1 / float64(scale))
		}
	}
	for i, x := range src {
		v := float32(x * inv)
		if v != v {
			v = 0
		}
		q := halfAway(min(max(v, -1024), 1024)) + float32(zero)
		dst[i] = int8(min(max(q, low), 127))
	}
	return scale, zero
}

// halfAway adds a half away from zero and cuts, both in float32.
func halfAway(v float32) float32 {
	if v < 0 {
		return float32(int32(v - 0.5))
	}
	return float32(int32(v + 0.5))
}

// bounds returns the least and the greatest value, and 0.
func bounds(v []float32) (lo, hi float32) {
	for _, x := range v {
		if x < lo {
			lo = x
		}
		if x > hi {
			hi = x
		}
	}
	return lo, hi
}

// asymmetric spreads lo to hi, one of them not 0, over 255 steps.
func asymmetric(lo, hi float32) (scale float32, zero int32) {
	step := float64(hi-lo) / 255
	below, above := float64(lo)/step, float64(hi)/step
	z := 127 - above
	if 128+math.Abs(below) < 127+math.Abs(above) {
		z = -128 - below
	}
	if !(z > -128) {
		z = -128
	}
	return float32(step), int32(math.Round(min(z, 127)))
}

// HybridConv is a convolution of float values with int8 weights by TFLite's
// kernels. Weights are [group][out channel][KH][KW][in channel].
type HybridConv struct {
	Hybrid
	Window
	Batch     int
	Groups    int
	InC, OutC int // per group
	Weights   []int8
	Scale     []float32 // of the weights, per output channel
	Bias      []float32
	Out       Range
}

// Image is the number of elements that are quantized together.
func (c *HybridConv) Image() int { return c.InH * c.InW * c.Groups * c.InC }

// Depth is the length of one dot product.
func (c *HybridConv) Depth() int { return c.KH * c.KW * c.InC }

// MACs returns the multiply-accumulates of one run.
func (c *HybridConv) MACs() int64 {
	return int64(c.Batch) * int64(c.OutH) * int64(c.OutW) * int64(c.Groups) * int64(c.OutC) * int64(c.Depth())
}

// Run computes dst from src; image has Image bytes, row Depth.
func (c *HybridConv) Run(dst, src []float32, image, row []int8) {
	k := c.Depth()
	for range c.Batch {
		scale, zero := c.quantize(image, src[:len(image)])
		src = src[len(image):]
		for p := range c.OutH * c.OutW {
			for g := range c.Groups {
				x := gather(&c.Window, image, p, c.Groups, g, c.InC, int8(zero), row)
				for o := range c.OutC {
					ch := g*c.OutC + o
					w := c.Weights[ch*k:][:k]
					sum := dot8(0, w, x)
					if zero != 0 {
						sum -= zero * SumBytes(w)
					}
					f := float32(float32(sum) * float32(scale*c.Scale[ch]))
					dst[ch] = c.Out.fit(f + c.Bias[ch])
				}
			}
			dst = dst[c.Groups*c.OutC:]
		}
	}
}

// HybridDepthwise is a depthwise convolution of float values with int8 weights
// [KH][KW][channel] (kernels/internal/optimized/integer_ops/depthwise_conv_hybrid.h).
type HybridDepthwise struct {
	Hybrid
	Window
	Batch, InC, Multiplier int
	Weights                []int8
	Scale                  []float32
	Bias                   []float32
	Out                    Range
}

// Image is the number of elements that are quantized together.
func (d *HybridDepthwise) Image() int { return d.InH * d.InW * d.InC }

// MACs returns the multiply-accumulates of one run.
func (d *HybridDepthwise) MACs() int64 {
	return int64(d.Batch) * int64(d.OutH) * int64(d.OutW) * int64(d.InC) * int64(d.Multiplier) * int64(d.KH) * int64(d.KW)
}

// Run computes dst from src; image has Image bytes.
func (d *HybridDepthwise) Run(dst, src []float32, image []int8) {
	outC := d.InC * d.Multiplier
	for range d.Batch {
		scale, zero := d.quantize(image, src[:len(image)])
		src = src[len(image):]
		for p := range d.OutH * d.OutW {
			for ch := range outC {
				sum := depthwiseSum(&d.Window, image, d.Weights, p, ch, d.InC, d.Multiplier, zero)
				f := float32(float32(float32(sum)*d.Scale[ch]) * scale)
				dst[ch] = d.Out.fit(f + d.Bias[ch])
			}
			dst = dst[outC:]
		}
	}
}
