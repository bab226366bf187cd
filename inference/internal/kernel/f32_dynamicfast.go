package kernel

import "unsafe"

// dynamicRow is what one call of a vector kernel finishes: the sums of one
// pixel. Assembly knows the offsets of the fields (_generate/rows).
type dynamicRow struct {
	dst       *float32 // 0: int32 sums on the way in
	weightSum *int32   // 8
	scale     *float32 // 16
	bias      *float32 // 24
	vectors   int      // 32
	zero      int32    // 40
	inv       float32  // 44
	lo, hi    float32  // 48
	nan       uint32   // 56
}

// Choose takes the vector kernels of the tier in use, if it has any, and
// returns the bytes that Pack will take for them.
func (d *DynamicConv) Choose() int {
	v, rows := layers8Of(Tier(), d.Conv.Weights), rowsOf(Tier())
	if v == nil || rows == nil || !v.sums {
		return len(d.Conv.Weights)
	}
	c := &d.Conv
	if c.direct() && c.InH == 1 && c.InW == 1 && c.Groups == 1 {
		// One image of all rows: only their quantization differs.
		c.InW, c.OutW, c.Batch = c.Batch, c.Batch, 1
		d.byRow = true
	}
	d.rows, d.fast = rows, c.layout(v)
	t := d.fast
	t.elem = 4
	// Inputs are quantized to the kernels' own kind; behind them is slack.
	t.flip, t.staged = 0, t.in.needed || v.wide
	return t.size()
}

// Pack copies the weights, rearranged for the kernels chosen, and adds them up.
func (d *DynamicConv) Pack(room *Room) {
	c := &d.Conv
	k := c.Depth()
	for o := range d.WeightSum {
		d.WeightSum[o] = SumBytes(c.Weights[o*k:][:k])
	}
	if d.fast == nil {
		c.Weights = append([]int8(nil), c.Weights...)
		return
	}
	c.Bias, c.Scale = make([]int32, len(d.Scale)), d.Scale
	d.fast.pack(room)
	c.Weights, c.Bias = nil, nil
}

// Tier names the instruction set that computes the layer.
func (d *DynamicConv) Tier() string {
	if d.fast != nil {
		return d.fast.v.tier
	}
	return TierGeneric
}

// images returns how many parts of one image are quantized by themselves, and
// their elements.
func (d *DynamicConv) images() (n, size int) {
	c := &d.Conv
	if d.byRow {
		return c.InW, c.InC
	}
	return 1, c.InH * c.InW * c.Groups * c.InC
}

// runFast is Run with vector kernels. scratch holds what each part was
// quantized by, the quantized image, and the copy of it.
func (d *DynamicConv) runFast(dst, src []float32, scratch []byte) {
	c := &d.Conv
	n, size := d.images()
	spreads := unsafe.Slice((*spread)(unsafe.Pointer(unsafe.SliceData(scratch))), n)
	quantized := scratch[8*n:][:n*size]
	staged := scratch[8*n+n*size+slack8:]
	_, offset := flipOf[int8](d.fast.v)
	pixels, outC := c.OutH*c.OutW, c.Groups*c.OutC
	for range c.Batch {
		for i := range spreads {
			spreads[i] = d.quantize(quantized[i*size:][:size], src[i*size:][:size], offset)
		}
		d.fast.image(bytesOfFloats(dst[:pixels*outC]), quantized, byte(spreads[0].zero+offset), staged, nil)
		for p := range pixels {
			d.finish(dst[p*outC:][:outC], spreads[p*n/pixels])
		}
		dst, src = dst[pixels*outC:], src[n*size:]
	}
}

// quantize rounds an image to the kernels' own kind of bytes, which are offset
// from int8.
func (d *DynamicConv) quantize(dst []byte, src []float32, offset int32) spread {
	s := spreadOf(d.rows.boundsOf(src))
	r := newRounding(s.scale, Clamp8{Zero: s.zero + offset, Min: -128 + offset, Max: 127 + offset})
	r.apply(d.rows, dst, src)
	return s
}

// finish turns the int32 sums of one pixel into floats, in place.
func (d *DynamicConv) finish(dst []float32, s spread) {
	inv := 1 / s.scale
	lanes := d.rows.lanes()
	t := dynamicRow{vectors: len(dst) / lanes, zero: s.zero, inv: inv, lo: d.Out.Lo, hi: d.Out.Hi, nan: canonicalNaN}
	if t.vectors > 0 {
		t.dst, t.weightSum, t.scale, t.bias = &dst[0], &d.WeightSum[0], &d.Scale[0], &d.Bias[0]
		d.rows.finish(&t)
	}
	sums := unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(dst))), len(dst))
	for ch := t.vectors * lanes; ch < len(dst); ch++ {
		dst[ch] = d.value(sums[ch], ch, s.zero, inv)
	}
}

// bytesOfFloats returns the memory of floats.
func bytesOfFloats(v []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 4*len(v))
}
