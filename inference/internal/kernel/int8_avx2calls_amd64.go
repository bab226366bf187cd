//go:build !noasm

package kernel

//go:noescape
func gemm8x1AVX2(t *tile8)

//go:noescape
func gemm8x2AVX2(t *tile8)

//go:noescape
func gemm8x3AVX2(t *tile8)

//go:noescape
func gemm8x4AVX2(t *tile8)

//go:noescape
func gemm8x5AVX2(t *tile8)

//go:noescape
func gemm8x6AVX2(t *tile8)

//go:noescape
func depthwise8x1AVX2(t *taps8)

//go:noescape
func depthwise8x2AVX2(t *taps8)

//go:noescape
func depthwise8x3AVX2(t *taps8)

//go:noescape
func depthwise8x4AVX2(t *taps8)

//go:noescape
func gemm8x1AVXVNNI(t *tile8)

//go:noescape
func gemm8x2AVXVNNI(t *tile8)

//go:noescape
func gemm8x3AVXVNNI(t *tile8)

//go:noescape
func gemm8x4AVXVNNI(t *tile8)

//go:noescape
func gemm8x5AVXVNNI(t *tile8)

//go:noescape
func gemm8x6AVXVNNI(t *tile8)

//go:noescape
func depthwise8x1AVXVNNI(t *taps8)

//go:noescape
func depthwise8x2AVXVNNI(t *taps8)

//go:noescape
func depthwise8x3AVXVNNI(t *taps8)

//go:noescape
func depthwise8x4AVXVNNI(t *taps8)

//go:noescape
func gemm8x1Twin(t *tile8)

//go:noescape
func gemm8x2Twin(t *tile8)

//go:noescape
func gemm8x3Twin(t *tile8)

//go:noescape
func gemm8x4Twin(t *tile8)

//go:noescape
func gemm8x5Twin(t *tile8)

//go:noescape
func gemm8x6Twin(t *tile8)

//go:noescape
func depthwise8x1Twin(t *taps8)

//go:noescape
func depthwise8x2Twin(t *taps8)

//go:noescape
func depthwise8x3Twin(t *taps8)

//go:noescape
func depthwise8x4Twin(t *taps8)

// Calls name each kernel: through a function value its arguments would move
// to the heap.

func gemm8AVX2(rows int, t *tile8) {
	switch rows {
	case 1:
		gemm8x1AVX2(t)
	case 2:
		gemm8x2AVX2(t)
	case 3:
		gemm8x3AVX2(t)
	case 4:
		gemm8x4AVX2(t)
	case 5:
		gemm8x5AVX2(t)
	case 6:
		gemm8x6AVX2(t)
	}
}

func depthwise8AVX2(pixels int, t *taps8) {
	switch pixels {
	case 1:
		depthwise8x1AVX2(t)
	case 2:
		depthwise8x2AVX2(t)
	case 3:
		depthwise8x3AVX2(t)
	case 4:
		depthwise8x4AVX2(t)
	}
}

func gemm8AVXVNNI(rows int, t *tile8) {
	switch rows {
	case 1:
		gemm8x1AVXVNNI(t)
	case 2:
		gemm8x2AVXVNNI(t)
	case 3:
		gemm8x3AVXVNNI(t)
	case 4:
		gemm8x4AVXVNNI(t)
	case 5:
		gemm8x5AVXVNNI(t)
	case 6:
		gemm8x6AVXVNNI(t)
	}
}

func depthwise8AVXVNNI(pixels int, t *taps8) {
	switch pixels {
	case 1:
		depthwise8x1AVXVNNI(t)
	case 2:
		depthwise8x2AVXVNNI(t)
	case 3:
		depthwise8x3AVXVNNI(t)
	case 4:
		depthwise8x4AVXVNNI(t)
	}
}

func gemm8Twin(rows int, t *tile8) {
	switch rows {
	case 1:
		gemm8x1Twin(t)
	case 2:
		gemm8x2Twin(t)
	case 3:
		gemm8x3Twin(t)
	case 4:
		gemm8x4Twin(t)
	case 5:
		gemm8x5Twin(t)
	case 6:
		gemm8x6Twin(t)
	}
}

func depthwise8Twin(pixels int, t *taps8) {
	switch pixels {
	case 1:
		depthwise8x1Twin(t)
	case 2:
		depthwise8x2Twin(t)
	case 3:
		depthwise8x3Twin(t)
	case 4:
		depthwise8x4Twin(t)
	}
}
