//go:build noasm || (!amd64 && !arm64)

package kernel

// kernels16 tells whether there are kernels beside those of matrices.
const kernels16 = false

const logical16 uint64 = 0

var lanes16 [8]int

func finishFixed16(f *finish16) { panic("no vector kernels") }
func finishReal16(f *finish16)  { panic("no vector kernels") }

func split16(upper, lower *byte, src *int16, blocks int, flipUpper, flipLower uint64) {
	panic("no vector kernels")
}

// vector16Of returns the matrix kernels of a tier for 16-bit inputs, nil where it has none.
func vector16Of(tier string) *vector8 { return vector8Of(tier) }

const tapSet16 = 1

func tapLane16(channel, i int) int { panic("no vector kernels") }

func depthwise16(pixels int, t *taps8) { panic("no vector kernels") }
