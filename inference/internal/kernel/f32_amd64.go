//go:build !noasm

package kernel

//go:noescape
func gemmF32x1x1AVX512(t *tileF32)

//go:noescape
func gemmF32x2x1AVX512(t *tileF32)

//go:noescape
func gemmF32x3x1AVX512(t *tileF32)

//go:noescape
func gemmF32x4x1AVX512(t *tileF32)

//go:noescape
func gemmF32x5x1AVX512(t *tileF32)

//go:noescape
func gemmF32x6x1AVX512(t *tileF32)

//go:noescape
func gemmF32x7x1AVX512(t *tileF32)

//go:noescape
func gemmF32x8x1AVX512(t *tileF32)

//go:noescape
func gemmF32x1x2AVX512(t *tileF32)

//go:noescape
func gemmF32x2x2AVX512(t *tileF32)

//go:noescape
func gemmF32x3x2AVX512(t *tileF32)

//go:noescape
func gemmF32x4x2AVX512(t *tileF32)

//go:noescape
func gemmF32x5x2AVX512(t *tileF32)

//go:noescape
func gemmF32x6x2AVX512(t *tileF32)

//go:noescape
func gemmF32x7x2AVX512(t *tileF32)

//go:noescape
func gemmF32x8x2AVX512(t *tileF32)

//go:noescape
func gemvF32AVX512(t *tileF32)

//go:noescape
func depthwiseF32x1AVX512(t *tapsF32)

//go:noescape
func depthwiseF32x4AVX512(t *tapsF32)

//go:noescape
func depthwiseF32x2AVX512(t *tapsF32)

//go:noescape
func depthwiseF32x3AVX512(t *tapsF32)

//go:noescape
func depthwiseF32x5AVX512(t *tapsF32)

//go:noescape
func depthwiseF32x6AVX512(t *tapsF32)

//go:noescape
func depthwiseF32x7AVX512(t *tapsF32)

//go:noescape
func depthwiseF32x8AVX512(t *tapsF32)

//go:noescape
func gemmF32x1x1AVX2(t *tileF32)

//go:noescape
func gemmF32x2x1AVX2(t *tileF32)

//go:noescape
func gemmF32x3x1AVX2(t *tileF32)

//go:noescape
func gemmF32x4x1AVX2(t *tileF32)

//go:noescape
func gemmF32x5x1AVX2(t *tileF32)

//go:noescape
func gemmF32x6x1AVX2(t *tileF32)

//go:noescape
func gemmF32x7x1AVX2(t *tileF32)

//go:noescape
func gemmF32x8x1AVX2(t *tileF32)

//go:noescape
func gemmF32x1x2AVX2(t *tileF32)

//go:noescape
func gemmF32x2x2AVX2(t *tileF32)

//go:noescape
func gemmF32x3x2AVX2(t *tileF32)

//go:noescape
func gemmF32x4x2AVX2(t *tileF32)

//go:noescape
func gemmF32x5x2AVX2(t *tileF32)

//go:noescape
func gemmF32x6x2AVX2(t *tileF32)

//go:noescape
func gemvF32AVX2(t *tileF32)

//go:noescape
func depthwiseF32x1AVX2(t *tapsF32)

//go:noescape
func depthwiseF32x4AVX2(t *tapsF32)

//go:noescape
func depthwiseF32x2AVX2(t *tapsF32)

//go:noescape
func depthwiseF32x3AVX2(t *tapsF32)

//go:noescape
func depthwiseF32x5AVX2(t *tapsF32)

//go:noescape
func depthwiseF32x6AVX2(t *tapsF32)

//go:noescape
func depthwiseF32x7AVX2(t *tapsF32)

//go:noescape
func depthwiseF32x8AVX2(t *tapsF32)

//go:noescape
func binaryF32ADDAVX512(t *rowF32)

//go:noescape
func binaryF32SUBAVX512(t *rowF32)

//go:noescape
func binaryF32MULAVX512(t *rowF32)

//go:noescape
func binaryF32DIVAVX512(t *rowF32)

//go:noescape
func binaryF32MAXAVX512(t *rowF32)

//go:noescape
func binaryF32MINAVX512(t *rowF32)

//go:noescape
func binaryF32ADDAVX2(t *rowF32)

//go:noescape
func binaryF32SUBAVX2(t *rowF32)

//go:noescape
func binaryF32MULAVX2(t *rowF32)

//go:noescape
func binaryF32DIVAVX2(t *rowF32)

//go:noescape
func binaryF32MAXAVX2(t *rowF32)

//go:noescape
func binaryF32MINAVX2(t *rowF32)

//go:noescape
func maxWindowF32AVX512(t *windowF32)

//go:noescape
func maxWindowF32AVX2(t *windowF32)

// vectorsF32 are the float kernels by tier; AVX2 ones need FMA too.
var vectorsF32 = map[string]*vectorF32{
	TierVNNI: {tier: TierVNNI, lanes: 16, rows: 8, turns: true},
	TierAVX2: {tier: TierAVX2, lanes: 8, rows: 6, turns: true},
	// AVX-VNNI brings nothing for floats.
	TierAVXVNNI: {tier: TierAVXVNNI, lanes: 8, rows: 6, turns: true},
}

// Calls name each kernel: through a function value its arguments would move
// to the heap.

