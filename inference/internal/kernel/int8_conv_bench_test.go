package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func BenchmarkConv8(b *testing.B) {
	b.Run("int8", benchConv8[int8])
	b.Run("uint8", benchConv8[uint8])
}

// benchConv8 times 1x1 layers of M pixels, K inputs and N outputs. The clock of a core
// changes while it works, so the peak is measured beside.
func benchConv8[T Byte](b *testing.B) {
	peak := peak8(Tier())
	if peak.run == nil {
		b.Skip("no vector kernels")
	}
	for _, s := range [][3]int{{3136, 64, 64}, {3136, 64, 128}, {3136, 128, 128}, {784, 128, 256}, {784, 256, 256}, {196, 384, 64}, {196, 64, 384}, {196, 256, 512}, {196, 512, 512}, {361, 384, 384}, {49, 512, 1024}, {49, 1024, 1024}, {49, 160, 960}, {49, 960, 160}, {100, 768, 768}} {
		b.Run(fmt.Sprintf("%dx%dx%d", s[0], s[1], s[2]), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 5))
			c := &Conv[T]{
				Window: Window{InH: 1, InW: s[0], OutH: 1, OutW: s[0], KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1},
				Batch:  1, Groups: 1, InC: s[1], OutC: s[2],
			}
			if !isSigned[T]() {
				c.WeightZero = 119
			}
			c.Weights = randomTensor8[T](rng, c.InC*c.OutC)
			c.Bias, c.Scale, c.Out = randomOutput[T](rng, c.OutC)
			for i := range c.Scale {
				c.Scale[i] = 0.001
			}
			c.Choose()
			c.Pack(nil)
			src, dst := randomTensor8[T](rng, s[0]*s[1]), make([]T, s[0]*s[2])
			_, _, staged, sums := c.ScratchSizes()
			scratch := Scratch[T]{Staged: make([]byte, staged), Sums: make([]int32, sums)}
			var parts []float64
			for b.Loop() {
				start := time.Now()
				c.Run(dst, src, scratch)
				run := time.Since(start)
				start = time.Now()
				peak.run(peakRounds / 10)
				rate := float64(peak.macs*peakRounds/10) / time.Since(start).Seconds()
				parts = append(parts, 100*float64(c.MACs())/run.Seconds()/rate)
			}
			slices.Sort(parts)
			b.ReportMetric(parts[len(parts)/2], "%peak")
		})
	}
}
