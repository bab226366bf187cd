package kernel

import (
	"encoding/binary"
	"unsafe"
)

// convTiles8 runs a Conv with vector kernels.
type convTiles8[T Byte] struct {
	*Conv[T]
	v        *vector8
	in       padded
	flip     byte    // of inputs on the way in
	staged   bool    // the input is copied first: padded, flipped
	elem     int     // bytes of an output: 1, or 4 for sums as they are
	panels   []int32 // [group][panel][bias, quads][output]
	perGroup int     // panels of a group
	panelLen int     // int32 of a full panel
	groupLen int     // int32 of a group's panels; the last one may be narrow
	scale    []float32
	offsets  []int // of each segment, in bytes from a window's corner as the kernels see it
	length   int   // bytes of a segment
	quads    int   // of a segment
	sums     int32 // factor of a pixel's input sum, 0 for none
	dot      bool  // a layer of few outputs of one pixel

	one   tile8   // of a layer of one pixel: all that is the same in every run
	calls []call8 // its kernels in order; nil for other layers
}

// call8 is one call of a matrix kernel for one pixel.
type call8 struct {
	panel, panels, vectors int
	left                   int // channels from the panel on, at most a panel of them
}

// tiles lays out and packs the weights for the kernels of v.
func (c *Conv[T]) tiles(v *vector8) *convTiles8[T] {
	t := c.layout(v)
	t.byDots()
	t.pack(nil)
	return t
}

// layout decides where everything goes, without the memory for it.
func (c *Conv[T]) layout(v *vector8) *convTiles8[T] {
	v = v.ofPixels(c.OutH * c.OutW)
	t := &convTiles8[T]{Conv: c, v: v, in: newPadded(c.Window, c.Groups*c.InC)}
	t.offsets, t.length = t.in.segments(c.InC)
	t.quads = (t.length + 3) / 4
	t.elem = 1
	t.flip, _ = flipOf[T](v)
	// Kernels flip the input where a copy would not be worth it, and where no narrow panel
	// is at the end: always if that is free, else for one pixel, and for pixels that pass by
	// one panel of few inputs.
	once := c.OutC <= v.panel && c.Depth() < shallow || c.OutH*c.OutW == 1
	flips := v.flipsIn && (c.OutC-1)%v.panel >= 16 && (v.flipsFree || once)
	t.staged = isSigned[T]() != v.signed && !flips || t.in.needed || t.length%4 != 0 || v.wide
	for i := range t.offsets {
		t.offsets[i] *= v.width()
	}
	if !isSigned[T]() {
		t.sums = 128 - c.WeightZero
	}
	t.perGroup = (c.OutC + t.v.panel - 1) / t.v.panel
	t.panelLen = t.v.panel * (1 + len(t.offsets)*t.quads)
	t.groupLen = t.panelLen*(t.perGroup-1) + t.panelLen/(v.panel/16)*t.vectors(t.perGroup-1)
	return t
}

// size returns the bytes that pack takes.
func (t *convTiles8[T]) size() int {
	if t.dot {
		return 4 * t.OutC * (2 + t.quads)
	}
	return 4 * t.Groups * (t.groupLen + t.perGroup*t.v.panel)
}

// vectors returns the width of panel p in vectors of 16: the last one may be
// narrow.
func (t *convTiles8[T]) vectors(p int) int { return t.v.vectors(t.OutC, p) }

// bytes returns the size of what run copies the input to, and of what kernels
// store narrow panels to.
func (t *convTiles8[T]) bytes() int {
	n := 0
	if t.staged {
		n = t.in.h*t.in.w*t.in.pixel*t.v.width() + slack8
	}
	if !t.v.masked && !t.dot {
		n += t.narrow8() * max(t.Workers, 1)
	}
	return n
}

// narrow8 is the memory for what kernels that store 16 outputs or none store
// where fewer belong: as many pixels as any takes at once.
func (t *convTiles8[T]) narrow8() int { return narrow8 * t.elem }

