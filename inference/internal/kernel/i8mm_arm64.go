//go:build !noasm

package kernel

//go:noescape
func gemm8x1I8MM(t *tile8)

//go:noescape
func gemm8x2I8MM(t *tile8)

//go:noescape
func gemm8x3I8MM(t *tile8)

//go:noescape
func gemm8x4I8MM(t *tile8)

func gemm8I8MM(rows int, t *tile8) {
	switch rows {
	case 1:
		gemm8x1I8MM(t)
	case 2:
		gemm8x2I8MM(t)
	case 3:
		gemm8x3I8MM(t)
	case 4:
		gemm8x4I8MM(t)
	}
}
