package kernel

import "slices"

// Depthwise16 is a depthwise convolution of int16 activations and int8 weights
// [KH][KW][channel * Multiplier]
// (kernels/internal/reference/integer_ops/depthwise_conv.h).
type Depthwise16 struct {
	Window
	Batch, InC, Multiplier int
	Weights                []int8
	Bias                   []int64
	Out                    Out16

	fast  *depthwiseTiles16
	dense *Conv16 // of several outputs a channel, where that has vector kernels
}

// Choose takes the vector kernels of the tier in use, if it has any, and
// returns the bytes that Pack will take for them.
func (c *Depthwise16) Choose() int {
	if c.Multiplier == 1 {
		v := vector16Of(Tier())
		if v == nil || c.KH*c.KW > terms16x8 {
			return len(c.Weights)
		}
		c.fast = c.layout(v.tier)
		return c.fast.size()
	}
	// Each input channel has a convolution of its own.
	c.dense = &Conv16{
		Weights: c.Weights, // in no order yet, see Pack
		Window:  c.Window, Batch: c.Batch, Groups: c.InC, InC: 1, OutC: c.Multiplier, Bias: c.Bias, Out: c.Out,
	}
	size := c.dense.Choose()
	if c.dense.fast == nil {
		c.dense = nil
	}
	return size
}

// Pack copies the weights, rearranged for the kernels chosen.
func (c *Depthwise16) Pack(room *Room) {
	switch {
	case c.fast != nil:
		c.fast.pack(room)
	case c.dense != nil:
		c.dense.Weights = groupMajor(c.Weights, c.KH*c.KW)
		c.dense.Pack(room)
	default:
		c.Weights = slices.Clone(c.Weights)
		return
	}
	c.Weights = nil
}

// groupMajor returns weights [tap][channel] as [channel][tap].
func groupMajor[T Byte](weights []T, taps int) []T {
	out, channels := make([]T, len(weights)), len(weights)/taps
	for i, w := range weights {
		out[i%channels*taps+i/channels] = w
	}
	return out
}

// Tier names the instruction set that computes the layer.
func (c *Depthwise16) Tier() string {
	switch {
	case c.fast != nil:
		return c.fast.tier
	case c.dense != nil:
		return c.dense.Tier()
	}
	return TierGeneric
}

// ScratchSizes returns how many bytes and words Run needs: the input as vector
// kernels want it, and sums.
func (c *Depthwise16) ScratchSizes() (staged, sums int) {
	switch {
	case c.fast != nil:
		return c.fast.bytes(), c.fast.sums()
	case c.dense != nil:
		return c.dense.ScratchSizes()
	}
	return 0, 0
}

// MACs returns the multiply-accumulates of one run.
func (c *Depthwise16) MACs() int64 {
	return int64(c.Batch) * int64(c.OutH) * int64(c.OutW) * int64(c.InC) * int64(c.Multiplier) * int64(c.KH) * int64(c.KW)
}

// Run computes dst = depthwise(src).
func (c *Depthwise16) Run(dst, src []int16, staged []byte, sums []int32) {
	if c.dense != nil {
		c.dense.Run(dst, src, staged, sums)
		return
	}
	eachImage(c.Batch, dst, src, func(dst, src []int16) {
		if c.fast != nil {
			c.fast.image(dst, src, staged, sums)
		} else {
			c.Out.image(&c.Window, dst, func(y0, x0, ch int) int64 { return c.sum(src, y0, x0, ch) })
		}
	})
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
