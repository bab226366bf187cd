package kernel

import (
	"fmt"
	"testing"
)

// BenchmarkLayers16 times layers of 16-bit activations on every tier of this CPU.
func BenchmarkLayers16(b *testing.B) {
	one := func(n int) Window {
		return Window{InH: n, InW: n, OutH: n, OutW: n, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1}
	}
	three := one(28)
	three.KH, three.KW, three.PadTop, three.PadLeft = 3, 3, 1, 1
	for _, s := range []struct {
		name      string
		w         Window
		inC, outC int
		real      bool
	}{
		{"1x1", one(14), 128, 128, false}, {"1x1narrow", one(28), 16, 24, false}, {"3x3", three, 32, 32, false},
		{"dense", one(1), 256, 128, true}, {"deep", one(7), 1024, 64, false}, {"depthwise", three, 64, 0, false},
	} {
		for _, tier := range Tiers() {
			b.Run(fmt.Sprintf("%s/%s", s.name, tier), func(b *testing.B) {
				b.Setenv(TierVariable, tier)
				n := max(s.outC, s.inC*(1-min(s.outC, 1)))
				out := Out16{Min: -32768, Max: 32767}
				for range n {
					out.Factor = append(out.Factor, NewMultiplier(0.001))
					if s.real {
						out.Real = append(out.Real, 0.001)
					}
				}
				src, dst := make([]int16, s.w.InH*s.w.InW*s.inC), make([]int16, s.w.OutH*s.w.OutW*n)
				var run func()
				var macs int64
				if s.outC == 0 {
					d := &Depthwise16{Window: s.w, Batch: 1, InC: s.inC, Multiplier: 1, Weights: make([]int8, s.w.KH*s.w.KW*n), Bias: make([]int64, n), Out: out}
					d.Choose()
					d.Pack(nil)
					staged, sums := d.ScratchSizes()
					in, acc := make([]byte, staged), make([]int32, sums)
					run, macs = func() { d.Run(dst, src, in, acc) }, d.MACs()
				} else {
					c := &Conv16{Window: s.w, Batch: 1, Groups: 1, InC: s.inC, OutC: n, Weights: make([]int8, s.w.KH*s.w.KW*s.inC*n), Bias: make([]int64, n), Out: out}
					c.Choose()
					c.Pack(nil)
					staged, sums := c.ScratchSizes()
					in, acc := make([]byte, staged), make([]int32, sums)
					run, macs = func() { c.Run(dst, src, in, acc) }, c.MACs()
				}
				for b.Loop() {
					run()
				}
				b.ReportMetric(float64(macs)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
			})
		}
	}
}
