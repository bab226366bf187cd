package kernel

import "unsafe"

// depthwiseTiles16 runs a Depthwise16 of multiplier 1 with vector kernels, which leave
// the int32 sums of some pixels to it. They hold the products of up to terms16x8 taps.
//
// Where output pixels follow each other, a vector of 16 channels may span several:
// weights are repeated until both fit.
type depthwiseTiles16 struct {
	*Depthwise16
	tier    string
	in      padded
	staged  bool
	offsets []int // bytes from a window's corner to each tap
	weights []int16
	out     output16
	repeat  int // pixels of a step
	lanes   int // channels of a step, filled up to whole vectors
	steps   int // of a row of output pixels
}

// layout decides where everything goes, without the memory for it.
func (c *Depthwise16) layout(tier string) *depthwiseTiles16 {
	t := &depthwiseTiles16{Depthwise16: c, tier: tier, in: newPadded(c.Window, c.InC), repeat: 1}
	if n := 16 / gcd(16, c.InC); c.StrideW == 1 && n <= c.OutW {
		t.repeat = n
	}
	t.lanes = (t.repeat*c.InC + 15) / 16 * 16
	t.steps = (c.OutW + t.repeat - 1) / t.repeat
	t.staged = t.in.needed || t.lanes*t.steps != c.OutW*c.InC
	for ky := range c.KH {
		for kx := range c.KW {
			t.offsets = append(t.offsets, 2*(ky*c.DilationH*t.in.w+kx*c.DilationW)*c.InC)
		}
	}
	for len(t.offsets)%tapSet16 != 0 { // with weights of 0
		t.offsets = append(t.offsets, t.offsets[0])
	}
	return t
}

// size returns the bytes that pack takes.
func (t *depthwiseTiles16) size() int {
	return 2*len(t.offsets)*t.lanes + 8*t.repeat*t.InC + sides16(t.repeat*t.InC)*int(unsafe.Sizeof(side16{}))
}

// pack rearranges the weights: sets of taps stand together, channel by channel.
func (t *depthwiseTiles16) pack(room *Room) {
	t.weights = take[int16](room, len(t.offsets)*t.lanes)
	n := t.repeat * t.InC
	for i, w := range t.Weights {
		tap, c := i/t.InC, i%t.InC
		for ; c < n; c += t.InC {
			t.weights[tap/tapSet16*tapSet16*t.lanes+c&^15*tapSet16+tapLane16(c%16, tap%tapSet16)] = int16(w)
		}
	}
	side := t.Out
	bias := make([]int64, 0, n)
	side.Factor, side.Real = nil, nil
	for range t.repeat {
		bias = append(bias, t.Bias...)
		side.Factor = append(side.Factor, t.Out.Factor...)
		side.Real = append(side.Real, t.Out.Real...)
	}
	t.out = newOutput16(&side, bias, t.KH*t.KW)
	t.out.sides = make([]side16, 0, sides16(n))
	t.out.add(0, n)
}

// bytes returns the size of what the input is copied to.
func (t *depthwiseTiles16) bytes() int {
	if !t.staged {
		return 0
	}
	return 2 * (t.in.h*t.in.w*t.InC + t.lanes)
}

// batch returns how many steps are computed at once.
func (t *depthwiseTiles16) batch() int { return min(max(depthwiseSums16/t.lanes, 1), t.steps) }

// sums returns how many Run keeps.
func (t *depthwiseTiles16) sums() int { return t.batch() * t.lanes }

// image computes one image of the batch.
func (t *depthwiseTiles16) image(dst, src []int16, staged []byte, sums []int32) {
	in := bytesOf16(src)
	if t.staged {
		t.in.stage16(int16sOf(staged), src)
		in = staged
	}
	a := taps8{
		pixel: 2 * t.StrideW * t.repeat * t.InC, offsets: &t.offsets[0], taps: len(t.offsets) / tapSet16,
		weightStep: 2 * tapSet16 * t.lanes, stride: 4 * t.lanes,
	}
	line := t.OutW * t.InC
	for y := range t.OutH {
		for first := 0; first < t.steps; first += t.batch() {
			n := min(t.batch(), t.steps-first)
			t.some(&a, in[2*(t.in.corner(y, first*t.repeat)):], sums, n)
			t.store(dst[y*line+first*t.repeat*t.InC:(y+1)*line], sums, n)
		}
	}
}

// some writes the sums of n steps.
func (t *depthwiseTiles16) some(a *taps8, in []byte, sums []int32, n int) {
	for at := 0; at < n; {
		pixels := min(n-at, depthwisePixels16)
		a.blocks = (n - at) / pixels
		a.vectors = t.lanes / 16
		a.src, a.weights = &in[at*a.pixel], (*int8)(unsafe.Pointer(&t.weights[0]))
		a.dst = (*byte)(unsafe.Pointer(&sums[at*t.lanes]))
		depthwise16(pixels, a)
		at += a.blocks * pixels
	}
}

// store turns the sums of n steps into outputs, the last of which may be short.
func (t *depthwiseTiles16) store(dst []int16, sums []int32, n int) {
	channels := t.repeat * t.InC
	f := finish16{parts: 1, pixels: min(n, len(dst)/channels), pixelStep: 4 * t.lanes, stride: 2 * channels}
	if f.pixels > 0 {
		t.out.finish(&f, dst, sums, 0, 0, channels)
	}
	if n > f.pixels {
		t.out.short(&f, dst[f.pixels*channels:], sums[f.pixels*t.lanes:])
	}
}
