package kernel

// convTilesF32 runs a ConvF32 with vector kernels: tiles of neighbouring
// outputs of several pixels, each output one sum in the order of its weights.
type convTilesF32 struct {
	*ConvF32
	v        *vectorF32
	in       padded
	panels   []float32 // [group][panel][bias, elements][output]
	perGroup int       // panels of a group
	panelLen int       // elements of a full panel
	groupLen int       // elements of a group's panels; the last one may be narrow
	offsets  []int     // of each segment, in elements from a window's corner
	length   int       // elements of a segment
}

// tiles lays out and packs the weights for the kernels of v.
func (c *ConvF32) tiles(v *vectorF32) *convTilesF32 {
	t := c.layout(v)
	t.pack(nil)
	return t
}

// layout decides where everything goes, without the memory for it.
func (c *ConvF32) layout(v *vectorF32) *convTilesF32 {
	t := &convTilesF32{ConvF32: c, v: v, in: newPadded(c.Window, c.Groups*c.InC)}
	t.offsets, t.length = t.in.segments(c.InC)
	n := 2 * v.lanes
	t.perGroup = (c.OutC + n - 1) / n
	t.panelLen = n * (1 + c.Depth())
	t.groupLen = t.panelLen*(t.perGroup-1) + t.lanesOf(t.perGroup-1)*(1+c.Depth())
	return t
}

func (t *convTilesF32) pack(room *Room) {
	t.panels = take[float32](room, t.Groups*t.groupLen)
	n := 2 * t.v.lanes
	for g := range t.Groups {
		for o := range t.OutC {
			t.packChannel(g*t.OutC+o, t.lanesOf(o/n), t.panels[g*t.groupLen+o/n*t.panelLen+o%n:])
		}
	}
}

// lanesOf returns the width of panel p: two vectors, or one if that holds the
// last channels.
func (t *convTilesF32) lanesOf(p int) int {
	if t.OutC-2*t.v.lanes*p <= t.v.lanes {
		return t.v.lanes
	}
	return 2 * t.v.lanes
}

// packChannel writes bias and weights of a channel to its column of a panel of
// n lanes.
func (t *convTilesF32) packChannel(ch, n int, panel []float32) {
	k := t.Depth()
	panel[0] = t.Bias[ch]
	for i, w := range t.Weights[ch*k:][:k] {
		panel[(1+i)*n] = w
	}
}

// run computes dst = conv(src). buf has in.size elements.
func (t *convTilesF32) run(dst, src, buf []float32) {
	inSize, outSize := t.InH*t.InW*t.in.pixel, t.OutH*t.OutW*t.Groups*t.OutC
	for b := range t.Batch {
		in := copyPadded(&t.in, src[b*inSize:][:inSize], buf)
		for g := range t.Groups {
			t.group(dst[b*outSize:][:outSize], in, g, share{0, 1})
		}
	}
}

// group computes a share of the channels of group g, or of its pixels.
func (t *convTilesF32) group(dst, in []float32, g int, part share) {
	a := tileF32{
		stride: 4 * t.Groups * t.OutC, segments: len(t.offsets), length: t.length, offsets: &t.offsets[0],
		lo: t.Out.Lo, hi: t.Out.Hi, nan: canonicalNaN, size: 4 * t.panelLen,
	}
	pixels := t.OutH * t.OutW
	p0, p1, x0, x1 := part.panels(t.perGroup, pixels)
	if pixels == 1 {
		if x1 > x0 {
			t.single(&a, dst, in, g, p0, p1)
		}
		return
	}
	if t.panelLen <= panelInL1 {
		for p := p0; p < p1; p++ {
			t.lines(&a, dst, in, g, p, x0, x1)
		}
		return
	}
	most := t.v.pixels(t.lanesOf(p0) / t.v.lanes)
	blocks := (x1 - x0 + most - 1) / most
	for i := range blocks {
		for p := p0; p < p1; p++ {
			t.tile(&a, dst, in, g, p, x0+i*(x1-x0)/blocks, x0+(i+1)*(x1-x0)/blocks)
		}
	}
}

// lines computes panel p for pixels [first, last), in as few calls as their windows
// allow.
func (t *convTilesF32) lines(a *tileF32, dst, in []float32, g, p, first, last int) {
	most := t.v.pixels(t.lanesOf(p) / t.v.lanes)
	line := t.in.evenly(minTiles * most)
	if a.turn = 4 * (t.in.corner(1, 0) - t.in.corner(0, t.OutW)); t.v.turns && (a.turn == 0 || t.OutW >= most) {
		line = last // at most one turn in a block
	}
	if line == 0 {
		blocks, n := (last-first+most-1)/most, last-first
		a.blocks = 1
		for i := range blocks {
			t.tile(a, dst, in, g, p, first+i*n/blocks, first+(i+1)*n/blocks)
		}
		return
	}
	for first < last {
		end := min(last, (first/line+1)*line)
		t.blocks(a, dst, in, g, p, first, end, most)
		first = end
	}
}

// blocks computes panel p for pixels [first, last), in blocks that differ by one pixel
// at most.
func (t *convTilesF32) blocks(a *tileF32, dst, in []float32, g, p, first, last, most int) {
	a.pixel, a.line = 4*t.StrideW*t.in.pixel, t.OutW
	for _, b := range evenBlocks(last-first, most) {
		if a.blocks = b.count; b.count > 0 {
			a.step, a.left = b.pixels*a.pixel, t.OutW-first%t.OutW
			t.tile(a, dst, in, g, p, first, first+b.pixels)
			first += b.count * b.pixels
		}
	}
}

// tile computes panel p for pixels [first, last).
func (t *convTilesF32) tile(a *tileF32, dst, in []float32, g, p, first, last int) {
	corners(&t.in, in, first, last, g*t.InC, &a.rows)
	t.panel(a, dst[first*t.Groups*t.OutC:], g, p)
	t.v.gemm(last-first, t.lanesOf(p)/t.v.lanes, a)
}

// panel points a at panel p and its place in dst.
func (t *convTilesF32) panel(a *tileF32, dst []float32, g, p int) {
	n := 2 * t.v.lanes
	a.panel = &t.panels[g*t.groupLen+p*t.panelLen]
	a.dst = &dst[g*t.OutC+p*n]
	a.blocks = max(a.blocks, 1)
	bits, lanes := maskOf(min(n, t.OutC-p*n))
	a.mask = [2]uint32{bits & (1<<t.v.lanes - 1), bits >> t.v.lanes}
	a.masks = lanes
}

// single computes panels [p, last) of one pixel: four at a time as long as they are
// full.
func (t *convTilesF32) single(a *tileF32, dst, in []float32, g, p, last int) {
	corners(&t.in, in, 0, 1, g*t.InC, &a.rows)
	if len(t.offsets) == 1 {
		for ; p+4 <= last && (p+4)*2*t.v.lanes <= t.OutC; p += 4 {
			t.panel(a, dst, g, p)
			t.v.gemv(a)
		}
	}
	for ; p < last; p++ {
		t.panel(a, dst, g, p)
		t.v.gemm(1, t.lanesOf(p)/t.v.lanes, a)
	}
}
