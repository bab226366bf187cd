package kernel

import "testing"

// TestDepthwiseTFLiteBlocks: whole blocks of 8 channels round half up, what is left away
// from zero.
func TestDepthwiseTFLiteBlocks(t *testing.T) {
	for channels := 1; channels <= 40; channels++ {
		const pixels = 3
		d := &DepthwiseTFLite{
			Window: Window{InH: 1, InW: pixels, OutH: 1, OutW: pixels, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1},
			Batch:  1, InC: channels, Multiplier: 1, InZero: 4, Out: Clamp8{Zero: 10, Min: -128, Max: 127},
		}
		for range channels {
			d.Weights, d.Bias, d.Factor = append(d.Weights, 1), append(d.Bias, 0), append(d.Factor, NewMultiplier(0.25))
		}
		src, dst := make([]int8, pixels*channels), make([]int8, pixels*channels)
		for i := range src {
			src[i] = -2
		}
		d.Run(dst, src)
		for i, got := range dst { // -6 in quarters
			want := int8(8)
			if i%channels < channels/8*8 {
				want = 9
			}
			if got != want {
				t.Fatalf("%d channels, element %d: %d, want %d", channels, i, got, want)
			}
		}
	}
}
