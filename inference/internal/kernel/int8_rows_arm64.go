//go:build !noasm

package kernel

//go:noescape
func add8SNEON(t *row8)

//go:noescape
func add8UNEON(t *row8)

//go:noescape
func mul8SNEON(t *row8)

//go:noescape
func mul8UNEON(t *row8)

//go:noescape
func sumWindow8SNEON(acc *int32, src *byte, pixel, nx, line, ny int)

//go:noescape
func sumWindow8UNEON(acc *int32, src *byte, pixel, nx, line, ny int)

//go:noescape
func maxRow8SNEON(dst, src *byte, blocks int)

//go:noescape
func maxRow8UNEON(dst, src *byte, blocks int)

//go:noescape
func bilinear8SNEON(dst, tl, tr, bl, br *byte, blocks, x, y int)

//go:noescape
func bilinear8UNEON(dst, tl, tr, bl, br *byte, blocks, x, y int)

func (v *vector8) add(signed bool, t *row8) {
	if signed {
		add8SNEON(t)
	} else {
		add8UNEON(t)
	}
}

func (v *vector8) mul(signed bool, t *row8) {
	if signed {
		mul8SNEON(t)
	} else {
		mul8UNEON(t)
	}
}

// sumWindow writes the sums of 16 channels over ny lines of nx pixels.
func (v *vector8) sumWindow(signed bool, acc []int32, src []byte, pixel, nx, line, ny int, mask uint32) {
	switch {
	case mask != 1<<16-1:
		sumChannels(signed, acc, src, pixel, nx, line, ny, mask)
	case signed:
		sumWindow8SNEON(&acc[0], &src[0], pixel, nx, line, ny)
	default:
		sumWindow8UNEON(&acc[0], &src[0], pixel, nx, line, ny)
	}
}

// maxRow keeps the larger of each element of dst and src.
func (v *vector8) maxRow(signed bool, dst, src []byte) {
	n := len(src) &^ 15
	switch {
	case n > 0 && signed:
		maxRow8SNEON(&dst[0], &src[0], n/16)
	case n > 0:
		maxRow8UNEON(&dst[0], &src[0], n/16)
	}
	maxElements(signed, dst[n:], src[n:])
}

// argMax, softmax and dot have no kernels here.
func (v *vector8) argMax(signed bool, dst []int32, src []byte, n int) { panic("no vector kernels") }
func (v *vector8) softmax(signed bool, t *softmaxRows)                { panic("no vector kernels") }
func (v *vector8) dot(x, w []byte, flip byte) int32                   { panic("no vector kernels") }

// bilinear blends four pixels of as many channels as dst has.
func (v *vector8) bilinear(signed bool, dst, tl, tr, bl, br []byte, x, y int32) {
	n := len(dst) &^ 7
	switch {
	case n > 0 && signed:
		bilinear8SNEON(&dst[0], &tl[0], &tr[0], &bl[0], &br[0], n/8, int(x), int(y))
	case n > 0:
		bilinear8UNEON(&dst[0], &tl[0], &tr[0], &bl[0], &br[0], n/8, int(x), int(y))
	}
	blendChannels(signed, dst[n:], tl[n:], tr[n:], bl[n:], br[n:], x, y)
}
