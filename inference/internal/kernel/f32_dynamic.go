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
}

// Image is the number of elements that are quantized together.
func (d *DynamicConv) Image() int {
	return d.Conv.InH * d.Conv.InW * d.Conv.Groups * d.Conv.InC
}

// Run computes dst from src. quantized has Image bytes, row Depth.
func (d *DynamicConv) Run(dst, src []float32, quantized, row []int8) {
	c := d.Conv // its own copy: the zero point is this run's
	size, k := d.Image(), c.Depth()
	outC := c.Groups * c.OutC
	for range c.Batch {
		scale, zero := dynamicScale(src[:size])
		quantizeDynamic(quantized, src[:size], scale, zero)
		c.InZero = int8(zero)
		inv := 1 / scale
		for p := range c.OutH * c.OutW {
			for g := range c.Groups {
				d.pixel(dst, c.row(quantized, g, p, row), g, k, zero, inv)
			}
			dst = dst[outC:]
		}
		src = src[size:]
	}
}

// pixel computes the channels of group g of one pixel, four at a time.
func (d *DynamicConv) pixel(out []float32, row []int8, g, k int, zero int32, inv float32) {
	w := d.Conv.Weights
	last := (g+1)*d.Conv.OutC - 1
	for o := g * d.Conv.OutC; o <= last; o += Lanes {
		at := [Lanes]int{o, min(o+1, last), min(o+2, last), min(o+3, last)}
		acc := dot1x4(row, w[at[0]*k:][:k], w[at[1]*k:][:k], w[at[2]*k:][:k], w[at[3]*k:][:k])
		for i, ch := range at {
			f := float32(float32(float32(acc[i]-zero*d.WeightSum[ch])*inv) * d.Scale[ch])
			out[ch] = d.Out.fit(f + d.Bias[ch])
		}
	}
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

// dynamicScale returns the factor that spreads the values, and 0, over 255
// steps, and the step that 0 falls on. A value that is no number counts for
// nothing.
func dynamicScale(v []float32) (scale float32, zero int32) {
	var lo, hi float32
	for _, x := range v {
		if x < lo {
			lo = x
		}
		if x > hi {
			hi = x
		}
	}
	scale = 1
	if lo != hi {
		scale = 255 / (hi - lo)
	}
	below, above := float32(lo*scale), float32(hi*scale)
	z := 127 - above
	if (-128+below)+(127+above) > 0 {
		z = -128 - below
	}
	if !(z > -128) {
		z = -128
	}
	return scale, roundEven(min(z, 127))
}

// quantizeDynamic rounds half to even; what is no number gives -128.
func quantizeDynamic(dst []int8, src []float32, scale float32, zero int32) {
	lo, hi := float32(-128-zero), float32(127-zero)
	for i, x := range src {
		v := float32(x * scale)
		if !(v > lo) {
			v = lo
		}
		dst[i] = int8(roundEven(min(v, hi)) + zero)
	}
}
