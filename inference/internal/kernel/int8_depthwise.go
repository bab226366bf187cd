package kernel

import (
	"encoding/binary"
	"slices"
)

// depthwiseTiles8 runs a Depthwise of multiplier 1 with vector kernels. Four
// rows of the input are interleaved to quads, so that one product adds four
// taps of a channel; longer windows take several sets of rows. Sums stay in
// registers over all taps. Wide kernels take pairs of rows, whose 16-bit inputs
// fill as many bytes.
//
// Output rows next to each other share the quads: those of four rows of the input hold
// two windows of three, whose weights differ by a shift.
//
// Where output pixels follow each other, a vector of 16 channels may span
// several: weights are repeated until both fit.
type depthwiseTiles8[T Byte] struct {
	*Depthwise[T]
	v       *vector8
	width   int    // pixels of an interleaved row, padding included
	sets    int    // of four rows, or of two
	phases  int    // output rows that read the same sets
	offsets []int  // bytes from a window's corner to each tap
	weights []int8 // [phase][part][set][column of taps][lane][4]
	bias    []int32
	scale   []float32
	parts   int // signed bytes of a weight less its zero point, see partsOf
	repeat  int // pixels of a step
	lanes   int // channels of a step, filled up to whole vectors
}

// tiles lays out and packs the weights for the kernels of v.
func (d *Depthwise[T]) tiles(v *vector8) *depthwiseTiles8[T] {
	t := d.layout(v)
	t.pack(nil)
	return t
}

// layout decides where everything goes, without the memory for it.
func (d *Depthwise[T]) layout(v *vector8) *depthwiseTiles8[T] {
	if d.InW == 1 && d.KW == 1 && d.OutW == 1 && d.OutH >= minColumn {
		d.Window = d.turned()
	}
	t := &depthwiseTiles8[T]{Depthwise: d, v: v, repeat: 1}
	t.sets = (d.KH + t.perSet() - 1) / t.perSet()
	t.width = max(d.PadLeft+d.InW, (d.OutW-1)*d.StrideW+(d.KW-1)*d.DilationW+1)
	if d.StrideW == 1 {
		if n := 16 / gcd(16, d.InC); n <= d.OutW {
			t.repeat = n
		}
	}
	t.lanes = (t.repeat*d.InC + 15) / 16 * 16
	t.parts = t.partsOf()
	t.phases = 1
	if d.StrideH == 1 && d.DilationH == 1 {
		t.phases = min(t.perSet()*t.sets-d.KH+1, d.OutH)
	}
	return t
}

// size returns the bytes that pack takes.
func (t *depthwiseTiles8[T]) size() int {
	return t.lanes*8 + t.phases*t.phase()
}

// phase returns the bytes of an output row's weights.
func (t *depthwiseTiles8[T]) phase() int { return 4 * t.lanes * t.parts * t.sets * t.KW }

func (t *depthwiseTiles8[T]) pack(room *Room) {
	t.bias, t.scale = take[int32](room, t.lanes), take[float32](room, t.lanes)
	t.weights = take[int8](room, t.phases*t.phase())[:0]
	copy(t.bias, t.Bias)
	if isSigned[T]() != t.v.signed {
		_, offset := flipOf[T](t.v)
		for c, sum := range t.sums() {
			t.bias[c] -= offset * sum
		}
	}
	for s := range t.sets {
		for kx := range t.KW {
			t.offsets = append(t.offsets, 4*(s*t.width+kx*t.DilationW)*t.InC)
		}
	}
	absent := make([]byte, t.InC) // a row of no weight
	spreadBytes(absent, byte(t.WeightZero))
	for phase := range t.phases {
		for part := range t.parts {
			for s := range t.sets {
				for kx := range t.KW {
					t.packTap(phase, part, s, kx, absent)
				}
			}
		}
	}
	t.offsets = slices.Repeat(t.offsets, t.parts)
	for i := range t.repeat {
		copy(t.bias[i*t.InC:], t.bias[:t.InC])
		copy(t.scale[i*t.InC:], t.Scale)
	}
}

