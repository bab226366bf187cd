package kernel

// BilinearF32 resizes NHWC data: along the row first, then between rows.
type BilinearF32 struct {
	Y, X           []Tap
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
