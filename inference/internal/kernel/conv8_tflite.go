package kernel

// ConvTFLite is an int8 convolution or fully connected layer by the rule of
// TFLite's kernels. Weights are [group][out channel][KH][KW][in channel], and
// Bias already holds -InZero * sum of weights.
type ConvTFLite struct {
	Window
	Batch     int
	Groups    int
	InC, OutC int // per group
	Weights   []int8
	Bias      []int32
	Factor    []Multiplier // per output channel: input * weight / output scale
	InZero    int8
	Out       Clamp8
	Round     func(Multiplier, int32) int32
}

// Depth is the length of one dot product and of Run's scratch.
func (c *ConvTFLite) Depth() int { return c.KH * c.KW * c.InC }

// MACs returns the multiply-accumulates of one run.
func (c *ConvTFLite) MACs() int64 {
	return int64(c.Batch) * int64(c.OutH) * int64(c.OutW) * int64(c.Groups) * int64(c.OutC) * int64(c.Depth())
}

// Run computes dst = conv(src).
func (c *ConvTFLite) Run(dst, src, row []int8) {
	k, pixel := c.Depth(), c.Groups*c.InC
	for b := range c.Batch {
		in := src[b*c.InH*c.InW*pixel:]
		for p := range c.OutH * c.OutW {
			for g := range c.Groups {
				x := gather(&c.Window, in, p, c.Groups, g, c.InC, c.InZero, row)
				for o := range c.OutC {
					ch := g*c.OutC + o
					sum := dot8(c.Bias[ch], c.Weights[ch*k:][:k], x)
					dst[ch] = c.Out.fit(c.Round(c.Factor[ch], sum))
				}
			}
			dst = dst[c.Groups*c.OutC:]
		}
	}
}

// fit adds the zero point to a requantized sum and clamps it.
func (c Clamp8) fit(v int32) int8 { return int8(min(max(v+c.Zero, c.Min), c.Max)) }

// DepthwiseTFLite is an int8 depthwise convolution by the rule of TFLite's
// kernels. Weights are [KH][KW][channel]; output channel c reads input channel
// c / Multiplier (kernels/internal/optimized/integer_ops/depthwise_conv.h).
type DepthwiseTFLite struct {
	Window
	Batch, InC, Multiplier int
	Weights                []int8
	Bias                   []int32
	Factor                 []Multiplier
	InZero                 int32
	Out                    Clamp8
}

// MACs returns the multiply-accumulates of one run.
func (d *DepthwiseTFLite) MACs() int64 {
	return int64(d.Batch) * int64(d.OutH) * int64(d.OutW) * int64(d.InC) * int64(d.Multiplier) * int64(d.KH) * int64(d.KW)
}

// Run computes dst = depthwise(src). Whole blocks of 8 channels round up.
func (d *DepthwiseTFLite) Run(dst, src []int8) {
	outC := d.InC * d.Multiplier
	blocks := outC &^ 7
	for b := range d.Batch {
		in := src[b*d.InH*d.InW*d.InC:]
		for p := range d.OutH * d.OutW {
			for ch := range outC {
				sum := d.Bias[ch] + depthwiseSum(&d.Window, in, d.Weights, p, ch, d.InC, d.Multiplier, d.InZero)
				if ch < blocks {
					dst[ch] = d.Out.fit(d.Factor[ch].ApplyUp(sum))
				} else {
					dst[ch] = d.Out.fit(d.Factor[ch].Apply(sum))
				}
			}
			dst = dst[outC:]
		}
	}
}

// depthwiseSum is channel ch of output pixel p, without bias.
func depthwiseSum(w *Window, in, weights []int8, p, ch, inC, multiplier int, zero int32) (sum int32) {
	y0, x0 := p/w.OutW*w.StrideH-w.PadTop, p%w.OutW*w.StrideW-w.PadLeft
	for ky := range w.KH {
		y := y0 + ky*w.DilationH
		for kx := range w.KW {
			x := x0 + kx*w.DilationW
			if y < 0 || y >= w.InH || x < 0 || x >= w.InW {
				continue
			}
			v := int32(in[(y*w.InW+x)*inC+ch/multiplier]) - zero
			sum += v * int32(weights[(ky*w.KW+kx)*inC*multiplier+ch])
		}
	}
	return sum
}
