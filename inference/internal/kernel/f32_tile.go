package kernel

// tileF32 is what one call of a vector kernel works on. Assembly knows the
// offsets of the fields (_generate/float).
type tileF32 struct {
	rows     [8]*float32 // 0: first input of each pixel
	panel    *float32    // 64: [bias][element][output], one or two vectors wide
	dst      *float32    // 72
	stride   int         // 80: bytes from output pixel to output pixel
	segments int         // 88: runs of neighbouring inputs, the rows of the window
	length   int         // 96: elements of a segment
	offsets  *int        // 104: elements from rows to the beginning of each segment
	mask     [2]uint32   // 112: lanes to store, AVX-512
	lo, hi   float32     // 120
	nan      uint32      // 128
	masks    *uint32     // 136: lanes to store, AVX2: two vectors
	size     int         // 144: bytes of a panel
	blocks   int         // 152: of as many pixels; kernels may count it down
	step     int         // 160: bytes from block to block
	// What kernels with turns need besides: bytes that lie between two lines, pixels
	// from the block to the end of its line, pixels of a line, bytes from pixel to pixel.
	turn, left, line, pixel int // 168
}

// tapsF32 is the same for depthwise kernels: neighbouring pixels of vectors of
// channels. A kernel moves the pointers on from vector to vector.
type tapsF32 struct {
	src        *float32 // 0
	pixel      int      // 8: bytes from pixel to pixel
	offsets    *int     // 16: bytes from src to the input of each tap
	taps       int      // 24
	weights    *float32 // 32
	weightStep int      // 40: bytes from tap to tap
	bias       *float32 // 48
	dst        *float32 // 56
	stride     int      // 64: bytes from output pixel to output pixel
	mask       uint32   // 72: lanes of the last vector, AVX-512
	lo, hi     float32  // 76
	nan        uint32   // 84
	masks      *uint32  // 88: the same for AVX2
	blocks     int      // 96: of as many pixels as the kernel takes at once
	vectors    int      // 104
}

// vectorF32 describes the float kernels of one tier; gemm, gemv and depthwise
// call them.
type vectorF32 struct {
	tier  string
	lanes int  // of a vector
	rows  int  // pixels of the largest tile of two vectors
	turns bool // matrix kernels go on from line to line
}

// pixels returns those of the largest tile of so many vectors.
func (v *vectorF32) pixels(vectors int) int {
	if vectors == 1 {
		return 8
	}
	return v.rows
}

// laneMasks holds 32 set lanes, then 32 empty ones: a window into it masks any
// number of lanes.
var laneMasks = func() (m [64]uint32) {
	for i := range 32 {
		m[i] = ^uint32(0)
	}
	return m
}()

// maskOf returns n set lanes, at most 32, as bits and as lanes.
func maskOf(n int) (bits uint32, lanes *uint32) {
	return uint32(1<<n - 1), &laneMasks[32-n]
}

// padded is the geometry of an input copied with its padding around it, which
// leaves a window's rows in one piece each.
type padded struct {
	Window
	h, w   int // rows and columns of the copy
	pixel  int // elements of a pixel
	needed bool
}

func newPadded(w Window, pixel int) padded {
	p := padded{Window: w, pixel: pixel}
	p.h = max(w.PadTop+w.InH, (w.OutH-1)*w.StrideH+(w.KH-1)*w.DilationH+1)
	p.w = max(w.PadLeft+w.InW, (w.OutW-1)*w.StrideW+(w.KW-1)*w.DilationW+1)
	p.needed = p.h > w.InH || p.w > w.InW
	if !p.needed {
		p.h, p.w = w.InH, w.InW
	}
	return p
}

// size is the number of elements of the copy, 0 where the input serves.
func (p *padded) size() int {
	if !p.needed {
		return 0
	}
	return p.h * p.w * p.pixel
}

// corner returns where the window of an output pixel begins.
func (p *padded) corner(y, x int) int {
	return (y*p.StrideH*p.w + x*p.StrideW) * p.pixel
}

// of returns where the input is: in the copy, where one is needed.
func (p *padded) of(src, buf []float32) []float32 {
	if p.needed {
		return buf
	}
	return src
}

// copyPadded returns the input with zeros around it, copied to buf if needed.
func copyPadded(p *padded, src, buf []float32) []float32 {
	if !p.needed {
		return src
	}
	line, in := p.w*p.pixel, p.InW*p.pixel
	// What lies between the end of a row and the beginning of the next is one run.
	end := p.PadTop*line + p.PadLeft*p.pixel
	clear(buf[:end])
	for y := range p.InH {
		copy(buf[end:], src[y*in:][:in])
		next := p.h * line
		if y < p.InH-1 {
			next = end + line
		}
		clear(buf[end+in : next])
		end = next
	}
	return buf
}

// corners sets rows to the first inputs of output pixels [first, last), from
// channel c on.
func corners[T any](p *padded, in []T, first, last, c int, rows *[8]*T) {
	if last == 1 { // one pixel is common, and division slow
		rows[0] = &in[c]
		return
	}
	y, x := first/p.OutW, first%p.OutW
	step := p.StrideW * p.pixel
	at := p.corner(y, x) + c
	// From the last window of a row to the first of the next.
	turn := p.StrideH*p.w*p.pixel - (p.OutW-1)*step
	for i := range last - first {
		rows[i] = &in[at]
		if x++; x == p.OutW {
			x, at = 0, at+turn
		} else {
			at += step
		}
	}
}

// segments returns the runs of neighbouring inputs that a window of inC
// channels reads, from its corner: whole rows where there are no gaps.
func (p *padded) segments(inC int) (offsets []int, length int) {
	for ky := range p.KH {
		at := ky * p.DilationH * p.w * p.pixel
		if p.DilationW == 1 && inC == p.pixel {
			if ky > 0 && at == length { // the window is as wide as the input
				length += p.KW * inC
				continue
			}
			offsets, length = append(offsets, at), p.KW*inC
			continue
		}
		for kx := range p.KW {
			offsets, length = append(offsets, at+kx*p.DilationW*p.pixel), inC
		}
	}
	return offsets, length
}
