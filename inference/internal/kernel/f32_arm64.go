//go:build !noasm

package kernel

import (
	"math"
	"math/bits"
	"unsafe"
)

//go:noescape
func gemmF32x1x1NEON(t *tileF32)

//go:noescape
func gemmF32x2x1NEON(t *tileF32)

//go:noescape
func gemmF32x3x1NEON(t *tileF32)

//go:noescape
func gemmF32x4x1NEON(t *tileF32)

//go:noescape
func gemmF32x5x1NEON(t *tileF32)

//go:noescape
func gemmF32x6x1NEON(t *tileF32)

//go:noescape
func gemmF32x7x1NEON(t *tileF32)

//go:noescape
func gemmF32x8x1NEON(t *tileF32)

//go:noescape
func gemmF32x1x2NEON(t *tileF32)

//go:noescape
func gemmF32x2x2NEON(t *tileF32)

//go:noescape
func gemmF32x3x2NEON(t *tileF32)

//go:noescape
func gemmF32x4x2NEON(t *tileF32)

//go:noescape
func gemmF32x5x2NEON(t *tileF32)

//go:noescape
func gemmF32x6x2NEON(t *tileF32)

//go:noescape
func gemmF32x7x2NEON(t *tileF32)

//go:noescape
func gemmF32x8x2NEON(t *tileF32)

//go:noescape
func gemvF32NEON(t *tileF32)

//go:noescape
func depthwiseF32x1NEON(t *tapsF32)

//go:noescape
func depthwiseF32x2NEON(t *tapsF32)

//go:noescape
func depthwiseF32x3NEON(t *tapsF32)

//go:noescape
func depthwiseF32x4NEON(t *tapsF32)

//go:noescape
func depthwiseF32x5NEON(t *tapsF32)

//go:noescape
func depthwiseF32x6NEON(t *tapsF32)

//go:noescape
func depthwiseF32x7NEON(t *tapsF32)

//go:noescape
func depthwiseF32x8NEON(t *tapsF32)

//go:noescape
func maxWindowF32NEON(t *windowF32)

//go:noescape
func binaryF32ADDNEON(t *rowF32)

//go:noescape
func binaryF32SUBNEON(t *rowF32)

//go:noescape
func binaryF32MULNEON(t *rowF32)

//go:noescape
func binaryF32DIVNEON(t *rowF32)

//go:noescape
func binaryF32MAXNEON(t *rowF32)

//go:noescape
func binaryF32MINNEON(t *rowF32)

// vectorsF32 are the float kernels by tier; they need no more than NEON.
var vectorsF32 = map[string]*vectorF32{
	TierI8MM:    {tier: TierI8MM, lanes: 4, rows: 8},
	TierDotprod: {tier: TierDotprod, lanes: 4, rows: 8},
	TierNEON:    {tier: TierNEON, lanes: 4, rows: 8},
}

// NEON stores whole vectors only: gemm, depthwise and maxWindow do what is less by
// other means.

// at returns element i of an array.
func at(p *float32, i int) *float32 {
	return (*float32)(unsafe.Add(unsafe.Pointer(p), 4*i))
}

func (v *vectorF32) gemm(rows, vectors int, t *tileF32) {
	if t.mask[vectors-1] == 1<<4-1 {
		v.wholeGemm(rows, vectors, t)
		return
	}
	var out [8 * 8]float32
	w := *t
	w.stride = 16 * vectors
	n := 4*(vectors-1) + lanesIn(t.mask[vectors-1])
	for i := range t.blocks {
		w.dst, w.blocks = &out[0], 1
		v.wholeGemm(rows, vectors, &w)
		for r := range rows {
			copy(unsafe.Slice(at(t.dst, (i*rows+r)*t.stride/4), n), out[4*vectors*r:])
			if i < t.blocks-1 { // never beyond the input: the collector may look
				w.rows[r] = at(w.rows[r], t.step/4)
			}
		}
	}
}

// lanesIn counts the lanes of a mask of the first ones.
func lanesIn(mask uint32) int { return bits.Len32(mask) }

