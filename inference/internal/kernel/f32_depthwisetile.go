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
	rolled  []int // the same in a window of rows, which begins at each of them in turn
	weights []float32
	bias    []float32
	repeat  int // pixels of a vector
}

func (d *DepthwiseF32) tiles(v *vectorF32) *depthwiseTilesF32 {
	t := &depthwiseTilesF32{DepthwiseF32: d, v: v, in: newPadded(d.Window, d.InC), weights: d.Weights, bias: d.Bias, repeat: 1}
	taps := func(list []int, top, rows int) []int {
		for ky := range d.KH {
			for kx := range d.KW {
				list = append(list, 4*((top+ky*d.DilationH)%rows*t.in.w+kx*d.DilationW)*d.InC)
			}
		}
		return list
	}
	t.offsets = taps(nil, 0, t.in.h)
	for top := range t.span() {
		t.rolled = taps(t.rolled, top, t.span())
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

// span returns the rows from the first of a window to the last.
func (t *depthwiseTilesF32) span() int { return (t.KH-1)*t.DilationH + 1 }

// run computes dst = depthwise(src). buf has in.size elements.
func (t *depthwiseTilesF32) run(dst, src, buf []float32) {
	inSize, outSize := t.InH*t.InW*t.InC, t.OutH*t.OutW*t.InC
	for b := range t.Batch {
		in, out := src[b*inSize:][:inSize], dst[b*outSize:][:outSize]
		if t.in.needed {
			t.roll(out, in, buf)
		} else {
			t.lines(out, in, share{0, 1})
		}
	}
}

// roll computes an image whose rows are copied with their padding right before they are
// read, to a window of rows that stays in the first cache: a row that is no longer needed
// makes room for the next.
func (t *depthwiseTilesF32) roll(dst, in, buf []float32) {
	span, line, taps := t.span(), t.in.w*t.InC, t.KH*t.KW
	next := 0
	for y := range t.OutH {
		top := y * t.StrideH
		for next = max(next, top); next < top+span; next++ {
			t.copyRow(buf[next%span*line:][:line], in, next-t.PadTop)
		}
		t.row(dst[y*t.OutW*t.InC:], buf, t.rolled[top%span*taps:][:taps])
	}
}

// copyRow copies row y of an image with its padding.
func (t *depthwiseTilesF32) copyRow(dst, in []float32, y int) {
	if y < 0 || y >= t.InH {
		clear(dst)
		return
	}
	left, n := t.PadLeft*t.InC, t.InW*t.InC
	clear(dst[:left])
	copy(dst[left:], in[y*n:][:n])
	clear(dst[left+n:])
}

// lines computes a share of the rows of one image, copied where that is needed.
func (t *depthwiseTilesF32) lines(dst, in []float32, part share) {
	y0, y1 := part.of(t.OutH)
	for y := y0; y < y1; y++ {
		t.row(dst[y*t.OutW*t.InC:], in[t.in.corner(y, 0):], t.offsets)
	}
}

// row computes one row of output pixels.
func (t *depthwiseTilesF32) row(dst, in []float32, offsets []int) {
	c := t.repeat * t.InC // elements of a step
	a := tapsF32{
		pixel: 4 * t.StrideW * c, offsets: &offsets[0], taps: len(offsets), weightStep: 4 * c,
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
