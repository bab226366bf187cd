//go:build !noasm

package kernel

//go:noescape
func add8SVNNI(t *row8)

//go:noescape
func mul8SVNNI(t *row8)

//go:noescape
func sumWindow8SVNNI(acc *int32, src *byte, pixel, nx, line, ny int, mask uint32)

//go:noescape
func maxRow8SVNNI(dst, src *byte, n int)

//go:noescape
func add8UVNNI(t *row8)

//go:noescape
func mul8UVNNI(t *row8)

//go:noescape
func sumWindow8UVNNI(acc *int32, src *byte, pixel, nx, line, ny int, mask uint32)

//go:noescape
func maxRow8UVNNI(dst, src *byte, n int)

//go:noescape
func softmax8SVNNI(t *softmaxRows)

//go:noescape
func softmax8UVNNI(t *softmaxRows)

//go:noescape
func argMax8VNNI(dst *int32, src *byte, n, rows int, flip uint32)

//go:noescape
func bilinear8SVNNI(dst, tl, tr, bl, br *byte, n int, x, y int32)

//go:noescape
func bilinear8UVNNI(dst, tl, tr, bl, br *byte, n int, x, y int32)

func (v *vector8) add(signed bool, t *row8) {
	switch {
	case v.set != setVNNI && signed:
		add8SAVX2(t)
	case v.set != setVNNI:
		add8UAVX2(t)
	case signed:
		add8SVNNI(t)
	default:
		add8UVNNI(t)
	}
}

func (v *vector8) mul(signed bool, t *row8) {
	switch {
	case v.set != setVNNI && signed:
		mul8SAVX2(t)
	case v.set != setVNNI:
		mul8UAVX2(t)
	case signed:
		mul8SVNNI(t)
	default:
		mul8UVNNI(t)
	}
}

// sumWindow writes the sums of 16 channels over ny lines of nx pixels.
func (v *vector8) sumWindow(signed bool, acc []int32, src []byte, pixel, nx, line, ny int, mask uint32) {
	switch {
	case v.set != setVNNI:
		sumWindowAVX2(signed, acc, src, pixel, nx, line, ny, mask)
	case signed:
		sumWindow8SVNNI(&acc[0], &src[0], pixel, nx, line, ny, mask)
	default:
		sumWindow8UVNNI(&acc[0], &src[0], pixel, nx, line, ny, mask)
	}
}

// maxRow keeps the larger of each element of dst and src.
func (v *vector8) maxRow(signed bool, dst, src []byte) {
	switch {
	case v.set != setVNNI:
		maxRowAVX2(signed, dst, src)
	case signed:
		maxRow8SVNNI(&dst[0], &src[0], len(src))
	default:
		maxRow8UVNNI(&dst[0], &src[0], len(src))
	}
}

// argMax writes the position of the first largest of n <= 64 elements a row.
func (v *vector8) argMax(signed bool, dst []int32, src []byte, n int) {
	flip := uint32(0xFFFFFFFF)
	if signed {
		flip = 0x7F7F7F7F
	}
	if v.set == setVNNI {
		argMax8VNNI(&dst[0], &src[0], n, len(src)/n, flip)
		return
	}
	rows := len(src) / n
	if n < 32 { // where a whole vector is there
		rows = max(len(src)-32+n, 0) / n
	}
	if rows > 0 {
		argMax8AVX2(&dst[0], &src[0], n, rows, flip, &laneMasks[0])
	}
	if signed {
		argMaxRows(dst[rows:], signedOf(src[rows*n:]), n)
	} else {
		argMaxRows(dst[rows:], src[rows*n:], n)
	}
}

// bilinear blends four pixels of as many channels as dst has.
func (v *vector8) bilinear(signed bool, dst, tl, tr, bl, br []byte, x, y int32) {
	switch {
	case v.set != setVNNI:
		bilinearAVX2(signed, dst, tl, tr, bl, br, x, y)
	case signed:
		bilinear8SVNNI(&dst[0], &tl[0], &tr[0], &bl[0], &br[0], len(dst), x, y)
	default:
		bilinear8UVNNI(&dst[0], &tl[0], &tr[0], &bl[0], &br[0], len(dst), x, y)
	}
}

// softmax normalizes rows; kernels that store parts of vectors have it.
func (v *vector8) softmax(signed bool, t *softmaxRows) {
	if signed {
		softmax8SVNNI(t)
	} else {
		softmax8UVNNI(t)
	}
}
