package kernel

// Quantize converts float32 to 8 bits by XNNPACK's rule: times the reciprocal
// scale, rounded half to even (src/f32-qs8-vcvt). NaN gives the least value.
type Quantize struct {
	rounding
	fast *vectorRows
}

// NewQuantize chooses the kernel of the tier in use; inv is 1 / scale.
func NewQuantize(inv float32, out Clamp8) *Quantize {
	return &Quantize{newRounding(inv, out), rowsOf(Tier())}
}

// Tier names the instruction set of the kernel.
func (q *Quantize) Tier() string { return q.fast.name() }

// Run converts src to dst.
func (q *Quantize) Run(dst []byte, src []float32) { q.apply(q.fast, dst, src) }

// Dequantize converts 8 bits to float32: (q - zero) * scale.
type Dequantize struct {
	in   Side
	fast *vectorRows
}

// NewDequantize chooses the kernel of the tier in use.
func NewDequantize(in Side) *Dequantize { return &Dequantize{in, rowsOf(Tier())} }

// Tier names the instruction set of the kernel.
func (d *Dequantize) Tier() string { return d.fast.name() }

// Run converts src to dst.
func (d *Dequantize) Run(dst []float32, src []byte) {
	scale, zero := d.in.Scale, d.in.Zero
	if n := len(src) / dequantizeBlock; d.fast != nil && n > 0 {
		d.fast.dequantize(d.in.Signed, dst, src, n, scale, zero)
		dst, src = dst[n*dequantizeBlock:], src[n*dequantizeBlock:]
	}
	if d.in.Signed {
		for i, q := range src {
			dst[i] = float32(int32(int8(q))-zero) * scale
		}
		return
	}
	for i, q := range src {
		dst[i] = float32(int32(q)-zero) * scale
	}
}
