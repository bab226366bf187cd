package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// BenchmarkF32 times square layers: size, inputs, outputs (0: depthwise), window, stride;
// the peak is measured beside.
func BenchmarkF32(b *testing.B) {
	v, peak := vectorsF32[Tier()], peakF32(Tier())
	if v == nil {
		b.Skip("no vector kernels")
	}
	for _, s := range [][5]int{{32, 16, 16, 3, 1}, {32, 144, 16, 1, 1}, {32, 48, 16, 1, 1}, {16, 288, 32, 1, 1}, {16, 32, 32, 3, 1}, {8, 64, 64, 3, 1}, {16, 32, 64, 3, 2}, {12, 64, 64, 1, 1}, {6, 128, 128, 1, 1}, {3, 256, 256, 1, 1}, {48, 8, 16, 1, 1}, {96, 3, 8, 3, 2}, {48, 8, 0, 3, 1}, {12, 64, 0, 3, 1}, {6, 128, 0, 3, 1}, {24, 32, 0, 3, 2}} {
		b.Run(fmt.Sprintf("%dx%dto%dk%ds%d", s[0], s[1], s[2], s[3], s[4]), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 5))
			w := Window{InH: s[0], InW: s[0], OutH: s[0] / s[4], OutW: s[0] / s[4], KH: s[3], KW: s[3], StrideH: s[4], StrideW: s[4], DilationH: 1, DilationW: 1, PadTop: s[3] / 2, PadLeft: s[3] / 2}
			src := make([]float32, s[0]*s[0]*s[1])
			for i := range src {
				src[i] = rng.Float32()
			}
			var run func()
			macs := 0
			if s[2] == 0 {
				d := &DepthwiseF32{Window: w, Batch: 1, InC: s[1], Multiplier: 1, Out: Range{0, 6}, Weights: make([]float32, s[3]*s[3]*s[1]), Bias: make([]float32, s[1])}
				t := d.tiles(v)
				dst, buf := make([]float32, w.OutH*w.OutW*s[1]), make([]float32, t.in.size())
				run = func() { t.run(dst, src, buf) }
				macs = w.OutH * w.OutW * s[1] * s[3] * s[3]
			} else {
				c := &ConvF32{Window: w, Batch: 1, Groups: 1, InC: s[1], OutC: s[2], Out: Range{0, 6}}
				c.Weights, c.Bias = make([]float32, c.OutC*c.Depth()), make([]float32, c.OutC)
				t := c.tiles(v)
				dst, buf := make([]float32, w.OutH*w.OutW*s[2]), make([]float32, t.in.size())
				run = func() { t.run(dst, src, buf) }
				macs = w.OutH * w.OutW * s[2] * c.Depth()
			}
			var parts []float64
			for b.Loop() {
				start := time.Now()
				run()
				d := time.Since(start)
				start = time.Now()
				peak.run(peakRounds / 10)
				rate := float64(peak.macs*peakRounds/10) / time.Since(start).Seconds()
				parts = append(parts, 100*float64(macs)/d.Seconds()/rate)
			}
			slices.Sort(parts)
			b.ReportMetric(parts[len(parts)/2], "%peak")
		})
	}
}