// run computes dst = conv(src). buf has bytes elements, sums a word a pixel
// where they count.
func (t *convTiles8[T]) run(dst, src []T, buf []byte, sums []int32) {
	inSize, outSize := t.InH*t.InW*t.in.pixel, t.OutH*t.OutW*t.Groups*t.OutC
	for b := range t.Batch {
		t.image(bytesOf(dst[b*outSize:][:outSize]), bytesOf(src[b*inSize:][:inSize]), byte(t.InZero), buf, sums)
	}
}

// image computes one image of the batch, padded with zero.
func (t *convTiles8[T]) image(dst, in []byte, zero byte, buf []byte, sums []int32) {
	in = t.prepare(in, zero, buf)
	if t.calls != nil {
		t.single(dst, in, buf)
		return
	}
	for g := range t.Groups {
		t.sumPixels(sums, in, g)
		t.group(dst, in, t.spare(buf, 0), g, sums, share{0, 1})
	}
}

// planSingle lists what group does for a layer of one pixel, of which models that look
// at a window of time have many: their kernels take less than finding them.
func (t *convTiles8[T]) planSingle() {
	if t.Groups != 1 || t.OutH*t.OutW != 1 || t.sums != 0 {
		return
	}
	t.one = t.tile8()
	for p := 0; p < t.perGroup; {
		c := call8{p, t.full(p, t.together(p, t.perGroup, t.OutH*t.OutW)), t.vectors(p), min(t.v.panel, t.OutC-p*t.v.panel)}
		t.calls = append(t.calls, c)
		p += c.panels
	}
}

// single computes one pixel.
func (t *convTiles8[T]) single(dst, in, buf []byte) {
	a := t.one
	a.rows[0] = &in[0]
	for i := range t.calls {
		c := &t.calls[i]
		to := dst[c.panel*t.v.panel*t.elem:]
		a.panel, a.scale, a.dst = &t.panels[c.panel*t.panelLen], &t.scale[c.panel*t.v.panel], &to[0]
		a.mask, a.panels, a.blocks = ^uint64(0)>>(64-c.left), c.panels, 1
		if !t.v.masked && c.left < 16 {
			t.narrow(&a, to, t.spare(buf, 0), 1, c.left)
		} else {
			t.v.gemm(1, c.vectors, &a)
		}
	}
}

// tile8 returns what all calls of the layer's kernels share.
func (t *convTiles8[T]) tile8() tile8 {
	a := tile8{stride: t.Groups * t.OutC * t.elem, segments: len(t.offsets), quads: t.quads, offsets: &t.offsets[0], out8: sideOf[T](t.Out), bytes: bytesSide(t.Out), order: t.v.order()}
	if t.elem == 4 {
		a.flip = sumsOut
	}
	a.lines = 1
	if !t.staged {
		a.flipIn = 0x01010101 * uint32(t.flip)
	}
	return a
}

// prepare stages an image where that is needed and returns what kernels read.
func (t *convTiles8[T]) prepare(in []byte, zero byte, buf []byte) []byte {
	if !t.staged {
		return in
	}
	t.in.stage(t.v, buf, in, zero, t.flip)
	return buf
}

// spare is where a worker's narrow panels go.
func (t *convTiles8[T]) spare(buf []byte, worker int) []byte {
	if t.v.masked || t.dot {
		return nil
	}
	n := t.narrow8()
	return buf[len(buf)-(worker+1)*n:][:n]
}

// stage copies an input with its padding, flipped, as the kernels see it.
func (p *padded) stage(v *vector8, dst, src []byte, zero, flip byte) {
	if !p.needed && p.KH >= p.StrideH {
		v.flip(dst, src, flip)
		return
	}
	size := v.width()
	line, in := p.w*p.pixel*size, p.InW*p.pixel
	if !p.needed { // rows that no window reads stay out
		for y := range p.OutH {
			for ky := range p.KH {
				at := y*p.StrideH + ky*p.DilationH
				v.flip(dst[at*line:], src[at*in:][:in], flip)
			}
		}
		return
	}
	left, zero := p.PadLeft*p.pixel*size, zero^flip
	// What lies between the end of a row and the beginning of the next is one run.
	end := p.PadTop*line + left
	v.spread(dst[:end], zero)
	v.flipRows(dst[end:], src[:p.InH*in], in, line/size-in, flip, zero)
	v.spread(dst[end+(p.InH-1)*line+in*size:p.h*line], zero)
}

