//go:build !noasm

package kernel

import "encoding/binary"

//go:noescape
func interleaveWideAVX2(dst, r0, r1 *byte, blocks int, flip uint32)

//go:noescape
func interleaveAVX2(dst, r0, r1, r2, r3 *byte, blocks int, flip uint32)

//go:noescape
func flipWideAVX2(dst, src *byte, blocks int, flip uint32)

//go:noescape
func flipAVX2(dst, src *byte, blocks int, flip uint32)

//go:noescape
func sumPixelsWideAVX2(t *pixelSums)

//go:noescape
func sumPixelsBytesAVX2(t *pixelSums)

//go:noescape
func dot8AVX2(x, w *byte, blocks int, flip uint32) int32

//go:noescape
func argMax8AVX2(dst *int32, src *byte, n, rows int, flip uint32, masks *uint32)

//go:noescape
func add8SAVX2(t *row8)

//go:noescape
func mul8SAVX2(t *row8)

//go:noescape
func sumWindow8SAVX2(acc *int32, src *byte, pixel, nx, line, ny int)

//go:noescape
func maxRow8SAVX2(dst, src *byte, blocks int)

//go:noescape
func bilinear8SAVX2(dst, tl, tr, bl, br *byte, blocks int, x, y int32)

//go:noescape
func add8UAVX2(t *row8)

//go:noescape
func mul8UAVX2(t *row8)

//go:noescape
func sumWindow8UAVX2(acc *int32, src *byte, pixel, nx, line, ny int)

//go:noescape
func maxRow8UAVX2(dst, src *byte, blocks int)

//go:noescape
func bilinear8UAVX2(dst, tl, tr, bl, br *byte, blocks int, x, y int32)

// flipRow copies inputs as the kernels want them.
func (v *vector8) flipRow(dst, src []byte, flip byte) {
	words := 0x01010101 * uint32(flip)
	if v.wide {
		n := len(src) &^ 15
		if n > 0 {
			flipWideAVX2(&dst[0], &src[0], n/16, words)
		}
		for i, x := range src[n:] {
			binary.LittleEndian.PutUint16(dst[2*(n+i):], uint16(int8(x^flip)))
		}
		return
	}
	n := len(src) &^ 31
	if n > 0 {
		flipAVX2(&dst[0], &src[0], n/32, words)
	}
	for i, x := range src[n:] {
		dst[n+i] = x ^ flip
	}
}

// sumWindowAVX2 writes the sums of the channels in mask.
func sumWindowAVX2(signed bool, acc []int32, src []byte, pixel, nx, line, ny int, mask uint32) {
	switch {
	case mask != 1<<16-1:
		sumChannels(signed, acc, src, pixel, nx, line, ny, mask)
	case signed:
		sumWindow8SAVX2(&acc[0], &src[0], pixel, nx, line, ny)
	default:
		sumWindow8UAVX2(&acc[0], &src[0], pixel, nx, line, ny)
	}
}

// maxRowAVX2 keeps the larger of each element of dst and src.
func maxRowAVX2(signed bool, dst, src []byte) {
	n := len(src) &^ 15
	switch {
	case n > 0 && signed:
		maxRow8SAVX2(&dst[0], &src[0], n/16)
	case n > 0:
		maxRow8UAVX2(&dst[0], &src[0], n/16)
	}
	maxElements(signed, dst[n:], src[n:])
}

// bilinearAVX2 blends four pixels of as many channels as dst has.
func bilinearAVX2(signed bool, dst, tl, tr, bl, br []byte, x, y int32) {
	n := len(dst) &^ 7
	switch {
	case n > 0 && signed:
		bilinear8SAVX2(&dst[0], &tl[0], &tr[0], &bl[0], &br[0], n/8, x, y)
	case n > 0:
		bilinear8UAVX2(&dst[0], &tl[0], &tr[0], &bl[0], &br[0], n/8, x, y)
	}
	if n == len(dst) {
		return
	}
	if n == 0 {
		blendChannels(signed, dst, tl, tr, bl, br, x, y)
		return
	}
	n = len(dst) - 8 // what is left, with some of what is done
	if signed {
		bilinear8SAVX2(&dst[n], &tl[n], &tr[n], &bl[n], &br[n], 1, x, y)
	} else {
		bilinear8UAVX2(&dst[n], &tl[n], &tr[n], &bl[n], &br[n], 1, x, y)
	}
}
