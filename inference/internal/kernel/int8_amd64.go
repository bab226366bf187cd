//go:build !noasm

package kernel

import "golang.org/x/sys/cpu"

//go:noescape
func gemm8x1x1VNNI(t *tile8)

//go:noescape
func gemm8x2x1VNNI(t *tile8)

//go:noescape
func gemm8x3x1VNNI(t *tile8)

//go:noescape
func gemm8x4x1VNNI(t *tile8)

//go:noescape
func gemm8x5x1VNNI(t *tile8)

//go:noescape
func gemm8x6x1VNNI(t *tile8)

//go:noescape
func gemm8x7x1VNNI(t *tile8)

//go:noescape
func gemm8x8x1VNNI(t *tile8)

//go:noescape
func gemm8x1x2VNNI(t *tile8)

//go:noescape
func gemm8x2x2VNNI(t *tile8)

//go:noescape
func gemm8x3x2VNNI(t *tile8)

//go:noescape
func gemm8x4x2VNNI(t *tile8)

//go:noescape
func gemm8x5x2VNNI(t *tile8)

//go:noescape
func gemm8x6x2VNNI(t *tile8)

//go:noescape
func gemm8x7x2VNNI(t *tile8)

//go:noescape
func gemm8x8x2VNNI(t *tile8)

//go:noescape
func gemm8x1x4VNNI(t *tile8)

//go:noescape
func gemm8x2x4VNNI(t *tile8)

//go:noescape
func gemm8x3x4VNNI(t *tile8)

//go:noescape
func gemm8x4x4VNNI(t *tile8)

//go:noescape
func gemm8x5x4VNNI(t *tile8)

//go:noescape
func gemm8x6x4VNNI(t *tile8)

//go:noescape
func depthwise8x1VNNI(t *taps8)

//go:noescape
func depthwise8x2VNNI(t *taps8)

//go:noescape
func depthwise8x3VNNI(t *taps8)

//go:noescape
func depthwise8x4VNNI(t *taps8)

//go:noescape
func depthwise8x5VNNI(t *taps8)

//go:noescape
func depthwise8x6VNNI(t *taps8)

//go:noescape
func depthwise8x7VNNI(t *taps8)

//go:noescape
func depthwise8x8VNNI(t *taps8)

//go:noescape
func depthwise8x1x2VNNI(t *taps8)

//go:noescape
func depthwise8x2x2VNNI(t *taps8)

//go:noescape
func depthwise8x3x2VNNI(t *taps8)

//go:noescape
func depthwise8x4x2VNNI(t *taps8)

//go:noescape
func depthwise8x5x2VNNI(t *taps8)

//go:noescape
func depthwise8x6x2VNNI(t *taps8)

//go:noescape
func depthwise8x7x2VNNI(t *taps8)

//go:noescape
func depthwise8x8x2VNNI(t *taps8)

//go:noescape
func interleaveVNNI(dst, r0, r1, r2, r3 *byte, blocks int, flip uint32, index *uint32)

//go:noescape
func flipVNNI(dst, src *byte, n, gap, rows int, flip, fill uint32)

//go:noescape
func dot8VNNI(x, w *byte, n int, flip uint32) int32

//go:noescape
func sumPixelsVNNI(t *pixelSums)

//go:noescape
func sumRowsVNNI(dst *int32, src *byte, n, rows int, flip uint32)

//go:noescape
func packBlocksVNNI(dst *int32, src *byte, rowStep, dstStep, blocks int, sign uint32)

// Sets of instructions of the kernels without AVX-512.
const (
	setVNNI = iota
	setAVX2
	setAVXVNNI
	setTwin // AVXVNNI in the encoding of AVX-512, for tests
)

