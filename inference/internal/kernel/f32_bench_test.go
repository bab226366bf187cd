package kernel

import (
	"math/rand/v2"
	"testing"
)

func BenchmarkConvTilesF32(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	c := &ConvF32{
		Window: Window{InH: 96, InW: 96, OutH: 48, OutW: 48, KH: 3, KW: 3, StrideH: 2, StrideW: 2, DilationH: 1, DilationW: 1},
		Batch:  1, Groups: 1, InC: 3, OutC: 8, Out: Range{0, 6},
	}
	c.Weights = make([]float32, c.OutC*c.Depth())
	for i := range c.Weights {
		c.Weights[i] = rng.Float32()
	}
	c.Bias = make([]float32, c.OutC)
	v := vectorsF32["vnni"]
	t := c.tiles(v)
	src, dst, buf := make([]float32, 96*96*3), make([]float32, 48*48*8), make([]float32, t.in.size())
	for b.Loop() {
		t.run(dst, src, buf)
	}
	b.ReportMetric(float64(c.MACs()*int64(b.N))/float64(b.Elapsed().Nanoseconds()), "GMAC/s")
}