// sums returns the sums of each channel's weights less their zero point.
func (t *depthwiseTiles8[T]) sums() []int32 {
	if t.WeightSums != nil {
		return t.WeightSums
	}
	sums := make([]int32, t.InC)
	for i, w := range t.Weights {
		sums[i%t.InC] += int32(w) - t.WeightZero
	}
	return sums
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// perSet returns the rows of a set.
func (t *depthwiseTiles8[T]) perSet() int { return 4 / t.v.width() }

// partsOf returns how many signed bytes a weight less its zero point takes: one
// mostly, up to three for uint8 (255 = 127 + 127 + 1).
func (t *depthwiseTiles8[T]) partsOf() int {
	n := 1
	if t.v.wide || !t.v.narrowSums && t.centred() { // all fit
		return n
	}
	for _, w := range t.Weights {
		x := int32(w) - t.WeightZero
		for rest := x - t.fits(x); rest != 0; rest -= t.fits(rest) {
			n = max(n, 2)
			if rest != t.fits(rest) {
				n = 3
			}
		}
	}
	return n
}

// centred tells whether weights less their zero point are int8.
func (t *depthwiseTiles8[T]) centred() bool { return isSigned[T]() || t.WeightZero == 128 }

// fits returns what of x a weight of the kernels can be.
func (t *depthwiseTiles8[T]) fits(x int32) int32 {
	if t.v.wide {
		return x
	}
	if t.v.narrowSums {
		return min(max(x, -127), 127)
	}
	return min(max(x, -128), 127)
}

// packTap adds one column of four rows.
func (t *depthwiseTiles8[T]) packTap(phase, part, set, kx int, absent []byte) {
	quads := t.weights[len(t.weights):][:4*t.lanes]
	t.weights = t.weights[:len(t.weights)+len(quads)]
	var rows [4][]byte
	for r := range t.perSet() {
		rows[r] = absent
		if ky := t.perSet()*set + r - phase; ky >= 0 && ky < t.KH {
			rows[r] = bytesOf(t.Weights)[(ky*t.KW+kx)*t.InC:][:t.InC]
		}
	}
	n := t.InC
	if t.parts > 1 || n < 16 || !t.centred() {
		for r := range t.perSet() {
			t.packRow(quads, rows[r], r, part)
		}
	} else { // as inputs are
		dst, sign := bytesOf(quads), byte(t.WeightZero) // 0, or the bit that int8 has the other way
		t.v.interleave(dst, &rows, n/16, sign)
		if n%16 != 0 {
			for r := range t.perSet() { // what is left, with some of what is done
				rows[r] = rows[r][n-16:]
			}
			t.v.interleave(dst[4*(n-16):], &rows, 1, sign)
		}
	}
	for i := 1; i < t.repeat; i++ {
		copy(quads[4*i*t.InC:], quads[:4*t.InC])
	}
}

// packRow writes a part of the weights of row r of a set.
func (t *depthwiseTiles8[T]) packRow(quads []int8, row []byte, r, part int) {
	zero := byte(t.WeightZero)
	if t.parts == 1 && !t.v.wide {
		quads = quads[r:]
		for c, w := range row {
			quads[4*c] = int8(w - zero)
		}
		return
	}
	for c, w := range row {
		x := int32(T(w)) - t.WeightZero
		// Each part takes what fits, the next one the rest.
		fits := t.fits(x)
		for range part {
			x -= fits
			fits = t.fits(x)
		}
		if t.v.wide {
			quads[4*c+2*r], quads[4*c+2*r+1] = int8(fits), int8(fits>>8)
		} else {
			quads[4*c+r] = int8(fits)
		}
	}
}

// bytes returns the size of the interleaved rows, of a row of padding, and of
// what narrow stores to.
func (t *depthwiseTiles8[T]) bytes() int {
	return 4*t.sets*t.width*t.InC + slack8 + t.InW*t.InC + narrow8
}

// run computes a share of the rows of dst = depthwise(src). buf has bytes elements.
func (t *depthwiseTiles8[T]) run(dst, src []T, buf []byte, part share) {
	quads := buf[:4*t.sets*t.width*t.InC+slack8]
	zeros := buf[len(quads):][:t.InW*t.InC]
	spare := buf[len(quads)+len(zeros):][:narrow8]
	spreadBytes(zeros, byte(t.InZero))
	flip, _ := flipOf[T](t.v)
	for s := range t.sets {
		row := quads[4*s*t.width*t.InC:][:4*t.width*t.InC]
		t.v.spread(row[:4*t.PadLeft*t.InC], byte(t.InZero)^flip)
		t.v.spread(row[4*(t.PadLeft+t.InW)*t.InC:], byte(t.InZero)^flip)
	}
	in, out := bytesOf(src), bytesOf(dst)
	inSize, line := t.InH*t.InW*t.InC, t.OutW*t.InC
	y0, y1 := part.of(t.OutH)
	a := t.taps8()
	for b := range t.Batch {
		for y := y0; y < y1; y += t.phases {
			t.interleave(quads, in[b*inSize:][:inSize], zeros, y)
			rows := min(t.phases, y1-y)
			for r := 0; r < rows; r += a.rows {
				a.rows = 1
				if t.v.twoRows && rows-r > 1 {
					a.rows = 2
				}
				t.row(&a, out[(b*t.OutH+y+r)*line:][:a.rows*line], quads, spare, r)
			}
		}
	}
}

// interleave prepares the rows that the output rows from y on read.
func (t *depthwiseTiles8[T]) interleave(quads, in, zeros []byte, y int) {
	flip, _ := flipOf[T](t.v)
	n, per := t.InW*t.InC, t.perSet()
	for s := range t.sets {
		var rows [4][]byte
		for r := range per {
			rows[r] = zeros // of no weight, or outside
			iy := y*t.StrideH - t.PadTop + (per*s+r)*t.DilationH
			if per*s+r < t.KH+t.phases-1 && iy >= 0 && iy < t.InH {
				rows[r] = in[iy*n:][:n]
			}
		}
		dst := quads[4*(s*t.width+t.PadLeft)*t.InC:][:4*n]
		if n >= 16 {
			t.v.interleave(dst, &rows, n/16, flip)
			if n%16 == 0 {
				continue
			}
			for r := range per { // what is left, with some of what is done
				rows[r] = rows[r][n-16:]
			}
			t.v.interleave(dst[4*(n-16):], &rows, 1, flip)
			continue
		}
		for i := range n {
			for r := range per {
				if x := rows[r][i] ^ flip; t.v.wide {
					binary.LittleEndian.PutUint16(dst[4*i+2*r:], uint16(int8(x)))
				} else {
					dst[4*i+r] = x
				}
			}
		}
	}
}

// taps8 returns what all calls of the layer's kernels share.
func (t *depthwiseTiles8[T]) taps8() taps8 {
	step := t.repeat * t.InC
	return taps8{
		pixel: 4 * t.StrideW * step, offsets: &t.offsets[0], taps: len(t.offsets), weightStep: 4 * t.lanes, stride: step,
		phase: t.phase(), line: t.OutW * t.InC, bytes: bytesSide(t.Out),
		out8: sideOf[T](t.Out), order: t.v.order(),
	}
}

// row computes one row of output pixels, or two, from that of a phase on.
func (t *depthwiseTiles8[T]) row(a *taps8, dst, quads, spare []byte, phase int) {
	steps := t.OutW / t.repeat
	weights := t.weights[phase*a.phase:]
	t.blocks(a, dst, quads, spare, weights, 0, steps, t.repeat*t.InC)
	if left := t.OutW % t.repeat * t.InC; left > 0 { // pixels short of a step
		t.blocks(a, dst, quads, spare, weights, steps, 1, left)
	}
}

// blocks computes n steps from one on, of so many channels.
func (t *depthwiseTiles8[T]) blocks(a *taps8, dst, quads, spare []byte, weights []int8, from, n, channels int) {
	at := from * t.repeat * t.InC
	for n > 0 {
		pixels := min(n, t.v.depthwisePixels())
		a.blocks = n / pixels
		whole := channels
		if !t.v.masked {
			whole &^= 15
			t.narrow(a, dst[at:], quads[4*at*t.StrideW:], spare, weights, pixels, whole, channels)
		}
		if whole > 0 {
			a.vectors = (whole + 15) / 16
			a.mask = 1<<(whole-16*(a.vectors-1)) - 1
			t.call(a, &dst[at], quads[4*at*t.StrideW:], weights, pixels, 0)
		}
		at += a.blocks * pixels * t.repeat * t.InC
		n -= a.blocks * pixels
	}
}

// call runs a kernel on the vectors from channel c on.
func (t *depthwiseTiles8[T]) call(a *taps8, dst *byte, quads []byte, weights []int8, pixels, c int) {
	a.weights, a.bias, a.scale = &weights[4*c], &t.bias[c], &t.scale[c]
	a.src, a.dst = &quads[4*c], dst
	t.v.depthwise(pixels, a)
}

// narrow computes channels [first, last), less than a vector, for kernels that
// store whole ones only.
func (t *depthwiseTiles8[T]) narrow(a *taps8, dst, quads, out []byte, weights []int8, pixels, first, last int) {
	if first == last {
		return
	}
	blocks, stride := a.blocks, a.stride
	a.vectors, a.blocks, a.stride = 1, 1, 16
	for b := range blocks {
		t.call(a, &out[0], quads[b*pixels*a.pixel:], weights, pixels, first)
		for i := range pixels {
			copy(dst[(b*pixels+i)*stride+first:][:last-first], out[16*i:])
		}
	}
	a.blocks, a.stride = blocks, stride
}
