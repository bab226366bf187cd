package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// randomWindow draws a window whose output exists.
func randomWindowF32(rng *rand.Rand, size int) Window {
	w := Window{
		InH: 1 + rng.IntN(size), InW: 1 + rng.IntN(size), KH: 1 + rng.IntN(4), KW: 1 + rng.IntN(4),
		StrideH: 1 + rng.IntN(3), StrideW: 1 + rng.IntN(3), DilationH: 1, DilationW: 1,
	}
	if rng.IntN(4) == 0 {
		w.DilationH, w.DilationW = 1+rng.IntN(3), 1+rng.IntN(3)
	}
	spanH, spanW := (w.KH-1)*w.DilationH+1, (w.KW-1)*w.DilationW+1
	if rng.IntN(2) == 0 {
		w.PadTop, w.PadLeft = rng.IntN(spanH), rng.IntN(spanW)
	}
	// As much padding after as before, or none where the input is large enough.
	w.OutH = max((w.InH+2*w.PadTop-spanH)/w.StrideH+1, 1)
	w.OutW = max((w.InW+2*w.PadLeft-spanW)/w.StrideW+1, 1)
	return w
}

// randomFloats draws ordinary values, and now and then ones that round, vanish
// or overflow oddly.
func randomFloats(rng *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = rng.Float32()*2 - 1
		if rng.IntN(64) == 0 {
			v[i] = []float32{0, float32(math.Copysign(0, -1)), 1e-40, -1e-38, 3e38, float32(math.Inf(1)), float32(math.NaN())}[rng.IntN(7)]
		}
	}
	return v
}

func sameFloats(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: element %d is %x, want %x", what, i, got[i], want[i])
		}
	}
}

func randomRange(rng *rand.Rand) Range {
	inf := float32(math.Inf(1))
	return []Range{{-inf, inf}, {0, inf}, {0, 6}, {-1, 1}}[rng.IntN(4)]
}

// eachVectorF32 runs f for every set of float kernels this CPU has.
func eachVectorF32(t *testing.T, f func(t *testing.T, v *vectorF32)) {
	for name, v := range vectorsF32 {
		if slices.Contains(available(), name) {
			t.Run(name, func(t *testing.T) { f(t, v) })
		}
	}
}

func TestConvTilesF32(t *testing.T) {
	eachVectorF32(t, func(t *testing.T, v *vectorF32) {
		rng := rand.New(rand.NewPCG(11, 5))
		var g guards
		for range shapes(t) {
			g.free()
			c := &ConvF32{Window: randomWindowF32(rng, 12), Batch: 1 + rng.IntN(2), Groups: 1, InC: 1 + rng.IntN(40), OutC: 1 + rng.IntN(200), Out: randomRange(rng)}
			if rng.IntN(4) == 0 {
				c.Groups = 1 + rng.IntN(3)
			}
			if rng.IntN(4) == 0 { // a fully connected layer
				c.Window = Window{InH: 1, InW: 1, OutH: 1, OutW: 1, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1}
			}
			c.Weights = randomFloats(rng, c.Groups*c.OutC*c.Depth())
			c.Bias = randomFloats(rng, c.Groups*c.OutC)
			src := guarded(t, &g, randomFloats(rng, c.Batch*c.InH*c.InW*c.Groups*c.InC))
			want := make([]float32, c.Batch*c.OutH*c.OutW*c.Groups*c.OutC)
			got := guarded(t, &g, make([]float32, len(want)))
			c.Run(want, src, make([]float32, Lanes*c.Depth()))
			tiles := c.tiles(v)
			tiles.panels = guarded(t, &g, tiles.panels)
			tiles.run(got, src, guarded(t, &g, make([]float32, tiles.in.size())))
			sameFloats(t, fmt.Sprintf("%+v groups %d channels %d to %d", c.Window, c.Groups, c.InC, c.OutC), got, want)
		}
	})
}

