package kernel

import "slices"

// ConvF32 is a float convolution or fully connected layer. Weights are [group]
// [out channel][KH][KW][in channel].
//
// Each output element starts at its bias and adds one product after the other,
// in the order of its weights, each by one fused multiply-add. Padding counts
// as 0. A faster kernel computes several elements at once, never one element in
// another order.
type ConvF32 struct {
	Window
	Batch     int
	Groups    int
	InC, OutC int // per group
	Weights   []float32
	Bias      []float32
	Out       Range

	fast *convTilesF32
}

// Choose takes the vector kernels of the tier in use, if it has any, and
// returns the bytes that Pack will take for them.
func (c *ConvF32) Choose() int {
	v := vectorsF32[Tier()]
	if v == nil {
		return 4 * len(c.Weights)
	}
	c.fast = c.layout(v)
	return 4 * c.Groups * c.fast.groupLen
}

// Pack copies the weights, rearranged for the kernels chosen.
func (c *ConvF32) Pack(room *Room) {
	if c.fast == nil {
		c.Weights = slices.Clone(c.Weights)
		return
	}
	c.fast.pack(room)
	c.Weights = nil
}

// Tier names the instruction set that computes the layer.
func (c *ConvF32) Tier() string {
	if c.fast != nil {
		return c.fast.v.tier
	}
	return TierGeneric
}

// Scratch returns the number of elements that Run needs.
func (c *ConvF32) Scratch() int {
	if c.fast != nil {
		return c.fast.in.size()
	}
	return Lanes * c.Depth()
}

// Depth is the length of one dot product.
func (c *ConvF32) Depth() int { return c.KH * c.KW * c.InC }

// MACs returns the multiply-accumulates of one run.
func (c *ConvF32) MACs() int64 {
	return int64(c.Batch) * int64(c.OutH) * int64(c.OutW) * int64(c.Groups) * int64(c.OutC) * int64(c.Depth())
}

// Run computes dst = conv(src). scratch has Scratch elements.
func (c *ConvF32) Run(dst, src, scratch []float32) {
	if c.fast != nil {
		c.fast.run(dst, src, scratch)
		return
	}
	pixels, k := c.OutH*c.OutW, c.Depth()
	inPixel, outPixel := c.Groups*c.InC, c.Groups*c.OutC
	for b := range c.Batch {
		in := src[b*c.InH*c.InW*inPixel:]
		out := dst[b*pixels*outPixel:]
		for g := range c.Groups {
			p := 0
			for ; p+Lanes <= pixels; p += Lanes {
				var rows [Lanes][]float32
				for i := range Lanes {
					rows[i] = c.row(in, g, p+i, scratch[i*k:(i+1)*k])
				}
				c.block(out[p*outPixel:], &rows, g)
			}
			for ; p < pixels; p++ {
				c.single(out[p*outPixel:], c.row(in, g, p, scratch[:k]), g)
			}
		}
	}
}

// Splits tells whether Prepare and then Part, for all parts in any order, do what
// Run does.
func (c *ConvF32) Splits() bool { return c.fast != nil && c.Batch == 1 && c.Groups == 1 }

// Prepare does what all parts share.
func (c *ConvF32) Prepare(src, scratch []float32) { copyPadded(&c.fast.in, src, scratch) }

// Part computes part i of n.
func (c *ConvF32) Part(dst, src, scratch []float32, i, n int) {
	c.fast.group(dst, c.fast.in.of(src, scratch), 0, share{i, n})
}

// row returns the input of output pixel p as one run of Depth elements.
func (c *ConvF32) row(in []float32, g, p int, buf []float32) []float32 {
	return gather(&c.Window, in, p, c.Groups, g, c.InC, 0, buf)
}

// block computes four pixels of group g, all channels, two at a time.
func (c *ConvF32) block(out []float32, rows *[Lanes][]float32, g int) {
	k, stride := c.Depth(), c.Groups*c.OutC
	first := g * c.OutC
	for o := 0; o < c.OutC; o += 2 {
		// An odd last channel is computed twice: one kernel serves all.
		a, b := first+o, first+min(o+1, c.OutC-1)
		acc := dot4x2F32(c.Weights[a*k:(a+1)*k], c.Weights[b*k:(b+1)*k], rows, c.Bias[a], c.Bias[b])
		for i := range Lanes {
			out[i*stride+a] = c.Out.fit(acc[2*i])
			out[i*stride+b] = c.Out.fit(acc[2*i+1])
		}
	}
}

// dot4x2F32 returns the products of four rows with two of weights.
func dot4x2F32(v, w []float32, rows *[Lanes][]float32, sv, sw float32) [2 * Lanes]float32 {
	w = w[:len(v)]
	r0, r1, r2, r3 := rows[0][:len(v)], rows[1][:len(v)], rows[2][:len(v)], rows[3][:len(v)]
	v0, v1, v2, v3 := sv, sv, sv, sv
	w0, w1, w2, w3 := sw, sw, sw, sw
	for i, a := range v {
		b := w[i]
		x0, x1, x2, x3 := r0[i], r1[i], r2[i], r3[i]
		v0 = fma32(a, x0, v0)
		w0 = fma32(b, x0, w0)
		v1 = fma32(a, x1, v1)
		w1 = fma32(b, x1, w1)
		v2 = fma32(a, x2, v2)
		w2 = fma32(b, x2, w2)
		v3 = fma32(a, x3, v3)
		w3 = fma32(b, x3, w3)
	}
	return [2 * Lanes]float32{v0, w0, v1, w1, v2, w2, v3, w3}
}

// single computes one pixel of group g, four channels at a time.
func (c *ConvF32) single(out, row []float32, g int) {
	k := c.Depth()
	last := (g+1)*c.OutC - 1
	for o := g * c.OutC; o <= last; o += Lanes {
		var w [Lanes][]float32
		var acc [Lanes]float32
		for i := range Lanes {
			ch := min(o+i, last)
			w[i], acc[i] = c.Weights[ch*k:(ch+1)*k], c.Bias[ch]
		}
		dot1x4F32(row, &w, &acc)
		for i := range min(Lanes, last+1-o) {
			out[o+i] = c.Out.fit(acc[i])
		}
	}
}

// dot1x4F32 adds the products of one row with four of weights to acc.
func dot1x4F32(row []float32, w *[Lanes][]float32, acc *[Lanes]float32) {
	w0, w1, w2, w3 := w[0][:len(row)], w[1][:len(row)], w[2][:len(row)], w[3][:len(row)]
	a0, a1, a2, a3 := acc[0], acc[1], acc[2], acc[3]
	for i, x := range row {
		a0 = fma32(w0[i], x, a0)
		a1 = fma32(w1[i], x, a1)
		a2 = fma32(w2[i], x, a2)
		a3 = fma32(w3[i], x, a3)
	}
	*acc = [Lanes]float32{a0, a1, a2, a3}
}
