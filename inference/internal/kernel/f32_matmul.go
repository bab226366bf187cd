package kernel

// MatMulF32 is a product of M by K and K by N numbers; rows and columns of the
// operands are that far apart.
type MatMulF32 struct {
	M, K, N                int
	ARow, ACol, BRow, BCol int
}

// Run computes dst, row by row; products add in the order of K, each by a fused
// multiply-add.
func (p *MatMulF32) Run(dst, a, b []float32) {
	for i := range p.M {
		for j := range p.N {
			sum := float32(0)
			for k := range p.K {
				sum = fma32(a[i*p.ARow+k*p.ACol], b[k*p.BRow+j*p.BCol], sum)
			}
			dst[i*p.N+j] = quiet(sum)
		}
	}
}

// MatMul8 is MatMulF32 of int8 (kernels/internal/reference/batch_matmul.h;
// XNNPACK where it takes the product).
type MatMul8 struct {
	MatMulF32
	AZero, BZero int32
	Factor       Multiplier
	Scale        float32 // XNNPACK's rule instead of Factor, where it is not 0
	Out          Clamp8
}

// Run computes dst, row by row.
func (p *MatMul8) Run(dst, a, b []int8) {
	for i := range p.M {
		for j := range p.N {
			sum := int32(0)
			for k := range p.K {
				sum += (int32(a[i*p.ARow+k*p.ACol]) - p.AZero) * (int32(b[k*p.BRow+j*p.BCol]) - p.BZero)
			}
			if p.Scale != 0 {
				dst[i*p.N+j] = int8(p.Out.fp32(sum, p.Scale))
				continue
			}
			v := p.Factor.Apply(sum) + p.Out.Zero
			dst[i*p.N+j] = int8(min(max(v, p.Out.Min), p.Out.Max))
		}
	}
}

// SpreadF32 is a transposed convolution of floats: like Spread, products added
// by fused multiply-adds in the order of input pixels and channels, then the
// bias.
type SpreadF32 struct {
	Window
	Batch, InC, OutC int
	Weights, Bias    []float32
	Range            Range
}

// Run computes dst.
func (s *SpreadF32) Run(dst, src []float32) {
	image := s.InH * s.InW * s.OutC
	for b := range s.Batch {
		out := dst[b*image:][:image]
		clear(out)
		for y := range s.OutH {
			for x := range s.OutW {
				at := ((b*s.OutH+y)*s.OutW + x) * s.InC
				s.pixel(src[at:at+s.InC], out, y*s.StrideH-s.PadTop, x*s.StrideW-s.PadLeft)
			}
		}
		for i, v := range out {
			if s.Bias != nil {
				v += s.Bias[i%s.OutC]
			}
			out[i] = s.Range.fit(quiet(v))
		}
	}
}

func (s *SpreadF32) pixel(in, out []float32, y0, x0 int) {
	for ky := range s.KH {
		for kx := range s.KW {
			y, x := y0+ky, x0+kx
			if y < 0 || y >= s.InH || x < 0 || x >= s.InW {
				continue
			}
			to := out[(y*s.InW+x)*s.OutC:][:s.OutC]
			for o := range to {
				to[o] = dotF32(to[o], s.Weights[((o*s.KH+ky)*s.KW+kx)*s.InC:][:s.InC], in)
			}
		}
	}
}
