package kernel

// DepthwiseF32 is a float depthwise convolution. Weights are [KH][KW][channel];
// output channel c reads input channel c / Multiplier. An output element starts
// at its bias and adds the taps row by row, rounded as in [ConvF32]; a tap
// outside the input is left out.
type DepthwiseF32 struct {
	Window
	Batch      int
	InC        int
	Multiplier int
	Weights    []float32
	Bias       []float32
	Out        Range
}

// MACs returns the multiply-accumulates of one run.
func (d *DepthwiseF32) MACs() int64 {
	return int64(d.Batch) * int64(d.OutH) * int64(d.OutW) * int64(d.InC*d.Multiplier) * int64(d.KH*d.KW)
}

// Run computes dst = depthwise(src).
func (d *DepthwiseF32) Run(dst, src []float32) {
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

// pixel adds all taps of the window whose corner is (y0, x0) to acc.
func (d *DepthwiseF32) pixel(in, acc []float32, y0, x0 int) {
	outC := len(acc)
	for ky := range d.KH {
		y := y0 + ky*d.DilationH
		if y < 0 || y >= d.InH {
			continue
		}
		row := in[y*d.InW*d.InC:][:d.InW*d.InC]
		w := d.Weights[ky*d.KW*outC:][:d.KW*outC]
		if d.KW == 3 && d.Multiplier == 1 && d.DilationW == 1 && x0 >= 0 && x0+3 <= d.InW {
			tap3F32(acc, w, row[x0*d.InC:])
			continue
		}
		for kx := range d.KW {
			if x := x0 + kx*d.DilationW; x >= 0 && x < d.InW {
				d.tap(acc, w[kx*outC:][:outC], row[x*d.InC:][:d.InC])
			}
		}
	}
}

// tap3F32 adds three neighbouring taps of as many channels.
func tap3F32(acc, w, in []float32) {
	n := len(acc)
	w0, w1, w2 := w[:n], w[n:][:n], w[2*n:][:n]
	x0, x1, x2 := in[:n], in[n:][:n], in[2*n:][:n]
	for c, a := range acc {
		a += float32(w0[c] * x0[c])
		a += float32(w1[c] * x1[c])
		a += float32(w2[c] * x2[c])
		acc[c] = a
	}
}

func (d *DepthwiseF32) tap(acc, w, in []float32) {
	if d.Multiplier == 1 {
		in, w = in[:len(acc)], w[:len(acc)]
		for c := range acc {
			acc[c] += float32(in[c] * w[c])
		}
		return
	}
	c := 0
	for _, v := range in {
		for range d.Multiplier {
			acc[c] += float32(v * w[c])
			c++
		}
	}
}
