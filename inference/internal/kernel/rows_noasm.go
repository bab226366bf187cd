//go:build noasm || (!amd64 && !arm64)

package kernel

// No tier of these builds has row kernels.
func rowsOf(tier string) *vectorRows { return nil }

func (v *vectorRows) lanes() int { panic("no vector kernels") }

func (v *vectorRows) table(dst, src []byte, blocks int, t *Map8) {
	panic("no vector kernels")
}
func (v *vectorRows) quantize(dst []byte, src []float32, blocks int, p *rounding) {
	panic("no vector kernels")
}
func (v *vectorRows) dequantize(signed bool, dst []float32, src []byte, blocks int, scale float32, zero int32) {
	panic("no vector kernels")
}
func (v *vectorRows) bounds(src []float32, blocks int, b *[2]float32) { panic("no vector kernels") }
func (v *vectorRows) finish(t *dynamicRow)                            { panic("no vector kernels") }
func (v *vectorRows) rowMax(dst, src []byte, stride, n int)           { panic("no vector kernels") }
func (v *vectorRows) real(f realFunction, dst, src []float32, blocks int) (done int) {
	panic("no vector kernels")
}
func (v *vectorRows) butterflies(re, im []float64, half int, turns []float64) {
	panic("no vector kernels")
}
