package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkDepthwise8 times a 3x3 layer without its padding's edges; a lane is an
// output.
func BenchmarkDepthwise8(b *testing.B) {
	for _, s := range [][4]int{{25, 5, 64, 1}, {14, 14, 64, 1}, {7, 7, 960, 1}, {48, 48, 16, 1}, {56, 56, 144, 2}, {28, 28, 24, 1}} {
		b.Run(fmt.Sprintf("%dx%dx%ds%d", s[0], s[1], s[2], s[3]), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 5))
			d := &Depthwise[int8]{
				Window: Window{InH: s[0], InW: s[1], OutH: s[0] / s[3], OutW: s[1] / s[3], KH: 3, KW: 3, StrideH: s[3], StrideW: s[3],
					DilationH: 1, DilationW: 1, PadTop: 1, PadLeft: 1},
				Batch: 1, InC: s[2], Multiplier: 1,
			}
			d.Weights = randomTensor8[int8](rng, 9*d.InC)
			d.Bias, d.Scale, d.Out = randomOutput[int8](rng, d.InC)
			d.Choose()
			d.Pack(nil)
			src, dst := randomTensor8[int8](rng, s[0]*s[1]*s[2]), make([]int8, d.OutH*d.OutW*d.InC)
			scratch := make([]byte, d.Scratch())
			for b.Loop() {
				d.Run(dst, src, scratch)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(dst))*16, "ns/16")
		})
	}
}
