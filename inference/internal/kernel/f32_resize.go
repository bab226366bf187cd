package kernel

// TapF32 is one output row or column of a bilinear resize: two source positions
// and the weight of the second.
type TapF32 struct {
	A, B   int
	Weight float32
}

// BilinearTapsF32 resamples in positions to out as [BilinearTaps] does, without
// rounding the weight.
func BilinearTapsF32(in, out int, alignCorners, halfPixel bool) []TapF32 {
	adjust := 0
	if alignCorners && out != 1 {
		adjust = 1
	}
	scale := float32(in-adjust) / float32(out-adjust)
	offset := float32(0)
	if halfPixel && !alignCorners {
		offset = float32(0.5*scale) - 0.5
	}
	taps := make([]TapF32, out)
	for i := range taps {
		v := float32(float32(i)*scale) + offset
		v = min(max(v, 0), float32(in-1))
		a := int(v)
		taps[i] = TapF32{a, min(a+1, in-1), v - float32(a)}
	}
	return taps
}

// BilinearF32 resizes NHWC data: along the row first, then between rows.
type BilinearF32 struct {
	Y, X           []TapF32
	Batch, H, W, C int // of the input
}

// Run computes dst from src.
func (r *BilinearF32) Run(dst, src []float32) {
	for b := range r.Batch {
		in := src[b*r.H*r.W*r.C:]
		for _, y := range r.Y {
			for _, x := range r.X {
				pixel := func(iy, ix int) []float32 { return in[(iy*r.W+ix)*r.C:][:r.C] }
				tl, tr, bl, br := pixel(y.A, x.A), pixel(y.A, x.B), pixel(y.B, x.A), pixel(y.B, x.B)
				for c := range r.C {
					top := tl[c] + float32((tr[c]-tl[c])*x.Weight)
					bottom := bl[c] + float32((br[c]-bl[c])*x.Weight)
					dst[c] = quiet(top + float32((bottom-top)*y.Weight))
				}
				dst = dst[r.C:]
			}
		}
	}
}
