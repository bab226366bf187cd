package kernel

import (
	"math"
	"unsafe"
)

// convTiles16 runs a Conv16 with the matrix kernels of 8-bit layers, which leave
// their int32 sums to it. Those that multiply bytes get each input as two of them,
// x = 256 * upper + lower, and so two sums a pixel; wide ones take 16 bits as they are.
//
// An int32 holds the sums of so many products only (terms): longer windows are cut
// into chunks, and all sums of an output are added in 64 bits.
type convTiles16 struct {
	*Conv16
	v        *vector8
	in       padded
	staged   bool // the input is copied first: padded, split
	chunks   []chunk16
	panels   []int32 // [group][panel][chunk][zeros, quads][output]
	perGroup int     // panels of a group
	panelLen int     // int32 of a full panel
	groupLen int     // int32 of a group's panels; the last one may be narrow
	out      output16
	blank    tile8 // what all calls of the layer's kernels share
}

// chunk16 is a part of a window.
type chunk16 struct {
	offsets []int // bytes from a window's corner to each run of neighbouring inputs
	first   int   // weight that it begins with
	length  int   // inputs of a run
	quads   int   // of a run
	at      int   // words of one output from the panel's beginning to it
}

// terms16x8 is how many products of 16 bits by 8, each at most 2^15 * 2^7, an int32
// holds for certain: 511.
const terms16x8 = math.MaxInt32 >> (15 + 7)

// terms16 returns how many products an int32 sum of kernels holds for certain; of bytes
// each is at most 2^7 or 255 times 2^7.
func terms16(v *vector8) int {
	switch {
	case v.wide:
		return terms16x8
	case v.signed:
		return math.MaxInt32 >> (7 + 7)
	}
	return math.MaxInt32 / 255 >> 7
}

// planes returns the bytes that the kernels take for an input, one after the other.
func (t *convTiles16) planes() int {
	if t.v.wide {
		return 1
	}
	return 2
}

// layout decides where everything goes, without the memory for it.
func (c *Conv16) layout(v *vector8) *convTiles16 { return c.layoutTerms(v, terms16(v)) }

func (c *Conv16) layoutTerms(v *vector8, terms int) *convTiles16 {
	t := &convTiles16{Conv16: c, v: v, in: newPadded(c.Window, c.Groups*c.InC)}
	offsets, length := t.in.segments(c.InC)
	t.staged = !v.wide || t.in.needed || length%4 != 0
	t.chunks = chunksOf(offsets, length, terms, v.width())
	words := 0
	for i := range t.chunks {
		k := &t.chunks[i]
		k.at, k.quads = words, (k.length+3)/4
		words += 1 + len(k.offsets)*k.quads
	}
	t.perGroup = (c.OutC + v.panel - 1) / v.panel
	t.panelLen = v.panel * words
	t.groupLen = t.panelLen*(t.perGroup-1) + 16*t.v.vectors(c.OutC, t.perGroup-1)*words
	t.blank = tile8{mask: ^uint64(0), out8: out8{flip: sumsOut}, order: v.order()}
	return t
}

// chunksOf cuts a window, given by its runs of length neighbouring inputs, into parts
// of at most so many terms.
func chunksOf(offsets []int, length, terms, width int) (list []chunk16) {
	if length > terms {
		most := terms &^ 3
		for s, offset := range offsets {
			for at := 0; at < length; at += most {
				list = append(list, chunk16{offsets: []int{(offset + at) * width}, first: s*length + at, length: min(most, length-at)})
			}
		}
		return list
	}
	for s := 0; s < len(offsets); {
		k := chunk16{first: s * length, length: length}
		for ; s < len(offsets) && (len(k.offsets)+1)*length <= terms; s++ {
			k.offsets = append(k.offsets, offsets[s]*width)
		}
		list = append(list, k)
	}
	return list
}

// size returns the bytes that pack takes.
func (t *convTiles16) size() int {
	return t.Groups * (4*t.groupLen + t.sides()*int(unsafe.Sizeof(side16{})) + 8*t.OutC)
}

// sides returns the output sides of a group: those of full panels, and of the last one.
func (t *convTiles16) sides() int {
	full := (t.perGroup - 1) * t.v.panel
	return full/8 + sides16(t.OutC-full)
}

// bytes returns the size of what the input is copied to.
func (t *convTiles16) bytes() int {
	if !t.staged {
		return 0
	}
	return 2*t.in.h*t.in.w*t.in.pixel + slack8
}

