package kernel

// Window is the geometry of a sliding window over NHWC data.
type Window struct {
	InH, InW, OutH, OutW int
	KH, KW               int
	StrideH, StrideW     int
	DilationH, DilationW int
	PadTop, PadLeft      int
}

// direct tells whether the window is one pixel at its own place.
func (w *Window) direct() bool {
	return w.KH == 1 && w.KW == 1 && w.StrideH == 1 && w.StrideW == 1 && w.PadTop == 0 && w.PadLeft == 0 &&
		w.OutH == w.InH && w.OutW == w.InW
}

// turned returns the window with rows and columns swapped, the same for data of one
// column.
func (w *Window) turned() Window {
	return Window{
		InH: w.InW, InW: w.InH, OutH: w.OutW, OutW: w.OutH, KH: w.KW, KW: w.KH, StrideH: w.StrideW, StrideW: w.StrideH,
		DilationH: w.DilationW, DilationW: w.DilationH, PadTop: w.PadLeft, PadLeft: w.PadTop,
	}
}

// gather returns what output pixel p sees of group g, of inC channels, as one
// run of elements: copied into buf, with padding for what lies outside, unless
// it lies in one piece already.
func gather[T any](w *Window, in []T, p, groups, g, inC int, padding T, buf []T) []T {
	pixel := groups * inC
	if groups == 1 && w.direct() {
		return in[p*pixel : (p+1)*pixel]
	}
	y0 := p/w.OutW*w.StrideH - w.PadTop
	x0 := p%w.OutW*w.StrideW - w.PadLeft
	at := 0
	for ky := range w.KH {
		y := y0 + ky*w.DilationH
		for kx := range w.KW {
			x := x0 + kx*w.DilationW
			seg := buf[at : at+inC]
			at += inC
			if y < 0 || y >= w.InH || x < 0 || x >= w.InW {
				for i := range seg {
					seg[i] = padding
				}
				continue
			}
			copy(seg, in[(y*w.InW+x)*pixel+g*inC:])
		}
	}
	return buf
}
