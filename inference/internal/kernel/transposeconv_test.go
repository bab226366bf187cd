package kernel

import "testing"

// TestStoreTFLiteBlocks: whole blocks round half up, of 8 channels for int8, of 16
// elements for uint8; what is left away from zero.
func TestStoreTFLiteBlocks(t *testing.T) {
	testStoreTFLiteBlocks[int8](t, func(_, ch, _, channels int) bool { return ch < channels/8*8 })
	testStoreTFLiteBlocks[uint8](t, func(i, _, n, _ int) bool { return i < n/16*16 })
}

func testStoreTFLiteBlocks[T Byte](t *testing.T, up func(i, ch, n, channels int) bool) {
	for channels := 1; channels <= 40; channels++ {
		const pixels = 3
		n := pixels * channels
		dst, sums, bias, factor := make([]T, n), make([]int32, n), make([]int32, channels), make([]Multiplier, channels)
		for i := range sums {
			sums[i] = int32(-4 * (i%channels + 1))
		}
		for ch := range bias {
			bias[ch], factor[ch] = int32(4*ch-2), NewMultiplier(0.25)
		}
		StoreTFLite(dst, sums, bias, factor, Clamp8{Zero: 10, Min: 0, Max: 100})
		for i, got := range dst { // -6 in quarters
			want := T(8)
			if up(i, i%channels, n, channels) {
				want = 9
			}
			if got != want {
				t.Fatalf("%T, %d channels, element %d: %d, want %d", got, channels, i, got, want)
			}
		}
	}
}
