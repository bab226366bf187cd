package kernel

// DynamicConv is a convolution or fully connected layer of float values with
// int8 weights. Each image (each row of a fully connected layer) is quantized
// to int8 by the range it has, XNNPACK's rule (src/xnnpack/quantization.h);
// sums are int32, the result float32.
type DynamicConv struct {
	Conv      Conv[int8] // geometry and weights; the rest is unused
	WeightSum []int32    // per output channel
	Scale     []float32  // of the weights, per output channel
	Bias      []float32
	Out       Range

	rows  *vectorRows // with fast
	fast  *convTiles8[int8]
	byRow bool // pixels of fast are quantized one by one
}

// Scratch returns the number of bytes that Run needs, aligned to int32.
func (d *DynamicConv) Scratch() int {
	n, size := d.images()
	if d.fast != nil {
		return 8*n + n*size + slack8 + d.fast.bytes()
	}
	return size + d.Conv.Depth()
}

// Run computes dst from src. scratch has Scratch bytes.
func (d *DynamicConv) Run(dst, src []float32, scratch []byte) {
	if d.fast != nil {
		d.runFast(dst, src, scratch)
		return
	}
	c := d.Conv // its own copy: the zero point is this run's
	_, size := d.images()
	quantized, row := signedOf(scratch[:size]), signedOf(scratch[size:][:c.Depth()])
	outC := c.Groups * c.OutC
	for range c.Batch {
		s := spreadOf(d.rows.boundsOf(src[:size]))
		r := newRounding(s.scale, Clamp8{Zero: s.zero, Min: -128, Max: 127})
		r.apply(nil, scratch[:size], src[:size])
		c.InZero = int8(s.zero)
		for p := range c.OutH * c.OutW {
			for g := range c.Groups {
				d.pixel(dst, c.row(quantized, g, p, row), g, s)
			}
			dst = dst[outC:]
		}
		src = src[size:]
	}
}

// pixel computes the channels of group g of one pixel, four at a time.
func (d *DynamicConv) pixel(out []float32, row []int8, g int, s spread) {
	w, k, inv := d.Conv.Weights, d.Conv.Depth(), 1/s.scale
	last := (g+1)*d.Conv.OutC - 1
	for o := g * d.Conv.OutC; o <= last; o += Lanes {
		at := [Lanes]int{o, min(o+1, last), min(o+2, last), min(o+3, last)}
		acc := dot1x4(row, w[at[0]*k:][:k], w[at[1]*k:][:k], w[at[2]*k:][:k], w[at[3]*k:][:k])
		for i, ch := range at {
			out[ch] = d.value(acc[i], ch, s.zero, inv)
		}
	}
}

// value turns the sum of a channel into a float.
func (d *DynamicConv) value(acc int32, ch int, zero int32, inv float32) float32 {
	f := float32(float32(float32(acc-zero*d.WeightSum[ch])*inv) * d.Scale[ch])
	return d.Out.fit(f + d.Bias[ch])
}

func dot1x4(row, w0, w1, w2, w3 []int8) [Lanes]int32 {
	w0, w1, w2, w3 = w0[:len(row)], w1[:len(row)], w2[:len(row)], w3[:len(row)]
	var a0, a1, a2, a3 int32
	for i, v := range row {
		x := int32(v)
		a0 += x * int32(w0[i])
		a1 += x * int32(w1[i])
		a2 += x * int32(w2[i])
		a3 += x * int32(w3[i])
	}
	return [Lanes]int32{a0, a1, a2, a3}
}

// spread is how one image was quantized: its factor and the step of 0.
type spread struct {
	scale float32
	zero  int32
}

// spreadOf returns the factor that spreads values within [lo, hi] over 255 steps,
// and the step that 0 falls on.
func spreadOf(lo, hi float32) spread {
	s := spread{scale: 1}
	if lo != hi {
		s.scale = 255 / (hi - lo)
	}
	below, above := float32(lo*s.scale), float32(hi*s.scale)
	z := 127 - above
	if (-128+below)+(127+above) > 0 {
		z = -128 - below
	}
	if !(z > -128) {
		z = -128
	}
	s.zero = roundEven(z)
	return s
}

// boundsOf returns the smallest and the largest of 0 and the values. What is no
// number counts for nothing.
func (v *vectorRows) boundsOf(src []float32) (lo, hi float32) {
	if n := len(src) / boundsBlock; v != nil && n > 0 {
		var b [2]float32
		v.bounds(src, n, &b)
		lo, hi = b[0], b[1]
		src = src[n*boundsBlock:]
	}
	for _, x := range src {
		if x < lo {
			lo = x
		}
		if x > hi {
			hi = x
		}
	}
	return lo, hi
}
