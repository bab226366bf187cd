package kernel

import "math"

// Out16 is the output side of a layer of 16-bit activations: a factor for each
// channel, and the range that activation and type leave. The zero point is 0.
type Out16 struct {
	Factor   []Multiplier
	Real     []float64 // instead of Factor, where the rule multiplies in float64
	Min, Max int32
}

// store requantizes the sum of channel ch.
func (o *Out16) store(sum int64, ch int) int16 {
	var v int32
	if o.Real == nil {
		v = o.Factor[ch].Apply64(sum)
	} else if r := math.Round(float64(sum) * o.Real[ch]); r > math.MinInt32 && r <= math.MaxInt32 {
		v = int32(r)
	} else {
		v = math.MinInt32 // what an x86-64 CPU converts all others to
	}
	return int16(min(max(v, o.Min), o.Max))
}

// Apply64 is TFLite's rule for 64-bit sums: the mantissa cut to 15 bits, one
// product, one shift that rounds half up (kernels/internal/common.cc). The
// shift must be below 15.
func (m Multiplier) Apply64(x int64) int32 {
	reduced := int64(math.MaxInt16)
	if m.Mantissa < 0x7FFF0000 {
		reduced = int64(m.Mantissa+1<<15) >> 16
	}
	shift := 15 - m.Shift
	return int32((x*reduced + 1<<(shift-1)) >> shift)
}

// Conv16 is a convolution or fully connected layer of int16 activations and
// int8 weights, summed in int64 (kernels/internal/reference/integer_ops/conv.h).
// Weights are [group][out channel][KH][KW][in channel].
type Conv16 struct {
	Window
	Batch     int
	Groups    int
	InC, OutC int // per group
	Weights   []int8
	Bias      []int64
	Out       Out16
}

// MACs returns the multiply-accumulates of one run.
func (c *Conv16) MACs() int64 {
	return int64(c.Batch) * int64(c.OutH) * int64(c.OutW) * int64(c.Groups) * int64(c.OutC) *
		int64(c.KH) * int64(c.KW) * int64(c.InC)
}

// Run computes dst = conv(src).
func (c *Conv16) Run(dst, src []int16) {
	pixel := c.Groups * c.InC
	at := 0
	for b := range c.Batch {
		in := src[b*c.InH*c.InW*pixel:]
		for y := range c.OutH {
			for x := range c.OutW {
				for ch := range c.Groups * c.OutC {
					dst[at] = c.Out.store(c.sum(in, y*c.StrideH-c.PadTop, x*c.StrideW-c.PadLeft, ch), ch)
					at++
				}
			}
		}
	}
}

// sum is channel ch of the window whose first element is at y0, x0.
func (c *Conv16) sum(in []int16, y0, x0, ch int) int64 {
	pixel, first := c.Groups*c.InC, ch/c.OutC*c.InC
	acc := c.Bias[ch]
	w := c.Weights[ch*c.KH*c.KW*c.InC:]
	for ky := range c.KH {
		y := y0 + ky*c.DilationH
		for kx := range c.KW {
			x := x0 + kx*c.DilationW
			tap := w[:c.InC]
			w = w[c.InC:]
			if y < 0 || y >= c.InH || x < 0 || x >= c.InW {
				continue
			}
			acc += dot16(tap, in[(y*c.InW+x)*pixel+first:])
		}
	}
	return acc
}

func dot16(w []int8, v []int16) (sum int64) {
	v = v[:len(w)]
	for i, x := range w {
		sum += int64(int32(x) * int32(v[i]))
	}
	return sum
}

// Depthwise16 is a depthwise convolution of int16 activations and int8 weights
// [KH][KW][channel * Multiplier]
// (kernels/internal/reference/integer_ops/depthwise_conv.h).
type Depthwise16 struct {
	Window
	Batch, InC, Multiplier int
	Weights                []int8
	Bias                   []int64
	Out                    Out16
}

// MACs returns the multiply-accumulates of one run.
func (c *Depthwise16) MACs() int64 {
	return int64(c.Batch) * int64(c.OutH) * int64(c.OutW) * int64(c.InC) * int64(c.Multiplier) * int64(c.KH) * int64(c.KW)
}

// Run computes dst = depthwise(src).
func (c *Depthwise16) Run(dst, src []int16) {
	at := 0
	for b := range c.Batch {
		in := src[b*c.InH*c.InW*c.InC:]
		for y := range c.OutH {
			for x := range c.OutW {
				for ch := range c.InC * c.Multiplier {
					dst[at] = c.Out.store(c.sum(in, y*c.StrideH-c.PadTop, x*c.StrideW-c.PadLeft, ch), ch)
					at++
				}
			}
		}
	}
}

func (c *Depthwise16) sum(in []int16, y0, x0, ch int) int64 {
	acc := c.Bias[ch]
	for ky := range c.KH {
		y := y0 + ky*c.DilationH
		for kx := range c.KW {
			x := x0 + kx*c.DilationW
			if y < 0 || y >= c.InH || x < 0 || x >= c.InW {
				continue
			}
			w := c.Weights[(ky*c.KW+kx)*c.InC*c.Multiplier+ch]
			acc += int64(int32(w) * int32(in[(y*c.InW+x)*c.InC+ch/c.Multiplier]))
		}
	}
	return acc
}