func (v *vectorF32) gemm(rows, vectors int, t *tileF32) {
	switch {
	case v.lanes == 16 && vectors == 1:
		gemmF32x1AVX512(rows, t)
	case v.lanes == 16:
		gemmF32x2AVX512(rows, t)
	case vectors == 1:
		gemmF32x1AVX2(rows, t)
	default:
		gemmF32x2AVX2(rows, t)
	}
}

func gemmF32x1AVX512(rows int, t *tileF32) {
	switch rows {
	case 1:
		gemmF32x1x1AVX512(t)
	case 2:
		gemmF32x2x1AVX512(t)
	case 3:
		gemmF32x3x1AVX512(t)
	case 4:
		gemmF32x4x1AVX512(t)
	case 5:
		gemmF32x5x1AVX512(t)
	case 6:
		gemmF32x6x1AVX512(t)
	case 7:
		gemmF32x7x1AVX512(t)
	case 8:
		gemmF32x8x1AVX512(t)
	}
}

func gemmF32x2AVX512(rows int, t *tileF32) {
	switch rows {
	case 1:
		gemmF32x1x2AVX512(t)
	case 2:
		gemmF32x2x2AVX512(t)
	case 3:
		gemmF32x3x2AVX512(t)
	case 4:
		gemmF32x4x2AVX512(t)
	case 5:
		gemmF32x5x2AVX512(t)
	case 6:
		gemmF32x6x2AVX512(t)
	case 7:
		gemmF32x7x2AVX512(t)
	case 8:
		gemmF32x8x2AVX512(t)
	}
}

func gemmF32x1AVX2(rows int, t *tileF32) {
	switch rows {
	case 1:
		gemmF32x1x1AVX2(t)
	case 2:
		gemmF32x2x1AVX2(t)
	case 3:
		gemmF32x3x1AVX2(t)
	case 4:
		gemmF32x4x1AVX2(t)
	case 5:
		gemmF32x5x1AVX2(t)
	case 6:
		gemmF32x6x1AVX2(t)
	case 7:
		gemmF32x7x1AVX2(t)
	case 8:
		gemmF32x8x1AVX2(t)
	}
}

func gemmF32x2AVX2(rows int, t *tileF32) {
	switch rows {
	case 1:
		gemmF32x1x2AVX2(t)
	case 2:
		gemmF32x2x2AVX2(t)
	case 3:
		gemmF32x3x2AVX2(t)
	case 4:
		gemmF32x4x2AVX2(t)
	case 5:
		gemmF32x5x2AVX2(t)
	case 6:
		gemmF32x6x2AVX2(t)
	}
}

func (v *vectorF32) gemv(t *tileF32) {
	if v.lanes == 16 {
		gemvF32AVX512(t)
	} else {
		gemvF32AVX2(t)
	}
}

func (v *vectorF32) depthwise(pixels int, t *tapsF32) {
	if v.lanes == 16 {
		depthwiseF32AVX512(pixels, t)
	} else {
		depthwiseF32AVX2(pixels, t)
	}
}

func depthwiseF32AVX512(pixels int, t *tapsF32) {
	switch pixels {
	case 1:
		depthwiseF32x1AVX512(t)
	case 4:
		depthwiseF32x4AVX512(t)
	case 2:
		depthwiseF32x2AVX512(t)
	case 3:
		depthwiseF32x3AVX512(t)
	case 5:
		depthwiseF32x5AVX512(t)
	case 6:
		depthwiseF32x6AVX512(t)
	case 7:
		depthwiseF32x7AVX512(t)
	case 8:
		depthwiseF32x8AVX512(t)
	}
}

func depthwiseF32AVX2(pixels int, t *tapsF32) {
	switch pixels {
	case 1:
		depthwiseF32x1AVX2(t)
	case 4:
		depthwiseF32x4AVX2(t)
	case 2:
		depthwiseF32x2AVX2(t)
	case 3:
		depthwiseF32x3AVX2(t)
	case 5:
		depthwiseF32x5AVX2(t)
	case 6:
		depthwiseF32x6AVX2(t)
	case 7:
		depthwiseF32x7AVX2(t)
	case 8:
		depthwiseF32x8AVX2(t)
	}
}

func (v *vectorF32) binary(op binaryOp, t *rowF32) {
	if v.lanes == 16 {
		binaryF32AVX512(op, t)
	} else {
		binaryF32AVX2(op, t)
	}
}

func binaryF32AVX512(op binaryOp, t *rowF32) {
	switch op {
	case opAdd:
		binaryF32ADDAVX512(t)
	case opSub:
		binaryF32SUBAVX512(t)
	case opMul:
		binaryF32MULAVX512(t)
	case opDiv:
		binaryF32DIVAVX512(t)
	case opMax:
		binaryF32MAXAVX512(t)
	case opMin:
		binaryF32MINAVX512(t)
	}
}

func binaryF32AVX2(op binaryOp, t *rowF32) {
	switch op {
	case opAdd:
		binaryF32ADDAVX2(t)
	case opSub:
		binaryF32SUBAVX2(t)
	case opMul:
		binaryF32MULAVX2(t)
	case opDiv:
		binaryF32DIVAVX2(t)
	case opMax:
		binaryF32MAXAVX2(t)
	case opMin:
		binaryF32MINAVX2(t)
	}
}

func (v *vectorF32) maxWindow(t *windowF32) {
	if v.lanes == 16 {
		maxWindowF32AVX512(t)
	} else {
		maxWindowF32AVX2(t)
	}
}
