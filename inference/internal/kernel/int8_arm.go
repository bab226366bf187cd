//go:build !noasm

package kernel

//go:noescape
func gemm8x1ARMv7(t *tile8)

//go:noescape
func gemm8x2ARMv7(t *tile8)

//go:noescape
func depthwise8x1ARMv7(t *taps8)

//go:noescape
func interleaveARMv7(dst, r0, r1, r2, r3 *byte, blocks int, flip uint32)

// vector8Of returns the 8-bit kernels of a tier, nil where it has none.
func vector8Of(tier string) *vector8 {
	if tier != TierARMv7NEON {
		return nil
	}
	return &vector8{tier: tier, panel: 16, signed: true, sums: true, narrowSums: true}
}

func (v *vector8) gemm(rows, vectors int, t *tile8) {
	switch {
	case v.wide && rows == 1:
		gemm16x1ARMv7(t)
	case v.wide:
		gemm16x2ARMv7(t)
	case rows == 1:
		gemm8x1ARMv7(t)
	default:
		gemm8x2ARMv7(t)
	}
}

// pixels returns those of the largest tile.
func (v *vector8) pixels(vectors int) int { return 2 }

// depthwisePixels returns how many pixels a depthwise kernel takes at once.
func (v *vector8) depthwisePixels() int { return 1 }

func (v *vector8) depthwise(pixels int, t *taps8) { depthwise8x1ARMv7(t) }

func (v *vector8) interleave(dst []byte, r *[4][]byte, blocks int, flip byte) {
	interleaveARMv7(&dst[0], &r[0][0], &r[1][0], &r[2][0], &r[3][0], blocks, uint32(flip)*0x01010101)
}
