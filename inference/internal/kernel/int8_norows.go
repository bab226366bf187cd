//go:build noasm || (!amd64 && !arm64)

package kernel

// No tier of these builds has more than matrix kernels.

func (v *vector8) add(signed bool, t *row8) { panic("no vector kernels") }
func (v *vector8) mul(signed bool, t *row8) { panic("no vector kernels") }
func (v *vector8) sumWindow(signed bool, acc []int32, src []byte, pixel, nx, line, ny int, mask uint32) {
	panic("no vector kernels")
}
func (v *vector8) maxRow(signed bool, dst, src []byte)                { panic("no vector kernels") }
func (v *vector8) argMax(signed bool, dst []int32, src []byte, n int) { panic("no vector kernels") }
func (v *vector8) softmax(signed bool, t *softmaxRows)                { panic("no vector kernels") }
func (v *vector8) dot(x, w []byte, flip byte) int32                   { panic("no vector kernels") }
func (v *vector8) bilinear(signed bool, dst, tl, tr, bl, br []byte, x, y int32) {
	panic("no vector kernels")
}
