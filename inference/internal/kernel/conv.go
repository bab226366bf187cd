package kernel

import "slices"

// Conv is a quantized convolution or fully connected layer by XNNPACK's rule.
// Weights are [group][out channel][KH][KW][in channel], and Bias already holds
// -InZero * sum of (weight - WeightZero), so that padding counts as the zero
// point.
type Conv[T Byte] struct {
	Window
	Batch     int
	Groups    int
	InC, OutC int // per group
	Weights   []T
	Bias      []int32
	Scale     []float32 // per output channel: input * weight / output scale
	InZero    T
	Out       Clamp8

	WeightZero int32 // 0 for int8
	// WeightSums, unless nil, are of each output's weights less their zero point.
	WeightSums []int32

	Workers int // that compute parts at the same time; 0 is 1

	fast *convTiles8[T]
}

// Choose takes the vector kernels of the tier in use, if it has any, and
// returns the bytes that Pack will take for them.
func (c *Conv[T]) Choose() int {
	v := layers8Of(Tier(), c.Weights)
	if v == nil || v.bounded && !bounded(c.Scale, c.Bias, c.Depth()) {
		return c.Groups * c.OutC * c.Depth()
	}
	c.fast = c.layout(v)
	c.fast.byDots()
	return c.fast.size()
}

// Pack copies the weights, rearranged for the kernels chosen.
func (c *Conv[T]) Pack(room *Room) {
	if c.fast == nil {
		c.Weights = slices.Clone(c.Weights)
		return
	}
	c.fast.pack(room)
	c.Weights, c.WeightSums = nil, nil
}

// Tier names the instruction set that computes the layer.
func (c *Conv[T]) Tier() string {
	if c.fast != nil {
		return c.fast.v.tier
	}
	return TierGeneric
}

// Depth is the length of one dot product.
func (c *Conv[T]) Depth() int { return c.KH * c.KW * c.InC }

// Lanes is how many pixels share one pass over the weights.
const Lanes = 4

// Scratch is the memory of one run.
type Scratch[T Byte] struct {
	Rows   []T     // the gathered rows of Lanes pixels
	Pairs  []int64 // the same in pairs
	Staged []byte  // the input as vector kernels want it
	Sums   []int32 // of each pixel's inputs
}

// ScratchSizes returns how many elements of each field Run needs.
func (c *Conv[T]) ScratchSizes() (rows, pairs, staged, sums int) {
	switch {
	case c.fast == nil && c.paired():
		return Lanes * c.Depth(), 2 * c.Depth(), 0, 0
	case c.fast == nil:
		return Lanes * c.Depth(), 0, 0, 0
	case c.fast.sums != 0:
		return 0, 0, c.fast.bytes(), c.OutH * c.OutW
	}
	return 0, 0, c.fast.bytes(), 0
}

// MACs returns the multiply-accumulates of one run.
func (c *Conv[T]) MACs() int64 {
	return int64(c.Batch) * int64(c.OutH) * int64(c.OutW) * int64(c.Groups) * int64(c.OutC) * int64(c.Depth())
}

// Run computes dst = conv(src).
func (c *Conv[T]) Run(dst, src []T, scratch Scratch[T]) {
	if c.fast != nil {
		c.fast.run(dst, src, scratch.Staged, scratch.Sums)
		return
	}
	pixels := c.OutH * c.OutW
	inPixel, outPixel := c.Groups*c.InC, c.Groups*c.OutC
	k := c.Depth()
	for b := range c.Batch {
		in := src[b*c.InH*c.InW*inPixel:]
		out := dst[b*pixels*outPixel:]
		for g := range c.Groups {
			for p := 0; p < pixels; p += Lanes {
				n := min(Lanes, pixels-p)
				var rows [Lanes][]T
				for i := range Lanes {
					// A short last block repeats its last pixel: one kernel
					// serves all.
					rows[i] = c.row(in, g, min(p+i, p+n-1), scratch.Rows[i*k:(i+1)*k])
				}
				c.block(out[p*outPixel:], &rows, n, g, scratch.Pairs)
			}
		}
	}
}

// Splits tells whether Prepare and then Part, for all parts in any order, do what
// Run does.
func (c *Conv[T]) Splits() bool { return c.fast != nil && c.Batch == 1 && c.Groups == 1 }

// Prepare does what all parts share.
func (c *Conv[T]) Prepare(src []T, scratch Scratch[T]) {
	in := c.fast.prepare(bytesOf(src), byte(c.InZero), scratch.Staged)
	c.fast.sumPixels(scratch.Sums, in, 0)
}

// Part computes part i of n; no two at the same time have the same worker.
func (c *Conv[T]) Part(dst, src []T, scratch Scratch[T], worker, i, n int) {
	in := bytesOf(src)
	if c.fast.staged {
		in = scratch.Staged
	}
	c.fast.group(bytesOf(dst), in, c.fast.spare(scratch.Staged, worker), 0, scratch.Sums, share{i, n})
}

// row returns the input of output pixel p as one run of Depth elements.
func (c *Conv[T]) row(in []T, g, p int, buf []T) []T {
	return gather(&c.Window, in, p, c.Groups, g, c.InC, c.InZero, buf)
}

// block computes n pixels of group g, all channels.
func (c *Conv[T]) block(out []T, rows *[Lanes][]T, n, g int, pairs []int64) {
	k := c.Depth()
	stride := c.Groups * c.OutC
	if len(pairs) > 0 {
		pair(pairs[:k], rows[0], rows[1])
		pair(pairs[k:2*k], rows[2], rows[3])
	}
	for o := range c.OutC {
		ch := g*c.OutC + o
		w := c.Weights[ch*k : (ch+1)*k]
		var acc [Lanes]int32
		if len(pairs) > 0 {
			acc = dotPairs(w, c.WeightZero, pairs[:k], pairs[k:2*k])
		} else {
			acc = dot4(w, c.WeightZero, rows)
		}
		for i := range n {
			out[i*stride+ch] = T(c.Out.fp32(acc[i]+c.Bias[ch], c.Scale[ch]))
		}
	}
}

// dot4 returns the dot products of w - zero with four rows of the same length.
func dot4[T Byte](w []T, zero int32, rows *[Lanes][]T) (acc [Lanes]int32) {
	r0, r1, r2, r3 := rows[0][:len(w)], rows[1][:len(w)], rows[2][:len(w)], rows[3][:len(w)]
	var a0, a1, a2, a3 int32
	for i, v := range w {
		x := int32(v) - zero
		a0 += x * int32(r0[i])
		a1 += x * int32(r1[i])
		a2 += x * int32(r2[i])
		a3 += x * int32(r3[i])
	}
	return [Lanes]int32{a0, a1, a2, a3}
}
