package kernel

// DepthwiseF32 is a float depthwise convolution. Weights are [KH][KW][channel];
// output channel c reads input channel c / Multiplier. An output element starts
// at its bias and adds the taps row by row, as [ConvF32] does.
type DepthwiseF32 struct {
	Window
	Batch      int
	InC        int
	Multiplier int
	Weights    []float32
	Bias       []float32
	Out        Range

	fast *depthwiseTilesF32
}

// Pack prepares the layer for the vector kernels of the tier in use, if it has
// any for it.
func (d *DepthwiseF32) Pack() {
	if v := vectorsF32[Tier()]; v != nil && d.Multiplier == 1 {
		d.fast = d.tiles(v)
	}
}

// Tier names the instruction set that computes the layer.
func (d *DepthwiseF32) Tier() string {
	if d.fast != nil {
		return d.fast.v.tier
	}
	return TierGeneric
}

// Scratch returns the number of elements that Run needs.
func (d *DepthwiseF32) Scratch() int {
	if d.fast != nil {
		return d.fast.in.size()
	}
	return 0
}

// MACs returns the multiply-accumulates of one run.
func (d *DepthwiseF32) MACs() int64 {
	return int64(d.Batch) * int64(d.OutH) * int64(d.OutW) * int64(d.InC*d.Multiplier) * int64(d.KH*d.KW)
}

// Run computes dst = depthwise(src). scratch has Scratch elements.
func (d *DepthwiseF32) Run(dst, src, scratch []float32) {
	if d.fast != nil {
		d.fast.run(dst, src, scratch)
		return
	}
	outC := d.InC * d.Multiplier
	for b := range d.Batch {
		in := src[b*d.InH*d.InW*d.InC:]
		for y := range d.OutH {
			for x := range d.OutW {
				out := dst[((b*d.OutH+y)*d.OutW+x)*outC:][:outC]
				copy(out, d.Bias)
				d.pixel(in, out, y*d.StrideH-d.PadTop, x*d.StrideW-d.PadLeft)
				for c, a := range out {
					out[c] = d.Out.fit(a)
				}
			}
		}
	}
}

// Splits tells whether Prepare and then Part, for all parts in any order, do what
// Run does.
func (d *DepthwiseF32) Splits() bool { return d.fast != nil && d.Batch == 1 }

// Prepare does what all parts share.
func (d *DepthwiseF32) Prepare(src, scratch []float32) { copyPadded(&d.fast.in, src, scratch) }

// Part computes part i of n.
func (d *DepthwiseF32) Part(dst, src, scratch []float32, i, n int) {
	d.fast.lines(dst, d.fast.in.of(src, scratch), share{i, n})
}

// pixel adds all taps of the window whose corner is (y0, x0) to acc.
func (d *DepthwiseF32) pixel(in, acc []float32, y0, x0 int) {
	outC := len(acc)
	for ky := range d.KH {
		y := y0 + ky*d.DilationH
		for kx := range d.KW {
			x := x0 + kx*d.DilationW
			w := d.Weights[(ky*d.KW+kx)*outC:][:outC]
			if y < 0 || y >= d.InH || x < 0 || x >= d.InW {
				for c, v := range w {
					acc[c] = fma32(v, 0, acc[c])
				}
				continue
			}
			d.tap(acc, w, in[(y*d.InW+x)*d.InC:][:d.InC])
		}
	}
}

func (d *DepthwiseF32) tap(acc, w, in []float32) {
	c := 0
	for _, v := range in {
		for range d.Multiplier {
			acc[c] = fma32(w[c], v, acc[c])
			c++
		}
	}
}