// eachRow copies rows of n inputs as flip does, with gap inputs of one value between
// each two.
func (v *vector8) eachRow(dst, src []byte, n, gap int, flip, fill byte) {
	size := v.width()
	for ; len(src) > n; src = src[n:] {
		v.flip(dst, src[:n], flip)
		v.spread(dst[n*size:][:gap*size], fill)
		dst = dst[(n+gap)*size:]
	}
	v.flip(dst, src, flip)
}

// int16sOf returns bytes as int16.
func int16sOf(b []byte) []int16 {
	return unsafe.Slice((*int16)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/2)
}

// spreadBytes fills dst.
func spreadBytes(dst []byte, v byte) {
	spreadWords(dst, uint64(v)*0x0101010101010101)
}

// spreadWords fills dst with words, the last one cut off: some by themselves, the
// others by copies of those before.
func spreadWords(dst []byte, word uint64) {
	const some = 64
	i := 0
	for ; i+8 <= min(len(dst), some); i += 8 {
		binary.LittleEndian.PutUint64(dst[i:], word)
	}
	if i == some {
		for n := some; n < len(dst); n *= 2 {
			copy(dst[n:], dst[:n])
		}
		return
	}
	for ; i < len(dst); i++ {
		dst[i] = byte(word)
		word >>= 8
	}
}

// group computes a share of the channels of group g, or of its pixels.
func (t *convTiles8[T]) group(dst, in, spare []byte, g int, sums []int32, part share) {
	if t.dot {
		if part.part == 0 {
			t.dots(dst, in)
		}
		return
	}
	a := t.tile8()
	if t.sums == 0 {
		sums = nil
	}
	p0, p1, x0, x1 := part.panels(t.perGroup, t.OutH*t.OutW)
	for p := p0; p < p1; {
		n := t.together(p, p1, x1-x0)
		most, line := t.v.pixels(t.vectors(p)), 0
		if x1-x0 > most && (sums == nil || t.v.lines) {
			line = t.evenly(most)
		}
		a.blocks, a.lineRun = 1, lineRun{lines: 1}
		switch {
		case line > 0:
			t.lines(&a, dst, in, spare, g, p, n, x0, x1, line, sums)
		case x1-x0 <= most:
			if x0 < x1 {
				t.tile(&a, dst, in, spare, g, p, n, x0, x1, sums)
			}
		default:
			blocks := (x1 - x0 + most - 1) / most
			for i := range blocks {
				t.tile(&a, dst, in, spare, g, p, n, x0+i*(x1-x0)/blocks, x0+(i+1)*(x1-x0)/blocks, sums)
			}
		}
		p += n
	}
}

// evenly is that of the input, for lines that do well with kernels of most pixels.
func (t *convTiles8[T]) evenly(most int) int {
	least := minTiles * most
	if t.v.lines {
		least = min(least, minLine)
	}
	return t.in.evenly(least)
}

// lines computes n panels from p on for pixels [first, last), line by line.
func (t *convTiles8[T]) lines(a *tile8, dst, in, spare []byte, g, p, n, first, last, line int, sums []int32) {
	for most := t.v.pixels(t.vectors(p)); first < last; {
		end := min(last, (first/line+1)*line)
		a.lineRun = lineRun{lines: 1, lineStep: t.in.corner(1, 0) * t.v.width()}
		if t.v.lines && first%line == 0 {
			a.lines = max(min((last-first)/line, linesInL1/a.lineStep), 1)
		}
		rest := (a.lines - 1) * line
		// Blocks differ by one pixel at most: the larger ones, then the others.
		for _, b := range evenBlocks(end-first, most) {
			if a.blocks = b.count; b.count > 0 {
				a.step = b.pixels * t.StrideW * t.in.pixel * t.v.width()
				a.skip = (line - b.count*b.pixels) * a.stride
				if sums != nil {
					a.skipSums = 4 * (line - b.count*b.pixels)
				}
				t.tile(a, dst, in, spare, g, p, n, first, first+b.pixels, sums)
				first += b.count * b.pixels
			}
		}
		first += rest
	}
}

