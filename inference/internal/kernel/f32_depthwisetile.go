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
	if d.StrideW == 1 && v.lanes%d.InC == 0 && d.OutW >= v.lanes/d.InC {
		t.repeat = v.lanes / d.InC
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
		in := copyPadded(&t.in, src[b*inSize:][:inSize], buf, 0)
		for y := range t.OutH {
			t.row(dst[(b*t.OutH+y)*t.OutW*t.InC:], in[t.in.corner(y, 0):])
		}
	}
}

// row computes one row of output pixels.
func (t *depthwiseTilesF32) row(dst, in []float32) {
	c := t.repeat * t.InC // elements of a step
	a := tapsF32{
		pixel: 4 * t.StrideW * c, offsets: &t.offsets[0], taps: len(t.offsets), weightStep: 4 * c,
		stride: 4 * c, lo: t.Out.Lo, hi: t.Out.Hi, nan: canonicalNaN,
	}
	for first := 0; first < c; first += t.v.lanes {
		x := t.blocks(&a, dst, in, first, min(t.v.lanes, c-first), t.OutW/t.repeat)
		if left := t.OutW - x*t.repeat; left > 0 { // pixels short of a vector
			t.blocks(&a, dst[x*c:], in[x*c:], first, left*t.InC, 1)
		}
	}
}

// blocks computes a number of steps in lanes [first, first+lanes) and returns
// it.
func (t *depthwiseTilesF32) blocks(a *tapsF32, dst, in []float32, first, lanes, steps int) int {
	a.mask, a.masks = maskOf(lanes)
	a.weights, a.bias = &t.weights[first], &t.bias[first]
	x := 0
	for _, n := range depthwiseTiles {
		if a.blocks = (steps - x) / n; a.blocks > 0 {
			at := x * t.repeat * t.InC
			a.src, a.dst = &in[at*t.StrideW+first], &dst[at+first]
			t.v.depthwise(n, a)
			x += a.blocks * n
		}
	}
	return steps
}

// depthwiseTiles are the numbers of pixels that kernels exist for.
var depthwiseTiles = [...]int{8, 4, 1}
