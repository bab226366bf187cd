package kernel

// Spread is a transposed convolution's sum: every input pixel adds its
// product with the filter to the output pixels its window covers. The Window
// is the one of the convolution it transposes: In is that convolution's input,
// here the output. Weights are [out channel][KH][KW][in channel]
// (kernels/internal/reference/integer_ops/transpose_conv.h).
type Spread[T int8 | uint8 | int16, W Byte, S int32 | int64] struct {
	Window
	Batch, InC, OutC int
	Weights          []W
	InZero           int32
	WeightZero       int32
}

// MACs returns the multiply-accumulates of one run.
func (s *Spread[T, W, S]) MACs() int64 {
	return int64(s.Batch) * int64(s.OutH) * int64(s.OutW) * int64(s.InC) * int64(s.OutC) * int64(s.KH) * int64(s.KW)
}

// Scratch returns how many sums one run needs.
func (s *Spread[T, W, S]) Scratch() int { return s.InH * s.InW * s.OutC }

// Image computes the sums of one image of the batch in acc, which has Scratch
// elements.
func (s *Spread[T, W, S]) Image(acc []S, src []T, image int) {
	clear(acc)
	for y := range s.OutH {
		for x := range s.OutW {
			at := ((image*s.OutH+y)*s.OutW + x) * s.InC
			s.pixel(src[at:at+s.InC], acc, y*s.StrideH-s.PadTop, x*s.StrideW-s.PadLeft)
		}
	}
}

// pixel adds what one input pixel gives to the window that starts at y0, x0.
func (s *Spread[T, W, S]) pixel(in []T, acc []S, y0, x0 int) {
	for ky := range s.KH {
		y := y0 + ky
		if y < 0 || y >= s.InH {
			continue
		}
		for kx := range s.KW {
			x := x0 + kx
			if x < 0 || x >= s.InW {
				continue
			}
			out := acc[(y*s.InW+x)*s.OutC:][:s.OutC]
			for o := range out {
				out[o] += s.dot(in, s.Weights[((o*s.KH+ky)*s.KW+kx)*s.InC:])
			}
		}
	}
}

func (s *Spread[T, W, S]) dot(in []T, w []W) (sum S) {
	w = w[:len(in)]
	for i, v := range in {
		sum += S((int32(v) - s.InZero) * (int32(w[i]) - s.WeightZero))
	}
	return sum
}

// Store adds the bias to sums and requantizes them to dst.
func (o *Out16) Store(dst []int16, sums, bias []int64) {
	ch := 0
	for i, s := range sums {
		dst[i] = o.store(s+bias[ch], ch)
		if ch++; ch == len(bias) {
			ch = 0
		}
	}
}

// StoreF32 adds the bias to sums and requantizes them to dst by XNNPACK's rule.
func StoreF32[T Byte](dst []T, sums, bias []int32, scale []float32, out Clamp8) {
	ch := 0
	for i, s := range sums {
		dst[i] = T(out.fp32(s+bias[ch], scale[ch]))
		if ch++; ch == len(bias) {
			ch = 0
		}
	}
}

// StoreTFLite is StoreF32 by TFLite's rule: whole blocks round up, of 8 channels
// for int8, of 16 elements for uint8 (kernels/internal/optimized/optimized_ops.h,
// Quantize).
func StoreTFLite[T Byte](dst []T, sums, bias []int32, factor []Multiplier, out Clamp8) {
	channels := len(bias)
	signed := isSigned[T]()
	for i, s := range sums {
		ch := i % channels
		up := ch < channels&^7
		if !signed {
			up = i < len(sums)&^15
		}
		v := factor[ch].Apply
		if up {
			v = factor[ch].ApplyUp
		}
		dst[i] = T(min(max(v(s+bias[ch])+out.Zero, out.Min), out.Max))
	}
}
