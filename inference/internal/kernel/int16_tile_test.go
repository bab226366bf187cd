package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// eachVector16 runs f for every tier of this CPU that has kernels of 16-bit inputs.
func eachVector16(t *testing.T, f func(t *testing.T, v *vector8)) {
	for _, tier := range Tiers() {
		if v := vector16Of(tier); v != nil {
			t.Run(tier, func(t *testing.T) { f(t, v) })
		}
	}
	for _, v := range twins8() {
		t.Run(v.tier, func(t *testing.T) { f(t, v) })
	}
}

func randomTensor16(rng *rand.Rand, n int) []int16 {
	v := make([]int16, n)
	extreme := rng.IntN(4) == 0
	for i := range v {
		v[i] = int16(rng.Uint32())
		if extreme { // the largest sums
			v[i] = []int16{-32768, 32767, -1, 0, 255, -256}[rng.IntN(6)]
		}
	}
	return v
}

// randomOutput16 draws biases and an output side for n channels of depth products each.
func randomOutput16(rng *rand.Rand, n, depth int) (bias []int64, o Out16) {
	real := rng.IntN(3) == 0
	for range n {
		b := rng.Int64N(1<<30) - 1<<29
		switch rng.IntN(8) {
		case 0:
			b = int64(rng.Uint64()) >> rng.IntN(60) // sums wrap
		case 1:
			b = 0
		}
		bias = append(bias, b)
		// From all of the range to none of it: what does not fit wraps, too.
		f := math.Exp2(-float64(rng.IntN(20))-14) / math.Sqrt(float64(depth)) * (0.5 + rng.Float64())
		if rng.IntN(8) == 0 {
			f = math.Exp2(float64(rng.IntN(46)) - 32)
		}
		if real {
			o.Real = append(o.Real, f)
		} else {
			o.Factor = append(o.Factor, NewMultiplier(min(f, 0x1p14)))
		}
	}
	o.Min, o.Max = -32768, 32767
	if rng.IntN(2) == 0 {
		o.Min, o.Max = 0, rng.Int32N(32768)
	}
	return bias, o
}

func same16(t *testing.T, what string, got, want []int16) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s: element %d is %d, want %d", what, i, got[i], want[i])
		}
	}
}

// compareConv16 runs a layer in portable Go and, between guard pages, with the kernels
// of v, whose int32 sums are of so many terms.
func compareConv16(t *testing.T, g *guards, v *vector8, c *Conv16, terms int, src []int16) {
	t.Helper()
	want := make([]int16, c.Batch*c.OutH*c.OutW*c.Groups*c.OutC)
	c.Run(want, src, nil, nil)
	fast := *c
	fast.fast = fast.layoutTerms(v, terms)
	tiles := fast.fast
	tiles.pack(nil)
	if size := 4*len(tiles.panels) + len(tiles.out.sides)*224 + 8*len(tiles.out.bias); tiles.out.vector && size != tiles.size() {
		t.Errorf("%d bytes are packed, %d charged", size, tiles.size())
	}
	tiles.panels, tiles.out.sides = guarded(t, g, tiles.panels), guarded(t, g, tiles.out.sides)
	got := guarded(t, g, want)
	clear(got)
	staged, sums := fast.ScratchSizes()
	fast.Run(got, guarded(t, g, src), guarded(t, g, make([]byte, staged)), guarded(t, g, make([]int32, sums)))
	same16(t, fmt.Sprintf("%+v groups %d channels %d to %d real %t terms %d", c.Window, c.Groups, c.InC, c.OutC, c.Out.Real != nil, terms), got, want)
	if fast.Splits() {
		parts := 1 + int(want[0]&3)
		clear(got)
		staging := guarded(t, g, make([]byte, staged))
		fast.Prepare(src, staging)
		fast.Workers = parts
		_, sums := fast.ScratchSizes()
		acc := guarded(t, g, make([]int32, sums))
		for i := range parts {
			before, own := slices.Clone(acc), len(acc)/parts
			fast.Part(got, src, staging, acc, i, i, parts)
			if !slices.Equal(acc[:i*own], before[:i*own]) || !slices.Equal(acc[(i+1)*own:], before[(i+1)*own:]) {
				t.Fatalf("%+v: worker %d of %d writes another's sums", c.Window, i, parts)
			}
		}
		same16(t, fmt.Sprintf("%+v in %d parts", c.Window, parts), got, want)
	}
}