// vector8Of returns the 8-bit kernels of a tier, nil where it has none. Cores that have
// AVX-VNNI beside AVX-512 multiply 512 bits twice a cycle, on the ports that flip.
func vector8Of(tier string) *vector8 {
	switch tier {
	case TierVNNI:
		return &vector8{tier: tier, panel: 64, masked: true, rows: true, argMaxes: true, dots: true, sums: true, lines: true, flipsIn: true, flipsFree: !cpu.X86.HasAVXVNNI, bounded: true, twoRows: true}
	case TierAVXVNNI:
		return &vector8{tier: tier, panel: 16, rows: true, argMaxes: true, dots: true, sums: true, set: setAVXVNNI}
	case TierAVX2:
		return &vector8{tier: tier, panel: 16, rows: true, argMaxes: true, dots: true, sums: true, set: setAVX2, signed: true, wide: true}
	}
	return nil
}

// order returns the order of dwords after packing.
func (v *vector8) order() *uint32 {
	if v.set == setVNNI {
		return &quadOrder[0]
	}
	return &packedOrder[0]
}

func (v *vector8) gemm(rows, vectors int, t *tile8) {
	switch {
	case v.set == setAVX2:
		gemm8AVX2(rows, t)
	case v.set == setAVXVNNI:
		gemm8AVXVNNI(rows, t)
	case v.set == setTwin:
		gemm8Twin(rows, t)
	case vectors == 1:
		gemm8x1(rows, t)
	case vectors == 2:
		gemm8x2(rows, t)
	case vectors == 4:
		gemm8x4(rows, t)
	}
}

// pixels returns those of the largest tile of so many vectors.
func (v *vector8) pixels(vectors int) int {
	if vectors == 4 || v.set != setVNNI {
		return 6
	}
	return 8
}

func gemm8x1(rows int, t *tile8) {
	switch rows {
	case 1:
		gemm8x1x1VNNI(t)
	case 2:
		gemm8x2x1VNNI(t)
	case 3:
		gemm8x3x1VNNI(t)
	case 4:
		gemm8x4x1VNNI(t)
	case 5:
		gemm8x5x1VNNI(t)
	case 6:
		gemm8x6x1VNNI(t)
	case 7:
		gemm8x7x1VNNI(t)
	case 8:
		gemm8x8x1VNNI(t)
	}
}

func gemm8x2(rows int, t *tile8) {
	switch rows {
	case 1:
		gemm8x1x2VNNI(t)
	case 2:
		gemm8x2x2VNNI(t)
	case 3:
		gemm8x3x2VNNI(t)
	case 4:
		gemm8x4x2VNNI(t)
	case 5:
		gemm8x5x2VNNI(t)
	case 6:
		gemm8x6x2VNNI(t)
	case 7:
		gemm8x7x2VNNI(t)
	case 8:
		gemm8x8x2VNNI(t)
	}
}

func gemm8x4(rows int, t *tile8) {
	switch rows {
	case 1:
		gemm8x1x4VNNI(t)
	case 2:
		gemm8x2x4VNNI(t)
	case 3:
		gemm8x3x4VNNI(t)
	case 4:
		gemm8x4x4VNNI(t)
	case 5:
		gemm8x5x4VNNI(t)
	case 6:
		gemm8x6x4VNNI(t)
	}
}

// depthwisePixels returns how many pixels a depthwise kernel takes at once.
func (v *vector8) depthwisePixels() int {
	if v.set != setVNNI {
		return 4
	}
	return 8
}

func (v *vector8) depthwise(pixels int, t *taps8) {
	switch v.set {
	case setAVX2:
		depthwise8AVX2(pixels, t)
	case setAVXVNNI:
		depthwise8AVXVNNI(pixels, t)
	case setTwin:
		depthwise8Twin(pixels, t)
	default:
		depthwise8VNNI(pixels, t)
	}
}

func depthwise8VNNI(pixels int, t *taps8) {
	if t.rows == 2 {
		depthwise8x2rowsVNNI(pixels, t)
		return
	}
	switch pixels {
	case 1:
		depthwise8x1VNNI(t)
	case 2:
		depthwise8x2VNNI(t)
	case 3:
		depthwise8x3VNNI(t)
	case 4:
		depthwise8x4VNNI(t)
	case 5:
		depthwise8x5VNNI(t)
	case 6:
		depthwise8x6VNNI(t)
	case 7:
		depthwise8x7VNNI(t)
	case 8:
		depthwise8x8VNNI(t)
	}
}

