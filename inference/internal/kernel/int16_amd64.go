//go:build !noasm

package kernel

//go:noescape
func finishFixed16(f *finish16)

//go:noescape
func finishReal16(f *finish16)

//go:noescape
func split16(upper, lower *byte, src *int16, blocks int, flipUpper, flipLower uint64)

// reals16 tells whether there are kernels that multiply in float64.
const reals16 = true

// logical16 makes numbers of 64 bits positive for a shift without sign.
const logical16 uint64 = 1 << 63

// lanes16 is where each of eight channels stands once they are 64 bits wide.
var lanes16 = [8]int{0, 1, 4, 5, 2, 3, 6, 7}

// vector16Of returns the matrix kernels of a tier for 16-bit inputs, nil where it has none.
func vector16Of(tier string) *vector8 { return vector8Of(tier) }

//go:noescape
func depthwise16x1AVX2(t *taps8)

//go:noescape
func depthwise16x2AVX2(t *taps8)

//go:noescape
func depthwise16x3AVX2(t *taps8)

//go:noescape
func depthwise16x4AVX2(t *taps8)

// tapSet16 is how many taps a product of depthwise kernels adds, depthwisePixels16 the
// pixels of the largest.
const (
	tapSet16          = 2
	depthwisePixels16 = 4
)

// tapLane16 is where tap i of a channel stands among those of 16.
func tapLane16(channel, i int) int { return 2*(channel&3|channel&8>>1|channel&4<<1) + i }

func depthwise16(pixels int, t *taps8) {
	switch pixels {
	case 1:
		depthwise16x1AVX2(t)
	case 2:
		depthwise16x2AVX2(t)
	case 3:
		depthwise16x3AVX2(t)
	case 4:
		depthwise16x4AVX2(t)
	}
}