// blockRun is a number of blocks of as many pixels.
type blockRun struct{ count, pixels int }

// evenBlocks splits n pixels into as few blocks of at most most as it takes.
func evenBlocks(n, most int) [2]blockRun {
	k := (n + most - 1) / most
	return [2]blockRun{{n % k, n/k + 1}, {k - n%k, n / k}}
}

// together returns how many panels from p on so many pixels pass by at once.
func (t *convTiles8[T]) together(p, last, pixels int) int {
	n := last - p
	if t.panelLen <= panelsInL1x8 && pixels > t.v.pixels(t.vectors(p)) {
		n = min(n, max(chainInL1/t.panelLen, 1))
	}
	// A narrow panel's pixels may come in larger tiles.
	if p+n == t.perGroup && t.vectors(p+n-1) != t.vectors(p) {
		n--
	}
	return n
}

// full returns how many of n panels from p on one call takes: those that are full, or one
// that is not.
func (t *convTiles8[T]) full(p, n int) int {
	return max(min(n, (t.OutC-p*t.v.panel)/t.v.panel), 1)
}

// tile computes n panels from p on for pixels [first, last).
func (t *convTiles8[T]) tile(a *tile8, dst, in, spare []byte, g, p, n, first, last int, sums []int32) {
	if t.v.wide {
		corners(&t.in, int16sOf(in), first, last, g*t.InC, (*[8]*int16)(unsafe.Pointer(&a.rows)))
	} else {
		corners(&t.in, in, first, last, g*t.InC, &a.rows)
	}
	if sums != nil {
		copy(a.add[:], sums[first:last])
		a.sums = &sums[first]
	}
	dst = dst[(first*t.Groups*t.OutC+g*t.OutC)*t.elem:]
	for end := p + n; p < end; p += a.panels {
		a.panels = t.full(p, end-p)
		blocks, panels := a.blocks, a.panels
		t.call(a, dst[p*t.v.panel*t.elem:], spare, g, p, last-first)
		a.blocks, a.panels = blocks, panels
	}
}

// call runs the kernel for the panels from p on.
func (t *convTiles8[T]) call(a *tile8, dst, spare []byte, g, p, pixels int) {
	left := min(t.v.panel, t.OutC-p*t.v.panel)
	a.panel = &t.panels[g*t.groupLen+p*t.panelLen]
	a.scale = &t.scale[(g*t.perGroup+p)*t.v.panel]
	a.dst = &dst[0]
	a.mask = ^uint64(0) >> (64 - left)
	if !t.v.masked && left < 16 {
		t.narrow(a, dst, spare, pixels, left)
		return
	}
	t.v.gemm(pixels, t.vectors(p), a)
}

// narrow is for kernels that store whole panels only, block by block.
func (t *convTiles8[T]) narrow(a *tile8, dst, out []byte, pixels, channels int) {
	b := *a
	b.stride = 16 * t.elem
	for i := range a.blocks {
		b.dst, b.blocks, b.panels = &out[0], 1, 1
		if i > 0 {
			for r := range pixels {
				b.rows[r] = (*byte)(unsafe.Add(unsafe.Pointer(b.rows[r]), a.step))
			}
		}
		t.v.gemm(pixels, 1, &b)
		for r := range pixels {
			copy(dst[(i*pixels+r)*a.stride:][:channels*t.elem], out[b.stride*r:])
		}
	}
}

// sumPixels writes what the zero point of the weights adds to each pixel, where it
// does.
func (t *convTiles8[T]) sumPixels(sums []int32, in []byte, g int) {
	if t.sums == 0 {
		return
	}
	step := t.StrideW * t.in.pixel * t.v.width()
	line := t.in.evenly(1)
	for at := 0; at < t.OutH*t.OutW; at += line {
		row := in[(t.in.corner(at/t.OutW, 0)+g*t.InC)*t.v.width():]
		t.v.sumPixels(sums[at:][:line], row, step, t.offsets, t.length, t.sums)
	}
}