// TestConvF32Charges holds what is charged for packed weights against what they take.
func TestConvF32Charges(t *testing.T) {
	for _, tier := range Tiers() {
		t.Setenv(TierVariable, tier)
		for _, outC := range []int{1, 3, 8, 17, 40} {
			c := &ConvF32{Window: Window{InH: 1, InW: 3, OutH: 1, OutW: 2, KH: 1, KW: 2, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1}, Batch: 1, Groups: 2, InC: 3, OutC: outC}
			c.Weights, c.Bias = make([]float32, 2*outC*c.Depth()), make([]float32, 2*outC)
			charged := c.Choose()
			c.Pack(nil)
			packed := c.Weights
			if c.fast != nil {
				packed = c.fast.panels
			}
			if charged < 4*len(packed) || len(packed) < 2*outC*c.Depth() {
				t.Errorf("%s, %d outputs: %d bytes for %d elements", tier, outC, charged, len(packed))
			}
		}
	}
}

func TestDepthwiseTilesF32(t *testing.T) {
	eachVectorF32(t, func(t *testing.T, v *vectorF32) {
		rng := rand.New(rand.NewPCG(12, 5))
		var g guards
		for range shapes(t) {
			g.free()
			d := &DepthwiseF32{Window: randomWindowF32(rng, 24), Batch: 1 + rng.IntN(2), InC: 1 + rng.IntN(70), Multiplier: 1, Out: randomRange(rng)}
			d.Weights = guarded(t, &g, randomFloats(rng, d.KH*d.KW*d.InC))
			d.Bias = guarded(t, &g, randomFloats(rng, d.InC))
			src := guarded(t, &g, randomFloats(rng, d.Batch*d.InH*d.InW*d.InC))
			want := make([]float32, d.Batch*d.OutH*d.OutW*d.InC)
			got := guarded(t, &g, make([]float32, len(want)))
			d.Run(want, src, nil)
			tiles := d.tiles(v)
			tiles.run(got, src, guarded(t, &g, make([]float32, tiles.in.size())))
			sameFloats(t, fmt.Sprintf("%+v channels %d", d.Window, d.InC), got, want)
		}
	})
}

func TestRowsF32(t *testing.T) {
	all := map[string]ElementwiseF32{
		"add_f32": AddF32, "sub_f32": SubF32, "mul_f32": MulF32, "div_f32": DivF32, "maximum_f32": MaximumF32, "minimum_f32": MinimumF32,
	}
	eachVectorF32(t, func(t *testing.T, v *vectorF32) {
		rng := rand.New(rand.NewPCG(13, 5))
		var g guards
		for range shapes(t) {
			g.free()
			for name, portable := range all {
				n := 1 + rng.IntN(100)
				steps := [][2]int{{1, 1}, {0, 1}, {1, 0}}[rng.IntN(3)]
				a := guarded(t, &g, randomFloats(rng, (n-1)*steps[0]+1))
				b := guarded(t, &g, randomFloats(rng, (n-1)*steps[1]+1))
				r := randomRange(rng)
				want := make([]float32, n)
				got := guarded(t, &g, want)
				portable(want, a, b, steps[0], steps[1], r)
				done := v.row(opsF32[name], got, a, b, steps[0], steps[1], r)
				sameFloats(t, fmt.Sprintf("%s of %d by %v", name, n, steps), got[:done], want[:done])
			}
		}
	})
}

func TestMaximumTilesF32(t *testing.T) {
	eachVectorF32(t, func(t *testing.T, v *vectorF32) {
		rng := rand.New(rand.NewPCG(14, 5))
		var g guards
		for range shapes(t) {
			g.free()
			w := randomWindowF32(rng, 8)
			w.DilationH, w.DilationW = 1, 1
			w.PadTop, w.PadLeft = min(w.PadTop, w.KH-1), min(w.PadLeft, w.KW-1)
			w.OutH, w.OutW = (w.InH+w.PadTop+w.StrideH-1)/w.StrideH, (w.InW+w.PadLeft+w.StrideW-1)/w.StrideW
			p := &PoolF32{Window: w, Batch: 1, C: 1 + rng.IntN(60), Out: randomRange(rng)}
			src := guarded(t, &g, randomFloats(rng, p.InH*p.InW*p.C))
			want := make([]float32, p.OutH*p.OutW*p.C)
			got := guarded(t, &g, want)
			p.Maximum(want, src)
			p.fast = v
			p.Maximum(got, src)
			sameFloats(t, fmt.Sprintf("%+v channels %d", p.Window, p.C), got, want)
		}
	})
}
