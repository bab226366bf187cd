//go:build !noasm

package kernel

//go:noescape
func gemm8x1Dotprod(t *tile8)

//go:noescape
func gemm8x2Dotprod(t *tile8)

//go:noescape
func gemm8x3Dotprod(t *tile8)

//go:noescape
func gemm8x4Dotprod(t *tile8)

//go:noescape
func depthwise8x1Dotprod(t *taps8)

//go:noescape
func depthwise8x2Dotprod(t *taps8)

//go:noescape
func depthwise8x3Dotprod(t *taps8)

//go:noescape
func depthwise8x4Dotprod(t *taps8)

//go:noescape
func gemm8x1NEON(t *tile8)

//go:noescape
func gemm8x2NEON(t *tile8)

//go:noescape
func gemm8x3NEON(t *tile8)

//go:noescape
func gemm8x4NEON(t *tile8)

//go:noescape
func depthwise8x1NEON(t *taps8)

//go:noescape
func depthwise8x2NEON(t *taps8)

//go:noescape
func depthwise8x3NEON(t *taps8)

//go:noescape
func depthwise8x4NEON(t *taps8)

//go:noescape
func interleaveNEON(dst, r0, r1, r2, r3 *byte, blocks int, flip uint64)

// vector8Of returns the 8-bit kernels of a tier, nil where it has none.
func vector8Of(tier string) *vector8 {
	switch tier {
	case TierI8MM:
		return &vector8{tier: tier, panel: 16, signed: true, rows: true, sums: true, octs: true}
	case TierDotprod:
		return &vector8{tier: tier, panel: 16, signed: true, rows: true, sums: true}
	case TierNEON:
		return &vector8{tier: tier, panel: 16, signed: true, rows: true, sums: true, narrowSums: true}
	}
	return nil
}

func (v *vector8) gemm(rows, vectors int, t *tile8) {
	switch {
	case v.wide:
		gemm16NEON(rows, t)
	case v.octs:
		gemm8I8MM(rows, t)
	case v.narrowSums:
		gemm8NEON(rows, t)
	default:
		gemm8Dotprod(rows, t)
	}
}

func gemm8Dotprod(rows int, t *tile8) {
	switch rows {
	case 1:
		gemm8x1Dotprod(t)
	case 2:
		gemm8x2Dotprod(t)
	case 3:
		gemm8x3Dotprod(t)
	case 4:
		gemm8x4Dotprod(t)
	}
}

func gemm8NEON(rows int, t *tile8) {
	switch rows {
	case 1:
		gemm8x1NEON(t)
	case 2:
		gemm8x2NEON(t)
	case 3:
		gemm8x3NEON(t)
	case 4:
		gemm8x4NEON(t)
	}
}

// pixels returns those of the largest tile.
func (v *vector8) pixels(vectors int) int { return 4 }

// depthwisePixels returns how many pixels a depthwise kernel takes at once.
func (v *vector8) depthwisePixels() int { return 4 }

func (v *vector8) depthwise(pixels int, t *taps8) {
	if v.narrowSums {
		depthwise8NEON(pixels, t)
	} else {
		depthwise8Dotprod(pixels, t)
	}
}

func depthwise8Dotprod(pixels int, t *taps8) {
	switch pixels {
	case 1:
		depthwise8x1Dotprod(t)
	case 2:
		depthwise8x2Dotprod(t)
	case 3:
		depthwise8x3Dotprod(t)
	case 4:
		depthwise8x4Dotprod(t)
	}
}

func depthwise8NEON(pixels int, t *taps8) {
	switch pixels {
	case 1:
		depthwise8x1NEON(t)
	case 2:
		depthwise8x2NEON(t)
	case 3:
		depthwise8x3NEON(t)
	case 4:
		depthwise8x4NEON(t)
	}
}

func (v *vector8) interleave(dst []byte, r *[4][]byte, blocks int, flip byte) {
	interleaveNEON(&dst[0], &r[0][0], &r[1][0], &r[2][0], &r[3][0], blocks, uint64(flip)*0x0101010101010101)
}
