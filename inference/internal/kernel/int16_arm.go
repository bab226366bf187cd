//go:build !noasm

package kernel

//go:noescape
func gemm16x1ARMv7(t *tile8)

//go:noescape
func gemm16x2ARMv7(t *tile8)

//go:noescape
func depthwise16x1ARMv7(t *taps8)

//go:noescape
func depthwise16x2ARMv7(t *taps8)

//go:noescape
func finish16FixedARMv7(f *finish16)

// reals16 tells whether there are kernels that multiply in float64, which NEON of Armv7 does not.
const reals16 = false

// logical16 is 0 where a shift keeps the sign.
const logical16 uint64 = 0

// lanes16 is where each of eight channels stands once they are 64 bits wide.
var lanes16 = [8]int{0, 1, 2, 3, 4, 5, 6, 7}

// vector16Of returns the matrix kernels of a tier for 16-bit inputs, nil where it has none.
func vector16Of(tier string) *vector8 {
	if tier != TierARMv7NEON {
		return nil
	}
	return &vector8{tier: tier, panel: 16, signed: true, wide: true, single: true}
}

// tapSet16 is how many taps a product of depthwise kernels adds, depthwisePixels16 the
// pixels of the largest.
const (
	tapSet16          = 1
	depthwisePixels16 = 2
)

// tapLane16 is where tap i of a channel stands among those of 16.
func tapLane16(channel, i int) int { return channel }

func depthwise16(pixels int, t *taps8) {
	if pixels == 1 {
		depthwise16x1ARMv7(t)
	} else {
		depthwise16x2ARMv7(t)
	}
}

func finishFixed16(f *finish16) { finish16FixedARMv7(f) }
func finishReal16(f *finish16)  { panic("no vector kernels") }

func split16(upper, lower *byte, src *int16, blocks int, flipUpper, flipLower uint64) {
	panic("no vector kernels")
}