func TestConvTiles16(t *testing.T) {
	eachVector16(t, func(t *testing.T, v *vector8) {
		rng := rand.New(rand.NewPCG(41, 5))
		var g guards
		for range shapes(t) {
			g.free()
			c := &Conv16{Window: randomWindowF32(rng, 12), Batch: 1 + rng.IntN(2), Groups: 1, InC: 1 + rng.IntN(70), OutC: 1 + rng.IntN(200)}
			if rng.IntN(4) == 0 {
				c.Groups = 1 + rng.IntN(3)
			}
			if rng.IntN(4) == 0 { // a fully connected layer
				c.Window = Window{InH: 1, InW: 1, OutH: 1, OutW: 1, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1}
				c.InC = 1 + rng.IntN(1200)
			}
			c.Weights = randomTensor8[int8](rng, c.Groups*c.OutC*c.Depth())
			c.Bias, c.Out = randomOutput16(rng, c.Groups*c.OutC, c.Depth())
			terms := terms16(v)
			if rng.IntN(2) == 0 {
				terms = 4 + rng.IntN(64)
			}
			compareConv16(t, &g, v, c, terms, randomTensor16(rng, c.Batch*c.InH*c.InW*c.Groups*c.InC))
		}
	})
}

// TestConvTails16: every number of pixels, outputs and inputs around those of a tile.
func TestConvTails16(t *testing.T) {
	eachVector16(t, func(t *testing.T, v *vector8) {
		rng := rand.New(rand.NewPCG(42, 5))
		var g guards
		for pixels := 1; pixels <= v.pixels(1)+1; pixels++ {
			for _, outputs := range []int{1, 7, 8, 9, 15, 16, 17, v.panel - 1, v.panel, v.panel + 1} {
				for inputs := 1; inputs <= 9; inputs++ {
					g.free()
					c := &Conv16{Window: Window{InH: 1, InW: pixels, OutH: 1, OutW: pixels, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1},
						Batch: 1, Groups: 1, InC: inputs, OutC: outputs, Weights: randomTensor8[int8](rng, inputs*outputs)}
					c.Bias, c.Out = randomOutput16(rng, outputs, inputs)
					compareConv16(t, &g, v, c, terms16(v), randomTensor16(rng, inputs*pixels))
				}
			}
		}
	})
}

// TestConvTerms16: the largest products of one sign, as many as an int32 holds, one
// fewer and one more, in one run of inputs and in several.
func TestConvTerms16(t *testing.T) {
	eachVector16(t, func(t *testing.T, v *vector8) {
		var g guards
		for _, depth := range []int{terms16(v) - 1, terms16(v), terms16(v) + 1, 2*terms16(v) + 1} {
			for _, runs := range []int{1, 3} {
				for _, x := range []int16{-32768, 32767, -1, 255} {
					g.free()
					c := &Conv16{Window: Window{InH: 2*runs - 1, InW: 1, OutH: 1, OutW: 1, KH: runs, KW: 1, StrideH: 1, StrideW: 1, DilationH: 2, DilationW: 1},
						Batch: 1, Groups: 1, InC: (depth + runs - 1) / runs, OutC: 9, Out: Out16{Min: -32768, Max: 32767}}
					src := make([]int16, c.InH*c.InC)
					for i := range src {
						src[i] = x
					}
					for range c.OutC * c.Depth() {
						c.Weights = append(c.Weights, -128)
					}
					for range c.OutC {
						c.Bias, c.Out.Factor = append(c.Bias, 0), append(c.Out.Factor, NewMultiplier(1/float64(1<<8*depth)))
					}
					compareConv16(t, &g, v, c, terms16(v), src)
				}
			}
		}
	})
}

