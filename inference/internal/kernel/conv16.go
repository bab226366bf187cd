package kernel

import (
	"math"
	"slices"
)

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
	reduced, shift := m.reduced()
	return int32((x*reduced + 1<<(shift-1)) >> shift)
}

// reduced returns the mantissa cut to 15 bits, and the shift to the right that
// goes with it.
func (m Multiplier) reduced() (factor int64, shift int) {
	factor = math.MaxInt16
	if m.Mantissa < 0x7FFF0000 {
		factor = int64(m.Mantissa+1<<15) >> 16
	}
	return factor, 15 - m.Shift
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

	Workers int // that compute parts at the same time; 0 is 1

	fast *convTiles16
}

// Choose takes the vector kernels of the tier in use, if it has any, and
// returns the bytes that Pack will take for them.
func (c *Conv16) Choose() int {
	v := vector16Of(Tier())
	if v == nil {
		return len(c.Weights)
	}
	c.fast = c.layout(v)
	return c.fast.size()
}

// Pack copies the weights, rearranged for the kernels chosen.
func (c *Conv16) Pack(room *Room) {
	if c.fast == nil {
		c.Weights = slices.Clone(c.Weights)
		return
	}
	c.fast.pack(room)
	c.Weights = nil
}

// Tier names the instruction set that computes the layer.
func (c *Conv16) Tier() string {
	if c.fast != nil {
		return c.fast.v.tier
	}
	return TierGeneric
}

// ScratchSizes returns how many bytes and words Run needs: the input as vector
// kernels want it, and sums.
func (c *Conv16) ScratchSizes() (staged, sums int) {
	if c.fast == nil {
		return 0, 0
	}
	return c.fast.bytes(), c.fast.sums() * max(c.Workers, 1)
}

// Depth is the length of one dot product.
func (c *Conv16) Depth() int { return c.KH * c.KW * c.InC }

// MACs returns the multiply-accumulates of one run.
func (c *Conv16) MACs() int64 {
	return int64(c.Batch) * int64(c.OutH) * int64(c.OutW) * int64(c.Groups) * int64(c.OutC) * int64(c.Depth())
}

// Run computes dst = conv(src).
func (c *Conv16) Run(dst, src []int16, staged []byte, sums []int32) {
	eachImage(c.Batch, dst, src, func(dst, src []int16) {
		if c.fast != nil {
			c.fast.image(dst, src, staged, sums)
		} else {
			c.Out.image(&c.Window, dst, func(y0, x0, ch int) int64 { return c.sum(src, y0, x0, ch) })
		}
	})
}

// eachImage runs f on every image of a batch.
func eachImage(batch int, dst, src []int16, f func(dst, src []int16)) {
	in, out := len(src)/batch, len(dst)/batch
	for b := range batch {
		f(dst[b*out:][:out], src[b*in:][:in])
	}
}

// image requantizes the sum of each channel of each window, whose first element is at
// y0, x0.
func (o *Out16) image(w *Window, dst []int16, sum func(y0, x0, ch int) int64) {
	channels := len(dst) / (w.OutH * w.OutW)
	for p := range w.OutH * w.OutW {
		y0, x0 := p/w.OutW*w.StrideH-w.PadTop, p%w.OutW*w.StrideW-w.PadLeft
		for ch := range channels {
			dst[p*channels+ch] = o.store(sum(y0, x0, ch), ch)
		}
	}
}

// Splits tells whether Prepare and then Part, for all parts in any order, do what
// Run does.
func (c *Conv16) Splits() bool { return c.fast != nil && c.Batch == 1 && c.Groups == 1 }

// Prepare does what all parts share.
func (c *Conv16) Prepare(src []int16, staged []byte) { c.fast.prepare(src, staged) }

// Part computes part i of n; no two at the same time have the same worker.
func (c *Conv16) Part(dst, src []int16, staged []byte, sums []int32, worker, i, n int) {
	own := c.fast.sums()
	c.fast.group(dst, c.fast.staging(src, staged), sums[worker*own:][:own], 0, share{i, n})
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
