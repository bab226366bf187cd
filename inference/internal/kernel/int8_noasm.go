//go:build noasm || (!amd64 && !arm64 && !arm)

package kernel

func vector8Of(tier string) *vector8 { return nil }

func (v *vector8) gemm(rows, vectors int, t *tile8) { panic("no vector kernels") }
func (v *vector8) pixels(vectors int) int           { panic("no vector kernels") }
func (v *vector8) flip(dst, src []byte, flip byte)  { panic("no vector kernels") }

func (v *vector8) depthwisePixels() int { panic("no vector kernels") }
func (v *vector8) order() *uint32       { panic("no vector kernels") }

func (v *vector8) depthwise(pixels int, t *taps8) { panic("no vector kernels") }
func (v *vector8) interleave(dst []byte, r *[4][]byte, blocks int, flip byte) {
	panic("no vector kernels")
}
func (v *vector8) sumPixels(dst []int32, in []byte, step int, offsets []int, length int, factor int32) {
	panic("no vector kernels")
}
