//go:build noasm || (!amd64 && !arm64)

package kernel

var vectorsF32 map[string]*vectorF32

func (v *vectorF32) gemm(rows, vectors int, t *tileF32) { panic("no vector kernels") }
func (v *vectorF32) gemv(t *tileF32)                    { panic("no vector kernels") }
func (v *vectorF32) depthwise(pixels int, t *tapsF32)   { panic("no vector kernels") }
func (v *vectorF32) binary(op binaryOp, t *rowF32)      { panic("no vector kernels") }
func (v *vectorF32) maxWindow(t *windowF32)             { panic("no vector kernels") }