// sums returns how many a worker keeps.
func (t *convTiles16) sums() int {
	return len(t.chunks) * min(batch16, t.OutH*t.OutW) * t.planes() * 16 * t.v.vectors(t.OutC, 0)
}

// image computes one image of the batch.
func (t *convTiles16) image(dst, src []int16, staged []byte, sums []int32) {
	t.prepare(src, staged)
	for g := range t.Groups {
		t.group(dst, t.staging(src, staged), sums, g, share{0, 1})
	}
}

// staging returns where kernels read an image that is prepared.
func (t *convTiles16) staging(src []int16, staged []byte) []byte {
	if t.staged {
		return staged
	}
	return bytesOf16(src)
}

// group computes a share of the channels of group g, or of its pixels.
func (t *convTiles16) group(dst []int16, in []byte, sums []int32, g int, part share) {
	p0, p1, x0, x1 := part.panels(t.perGroup, t.OutH*t.OutW)
	for p := p0; p < p1; p++ {
		most := t.v.pixels(t.v.vectors(t.OutC, p)) / t.planes()
		line := t.in.evenly(minTiles * most)
		for x := x0; x < x1; {
			n := min(most, x1-x)
			if line > 0 {
				n = min(batch16, x1-x, line-x%line)
			}
			t.some(dst, in, sums, g, p, x, n, most)
			x += n
		}
	}
}

// some computes n pixels of panel p, from first on: as many as one tile holds, or
// more at even distances.
func (t *convTiles16) some(dst []int16, in []byte, sums []int32, g, p, first, n, most int) {
	vectors, planes := t.v.vectors(t.OutC, p), t.planes()
	wide := planes * 16 * vectors // sums of a pixel
	panel := t.panels[g*t.groupLen+p*t.panelLen:]
	a := t.blank
	a.stride = 4 * 16 * vectors
	for i := range t.chunks {
		k := &t.chunks[i]
		a.panel, a.segments, a.quads, a.offsets = &panel[k.at*16*vectors], len(k.offsets), k.quads, &k.offsets[0]
		x := 0
		for _, b := range evenBlocks(n, most) {
			if b.count == 0 {
				continue
			}
			t.corners(in, first+x, b.pixels, g, &a)
			a.blocks, a.panels, a.lineRun = b.count, 1, lineRun{lines: 1}
			a.step = b.pixels * t.StrideW * t.in.pixel * t.v.width()
			a.dst = (*byte)(unsafe.Pointer(&sums[(i*n+x)*wide]))
			t.v.gemm(b.pixels*planes, vectors, &a)
			x += b.count * b.pixels
		}
	}
	f := finish16{
		parts: len(t.chunks), partStep: 4 * n * wide, pixels: n, pixelStep: 4 * wide, stride: 2 * t.Groups * t.OutC,
	}
	if planes == 2 {
		f.plane = 4 * 16 * vectors
	}
	channel := g*t.OutC + p*t.v.panel
	side := g*t.sides() + p*t.v.panel/8
	t.out.finish(&f, dst[first*t.Groups*t.OutC+channel:], sums, side, channel, min(t.v.panel, t.OutC-p*t.v.panel))
}

// corners points rows to the windows of n pixels, each as often as there are planes.
func (t *convTiles16) corners(in []byte, first, n, g int, a *tile8) {
	if t.v.wide {
		corners(&t.in, int16sOf(in), first, first+n, g*t.InC, (*[8]*int16)(unsafe.Pointer(&a.rows)))
		return
	}
	corners(&t.in, in, first, first+n, g*t.InC, &a.rows)
	plane := t.in.h * t.in.w * t.in.pixel
	for i := n - 1; i >= 0; i-- {
		a.rows[2*i+1] = (*byte)(unsafe.Add(unsafe.Pointer(a.rows[i]), plane))
		a.rows[2*i] = a.rows[i]
	}
}

// prepare copies an image to where kernels read it, with its padding.
func (t *convTiles16) prepare(src []int16, staged []byte) {
	if !t.staged {
		return
	}
	p := &t.in
	if t.v.wide {
		p.stage16(int16sOf(staged), src)
		return
	}
	upper, lower := t.v.flips16()
	plane := p.h * p.w * p.pixel
	p.around(func(dst, at, n int) {
		to, low := staged[dst:][:n], staged[plane+dst:][:n]
		if at < 0 {
			spreadBytes(to, upper)
			spreadBytes(low, lower)
		} else {
			splitWords(to, low, src[at:][:n], upper, lower)
		}
	})
}
