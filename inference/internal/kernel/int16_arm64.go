//go:build !noasm

package kernel

//go:noescape
func gemm16x1NEON(t *tile8)

//go:noescape
func gemm16x2NEON(t *tile8)

//go:noescape
func gemm16x3NEON(t *tile8)

//go:noescape
func gemm16x4NEON(t *tile8)

//go:noescape
func depthwise16x1NEON(t *taps8)

//go:noescape
func depthwise16x2NEON(t *taps8)

//go:noescape
func depthwise16x3NEON(t *taps8)

//go:noescape
func depthwise16x4NEON(t *taps8)

//go:noescape
func finishFixed16(f *finish16)

//go:noescape
func finishReal16(f *finish16)

//go:noescape
func split16(upper, lower *byte, src *int16, blocks int, flipUpper, flipLower uint64)

// reals16 tells whether there are kernels that multiply in float64.
const reals16 = true

// logical16 is 0 where a shift keeps the sign.
const logical16 uint64 = 0

// lanes16 is where each of eight channels stands once they are 64 bits wide.
var lanes16 = [8]int{0, 1, 2, 3, 4, 5, 6, 7}

// vector16Of returns the matrix kernels of a tier for 16-bit inputs, nil where it has
// none. The dot product extension multiplies bytes; without it products of 16 bits cost
// no more.
func vector16Of(tier string) *vector8 {
	if tier == TierNEON {
		return &vector8{tier: tier, panel: 16, signed: true, wide: true, single: true}
	}
	return vector8Of(tier)
}

func gemm16NEON(rows int, t *tile8) {
	switch rows {
	case 1:
		gemm16x1NEON(t)
	case 2:
		gemm16x2NEON(t)
	case 3:
		gemm16x3NEON(t)
	case 4:
		gemm16x4NEON(t)
	}
}

// tapSet16 is how many taps a product of depthwise kernels adds, depthwisePixels16 the
// pixels of the largest.
const (
	tapSet16          = 1
	depthwisePixels16 = 4
)

// tapLane16 is where tap i of a channel stands among those of 16.
func tapLane16(channel, i int) int { return channel }

func depthwise16(pixels int, t *taps8) {
	switch pixels {
	case 1:
		depthwise16x1NEON(t)
	case 2:
		depthwise16x2NEON(t)
	case 3:
		depthwise16x3NEON(t)
	case 4:
		depthwise16x4NEON(t)
	}
}