func (v *vectorF32) wholeGemm(rows, vectors int, t *tileF32) {
	if vectors == 1 {
		gemmF32x1NEON(rows, t)
	} else {
		gemmF32x2NEON(rows, t)
	}
}

func gemmF32x1NEON(rows int, t *tileF32) {
	switch rows {
	case 1:
		gemmF32x1x1NEON(t)
	case 2:
		gemmF32x2x1NEON(t)
	case 3:
		gemmF32x3x1NEON(t)
	case 4:
		gemmF32x4x1NEON(t)
	case 5:
		gemmF32x5x1NEON(t)
	case 6:
		gemmF32x6x1NEON(t)
	case 7:
		gemmF32x7x1NEON(t)
	case 8:
		gemmF32x8x1NEON(t)
	}
}

func gemmF32x2NEON(rows int, t *tileF32) {
	switch rows {
	case 1:
		gemmF32x1x2NEON(t)
	case 2:
		gemmF32x2x2NEON(t)
	case 3:
		gemmF32x3x2NEON(t)
	case 4:
		gemmF32x4x2NEON(t)
	case 5:
		gemmF32x5x2NEON(t)
	case 6:
		gemmF32x6x2NEON(t)
	case 7:
		gemmF32x7x2NEON(t)
	case 8:
		gemmF32x8x2NEON(t)
	}
}

func (v *vectorF32) gemv(t *tileF32) { gemvF32NEON(t) }

func (v *vectorF32) depthwise(pixels int, t *tapsF32) {
	last := t.vectors - 1
	if t.mask == 1<<4-1 {
		last++
	} else {
		t.narrow(pixels*t.blocks, 4*last, lanesIn(t.mask))
	}
	if t.vectors = last; last > 0 {
		depthwiseF32NEON(pixels, t)
	}
}

// narrow computes n channels from c on, less than a vector, in portable Go.
func (t *tapsF32) narrow(pixels, c, n int) {
	offsets := unsafe.Slice(t.offsets, t.taps)
	r := Range{t.lo, t.hi}
	for p := range pixels {
		for ch := c; ch < c+n; ch++ {
			acc := *at(t.bias, ch)
			for i, offset := range offsets {
				acc = fma32(*at(t.src, (p*t.pixel+offset)/4+ch), *at(t.weights, i*t.weightStep/4+ch), acc)
			}
			*at(t.dst, p*t.stride/4+ch) = r.fit(acc)
		}
	}
}

func depthwiseF32NEON(pixels int, t *tapsF32) {
	switch pixels {
	case 1:
		depthwiseF32x1NEON(t)
	case 2:
		depthwiseF32x2NEON(t)
	case 3:
		depthwiseF32x3NEON(t)
	case 4:
		depthwiseF32x4NEON(t)
	case 5:
		depthwiseF32x5NEON(t)
	case 6:
		depthwiseF32x6NEON(t)
	case 7:
		depthwiseF32x7NEON(t)
	case 8:
		depthwiseF32x8NEON(t)
	}
}

func (v *vectorF32) binary(op binaryOp, t *rowF32) {
	switch op {
	case opAdd:
		binaryF32ADDNEON(t)
	case opSub:
		binaryF32SUBNEON(t)
	case opMul:
		binaryF32MULNEON(t)
	case opDiv:
		binaryF32DIVNEON(t)
	case opMax:
		binaryF32MAXNEON(t)
	case opMin:
		binaryF32MINNEON(t)
	}
}

func (v *vectorF32) maxWindow(t *windowF32) {
	w := *t
	if w.mask != 1<<4-1 {
		w.vectors--
		for c := 4 * w.vectors; c < 4*w.vectors+lanesIn(w.mask); c++ {
			*at(w.dst, c) = w.largest(c)
		}
	}
	if w.vectors > 0 {
		maxWindowF32NEON(&w)
	}
}

// largest returns the first of the largest of channel c, NaN where there is one.
func (t *windowF32) largest(c int) float32 {
	top := float32(math.Inf(-1))
	for y := range t.ny {
		for x := range t.nx {
			if v := *at(t.src, (y*t.line+x*t.pixel)/4+c); v > top || v != v {
				top = v
			}
		}
	}
	return Range{t.lo, t.hi}.fit(top)
}
