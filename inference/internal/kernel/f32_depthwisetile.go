package kernel

// depthwiseTilesF32 runs a DepthwiseF32 of multiplier 1 with vector kernels: a
// vector of channels of neighbouring pixels, whose sums stay in registers over
// all taps.
//
// Where pixels follow each other and are shorter than a vector, a vector holds
// several: weights and bias are repeated, and a row is one long pixel.
type depthwiseTilesF32 struct {
	*DepthwiseF32
	v       *vectorF32
	in      padded
	offsets []int // bytes from a window's corner to each tap
	weights []float32
	bias    []float32
	repeat  int // pixels of a vector
}

func (d *DepthwiseF32) tiles(v *vectorF32) *depthwiseTilesF32 {
	t := &depthwiseTilesF32{DepthwiseF32: d, v: v, in: newPadded(d.Window, d.InC), weights: d.Weights, bias: d.Bias, repeat: 1}
	for ky := range d.KH {
		for kx := range d.KW {
			t.offsets = append(t.offsets, 4*(ky*d.DilationH*t.in.w+kx*d.DilationW)*d.InC)
		}
	}
	if n := v.lanes / gcd(v.lanes, d.InC); d.StrideW == 1 && n > 1 && n <= d.OutW {
		t.repeat = n
		t.bias = repeated(d.Bias, d.InC, t.repeat)
		t.weights = repeated(d.Weights, d.InC, t.repeat)
	}
	return t
}

// repeated returns every run of n elements as many times as told.
func repeated(v []float32, n, times int) (out []float32) {
	for ; len(v) > 0; v = v[n:] {
		for range times {
			out = append(out, v[:n]...)
		}
	}
	return out
}

// run computes dst = depthwise(src). buf has in.size elements.
func (t *depthwiseTilesF32) run(dst, src, buf []float32) {
	inSize := t.InH * t.InW * t.InC
	for b := range t.Batch {
		in := copyPadded(&t.in, src[b*inSize:][:inSize], buf)
		t.lines(dst[b*t.OutH*t.OutW*t.InC:], in, share{0, 1})
	}
}

// lines computes a share of the rows of one image.
func (t *depthwiseTilesF32) lines(dst, in []float32, part share) {
	y0, y1 := part.of(t.OutH)
	for y := y0; y < y1; y++ {
		t.row(dst[y*t.OutW*t.InC:], in[t.in.corner(y, 0):])
	}
}

// row computes one row of output pixels.
func (t *depthwiseTilesF32) row(dst, in []float32) {
	c := t.repeat * t.InC // elements of a step
	a := tapsF32{
		pixel: 4 * t.StrideW * c, offsets: &t.offsets[0], taps: len(t.offsets), weightStep: 4 * c,
		stride: 4 * c, lo: t.Out.Lo, hi: t.Out.Hi, nan: canonicalNaN,
	}
	steps := t.OutW / t.repeat
	t.blocks(&a, dst, in, 0, steps, c)
	if left := t.OutW % t.repeat * t.InC; left > 0 { // pixels short of a step
		t.blocks(&a, dst, in, steps, 1, left)
	}
}

// blocks computes n steps from one on, of so many channels.
func (t *depthwiseTilesF32) blocks(a *tapsF32, dst, in []float32, from, n, channels int) {
	at := from * t.repeat * t.InC
	for n > 0 {
		pixels := min(n, 8)
		a.blocks = n / pixels
		a.vectors = (channels + t.v.lanes - 1) / t.v.lanes
		a.mask, a.masks = maskOf(channels - t.v.lanes*(a.vectors-1))
		a.weights, a.bias = &t.weights[0], &t.bias[0]
		a.src, a.dst = &in[at*t.StrideW], &dst[at]
		t.v.depthwise(pixels, a)
		at += a.blocks * pixels * t.repeat * t.InC
		n -= a.blocks * pixels
	}
}
