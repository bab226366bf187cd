package kernel

import "testing"

// TestSoftmaxBelowHalf: to the number next below a half uint8 adds another in float32,
// which makes 1; int8 rounds it to 0.
func TestSoftmaxBelowHalf(t *testing.T) {
	const scale, outScale = 0.25, 0x1.c054dp-01
	for _, tier := range append(Tiers(), TierGeneric) {
		t.Setenv(TierVariable, tier)
		bytes, ints := make([]uint8, 2), make([]int8, 2)
		NewSoftmax[uint8](scale, 1, outScale, Clamp8{Max: 255}).Run(bytes, []uint8{255, 254}, 2)
		sameBytes(t, tier+", uint8", bytes, []uint8{1, 1})
		NewSoftmax[int8](scale, 1, outScale, Clamp8{Zero: -128, Min: -128, Max: 127}).Run(ints, []int8{127, 126}, 2)
		sameBytes(t, tier+", int8", ints, []int8{-127, -128})
	}
}