// TestTies16: sums exactly between two outputs, of both signs, go away from zero in
// float64 and up in fixed point.
func TestTies16(t *testing.T) {
	eachVector16(t, func(t *testing.T, v *vector8) {
		var g guards
		c := &Conv16{Window: Window{InH: 1, InW: 41, OutH: 1, OutW: 41, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1},
			Batch: 1, Groups: 1, InC: 1, OutC: 8, Weights: []int8{1, -1, 2, -2, 3, -3, 5, 7}, Bias: make([]int64, 8), Out: Out16{Min: -32768, Max: 32767}}
		src := make([]int16, 41)
		for i := range src {
			src[i] = int16(i - 20)
		}
		for range 8 {
			c.Out.Factor = append(c.Out.Factor, NewMultiplier(0.5))
		}
		compareConv16(t, &g, v, c, terms16(v), src)
		c.Out.Real = []float64{0.5, 0.5, 0.25, 0.25, 0.5, 0.5, 0.5, 0.5}
		compareConv16(t, &g, v, c, terms16(v), src)
	})
}

// TestExact16: a sum that parts in float64 would round on the way, by a factor that shows
// it. Biases up to a half of what float64 counts one by one leave room for products.
func TestExact16(t *testing.T) {
	eachVector16(t, func(t *testing.T, v *vector8) {
		var g guards
		for _, bias := range []int64{1 << 53, 1<<53 - 1, 1 << 52, 1<<52 - 1, 1 << 51} {
			for _, sign := range []int64{1, -1} {
				g.free()
				c := &Conv16{Window: Window{InH: 1, InW: 1, OutH: 1, OutW: 1, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1},
					Batch: 1, Groups: 1, InC: 8, OutC: 8, Out: Out16{Min: -32768, Max: 32767}}
				for range c.OutC {
					c.Weights = append(c.Weights, 1, 0, 0, 0, 1, 0, 0, 0)
					c.Bias = append(c.Bias, sign*bias)
					c.Out.Real = append(c.Out.Real, 0.5/float64(bias+2)) // a half, of all but a lesser sum
				}
				src := []int16{1, 0, 0, 0, 1, 0, 0, 0}
				if sign < 0 {
					src = []int16{-1, 0, 0, 0, -1, 0, 0, 0}
				}
				compareConv16(t, &g, v, c, 4, src)
				if got := exact(c.Bias, c.Depth()); got != (bias <= 1<<52) {
					t.Errorf("a bias of %d is exact: %t", sign*bias, got)
				}
			}
		}
	})
}

func TestDepthwiseTiles16(t *testing.T) {
	rng := rand.New(rand.NewPCG(43, 5))
	var g guards
	for i := range shapes(t) {
		g.free()
		d := Depthwise16{Window: randomWindowF32(rng, 24), Batch: 1 + rng.IntN(2), InC: 1 + rng.IntN(70), Multiplier: 1}
		switch rng.IntN(4) {
		case 0:
			d.InC = 1 + rng.IntN(16) // several pixels a vector
		case 1:
			d.InC, d.Multiplier = 1+rng.IntN(5), 2+rng.IntN(20)
		}
		if i == 0 { // a step of more sums than wait for each other
			d.Window = Window{InH: 1, InW: 3, OutH: 1, OutW: 2, KH: 1, KW: 2, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1}
			d.InC, d.Multiplier = depthwiseSums16+5, 1
		}
		channels := d.InC * d.Multiplier
		d.Weights = randomTensor8[int8](rng, d.KH*d.KW*channels)
		d.Bias, d.Out = randomOutput16(rng, channels, d.KH*d.KW)
		src := guarded(t, &g, randomTensor16(rng, d.Batch*d.InH*d.InW*d.InC))
		same := func(got, want []int16) {
			t.Helper()
			same16(t, fmt.Sprintf("%+v channels %d times %d", d.Window, d.InC, d.Multiplier), got, want)
		}
		forceVector8(t, same, func(t *testing.T) []int16 {
			l := d
			size := l.Choose()
			l.Pack(nil)
			if f := l.fast; f != nil {
				if got := 2*len(f.weights) + 8*len(f.out.bias) + 224*len(f.out.sides); f.out.vector && got != size {
					t.Errorf("%d bytes are packed, %d charged", got, size)
				}
				f.weights, f.out.sides = guarded(t, &g, f.weights), guarded(t, &g, f.out.sides)
			}
			staged, sums := l.ScratchSizes()
			dst := guarded(t, &g, make([]int16, l.Batch*l.OutH*l.OutW*channels))
			l.Run(dst, src, guarded(t, &g, make([]byte, staged)), guarded(t, &g, make([]int32, sums)))
			return dst
		})
	}
}
