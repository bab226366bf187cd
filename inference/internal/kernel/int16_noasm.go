//go:build noasm || (!amd64 && !arm64 && !arm)

package kernel

const reals16 = false

const logical16 uint64 = 0

var lanes16 [8]int

func finishFixed16(f *finish16) { panic("no vector kernels") }
func finishReal16(f *finish16)  { panic("no vector kernels") }

func split16(upper, lower *byte, src *int16, blocks int, flipUpper, flipLower uint64) {
	panic("no vector kernels")
}

func vector16Of(tier string) *vector8 { return nil }

const (
	tapSet16          = 1
	depthwisePixels16 = 1
)

func tapLane16(channel, i int) int { panic("no vector kernels") }

func depthwise16(pixels int, t *taps8) { panic("no vector kernels") }