func depthwise8x2rowsVNNI(pixels int, t *taps8) {
	switch pixels {
	case 1:
		depthwise8x1x2VNNI(t)
	case 2:
		depthwise8x2x2VNNI(t)
	case 3:
		depthwise8x3x2VNNI(t)
	case 4:
		depthwise8x4x2VNNI(t)
	case 5:
		depthwise8x5x2VNNI(t)
	case 6:
		depthwise8x6x2VNNI(t)
	case 7:
		depthwise8x7x2VNNI(t)
	case 8:
		depthwise8x8x2VNNI(t)
	}
}

func (v *vector8) interleave(dst []byte, r *[4][]byte, blocks int, flip byte) {
	words := 0x01010101 * uint32(flip)
	switch {
	case v.wide:
		interleaveWideAVX2(&dst[0], &r[0][0], &r[1][0], blocks, words)
	case v.set != setVNNI:
		interleaveAVX2(&dst[0], &r[0][0], &r[1][0], &r[2][0], &r[3][0], blocks, words)
	default:
		interleaveVNNI(&dst[0], &r[0][0], &r[1][0], &r[2][0], &r[3][0], blocks, words, &quadOrder[0])
	}
}

// flip copies inputs, each xored with flip, as the kernels see them.
func (v *vector8) flip(dst, src []byte, flip byte) {
	switch {
	case v.set != setVNNI:
		v.flipRow(dst, src, flip)
	case len(src) > 0:
		flipVNNI(&dst[0], &src[0], len(src), 0, 1, 0x01010101*uint32(flip), 0)
	}
}

// flipRows is eachRow.
func (v *vector8) flipRows(dst, src []byte, n, gap int, flip, fill byte) {
	if v.set == setVNNI {
		flipVNNI(&dst[0], &src[0], n, gap, len(src)/n, 0x01010101*uint32(flip), 0x01010101*uint32(fill))
		return
	}
	v.eachRow(dst, src, n, gap, flip, fill)
}

// sumRows adds the elements of as many rows as dst has, if it can.
func (v *vector8) sumRows(dst []int32, rows []byte, signed bool) bool {
	if v.set != setVNNI {
		return false
	}
	n, flip, less := len(rows)/len(dst), uint32(0), int32(0)
	if signed {
		flip, less = 0x80808080, 128*int32(n)
	}
	sumRowsVNNI(&dst[0], &rows[0], n, len(dst), flip)
	for i := range dst {
		dst[i] -= less
	}
	return true
}

// packBlocks packs the first inputs of 16 outputs, rows of k bytes, as packQuads does,
// and returns how many of n.
func (v *vector8) packBlocks(dst []int32, w []byte, k, n, width int, sign uint32) int {
	blocks := n / 64
	if v.set != setVNNI || blocks == 0 {
		return 0
	}
	_, _ = w[15*k+64*blocks-1], dst[(16*blocks-1)*width+15]
	packBlocksVNNI(&dst[0], &w[0], k, 4*width, blocks, sign)
	return 64 * blocks
}

// dot returns the sum of inputs, each xored with flip and then without a sign, times
// signed weights.
func (v *vector8) dot(x, w []byte, flip byte) (sum int32) {
	words := 0x01010101 * uint32(flip)
	if v.set == setVNNI {
		return dot8VNNI(&x[0], &w[0], len(x), words)
	}
	n := len(x) &^ 31
	if n > 0 {
		sum = dot8AVX2(&x[0], &w[0], n/32, words)
	}
	for i, q := range x[n:] {
		sum += int32(q^flip) * int32(int8(w[n+i]))
	}
	return sum
}

// sumPixels writes factor times the sum of each window of as many pixels as dst has,
// step bytes apart.
func (v *vector8) sumPixels(dst []int32, in []byte, step int, offsets []int, length int, factor int32) {
	t := pixelSums{&dst[0], &in[0], step, &offsets[0], len(offsets), length * v.width(), len(dst), factor, &laneMasks[0]}
	switch {
	case v.set == setVNNI:
		sumPixelsVNNI(&t)
	case v.wide:
		sumPixelsWideAVX2(&t)
	default:
		sumPixelsBytesAVX2(&t)
	}
}
