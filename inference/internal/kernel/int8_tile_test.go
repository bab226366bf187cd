package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// eachVector8 runs f for every tier of this CPU that has 8-bit kernels.
func eachVector8(t *testing.T, f func(t *testing.T, v *vector8)) {
	for _, tier := range Tiers() {
		if v := vector8Of(tier); v != nil {
			t.Run(tier, func(t *testing.T) { f(t, v) })
		}
	}
	for _, v := range twins8() {
		t.Run(v.tier, func(t *testing.T) { f(t, v) })
	}
}

func randomTensor8[T Byte](rng *rand.Rand, n int) []T {
	v := make([]T, n)
	extreme := rng.IntN(4) == 0
	for i := range v {
		v[i] = T(rng.Uint32())
		if extreme { // the largest sums
			v[i] = []T{T(0) - 1, T(0), T(1) << 7, 127}[rng.IntN(4)]
		}
	}
	return v
}

// avoidLowest raises the weights that some kernels refuse.
func avoidLowest[T Byte](v *vector8, w []T) {
	for i := range w {
		if v.narrowSums && w[i] == lowest[T]() {
			w[i]++
		}
	}
}

// randomOutput draws bias, scales and an output side for n channels.
func randomOutput[T Byte](rng *rand.Rand, n int) (bias []int32, scale []float32, out Clamp8) {
	for range n {
		bias = append(bias, rng.Int32N(1<<20)-1<<19)
		scale = append(scale, rng.Float32()*[]float32{0.01, 0.001, 0.1, 200}[rng.IntN(4)])
	}
	lo, hi := int32(-128), int32(127)
	if T(0)-1 > 0 {
		lo, hi = 0, 255
	}
	out = Clamp8{Zero: lo + rng.Int32N(256), Min: lo, Max: hi}
	if rng.IntN(2) == 0 {
		out.Min, out.Max = out.Zero, min(out.Zero+rng.Int32N(256), hi)
	}
	return bias, scale, out
}

// randomZero draws a zero point of uint8 weights, half of the time a neighbour of what
// makes them int8.
func randomZero(rng *rand.Rand) int32 {
	z := rng.Int32N(512)
	if z >= 256 {
		z = 127 + z%3
	}
	return z
}

// bound lowers the scales that some kernels refuse, as little as it takes.
func bound(v *vector8, scale []float32, bias []int32, depth int) {
	for i := range scale {
		for v.bounded && !bounded(scale[i:i+1], bias[i:i+1], depth) {
			scale[i] *= 0.9
		}
	}
}

func sameBytes[T Byte](t *testing.T, what string, got, want []T) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s: element %d is %d, want %d", what, i, got[i], want[i])
		}
	}
}

func TestConvTiles8(t *testing.T) {
	t.Run("int8", testConvTiles8[int8])
	t.Run("uint8", testConvTiles8[uint8])
}

func testConvTiles8[T Byte](t *testing.T) {
	eachVector8(t, func(t *testing.T, v *vector8) {
		rng := rand.New(rand.NewPCG(21, 5))
		var g guards
		for range shapes(t) {
			g.free()
			c := &Conv[T]{Window: randomWindowF32(rng, 12), Batch: 1 + rng.IntN(2), Groups: 1, InC: 1 + rng.IntN(70), OutC: 1 + rng.IntN(200)}
			if rng.IntN(4) == 0 {
				c.Groups = 1 + rng.IntN(3)
			}
			if rng.IntN(4) == 0 { // a window as wide as the input
				c.InW, c.OutW, c.PadLeft, c.DilationW = c.KW, 1, 0, 1
			}
			if rng.IntN(8) == 0 { // pixels that a narrow last panel takes at once, and the others line by line
				c.Window = Window{InH: 2, InW: 4, OutH: 2, OutW: 4, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1, PadLeft: 1}
				c.OutC = 65 + rng.IntN(32)
			}
			if rng.IntN(4) == 0 { // a fully connected layer
				c.Window = Window{InH: 1, InW: 1, OutH: 1, OutW: 1, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1}
				if rng.IntN(3) == 0 { // of few outputs
					c.InC, c.OutC = 1+rng.IntN(700), 1+rng.IntN(dotOutputs+1)
				}
			}
			compareConv8(t, &g, v, c, rng)
		}
	})
}

// TestLongLines8: lines of inputs of which no two fit a first cache.
func TestLongLines8(t *testing.T) {
	eachVector8(t, func(t *testing.T, v *vector8) {
		rng := rand.New(rand.NewPCG(26, 5))
		var g guards
		compareConv8(t, &g, v, &Conv[int8]{
			Window: Window{InH: 4, InW: 5, OutH: 4, OutW: 4, KH: 1, KW: 2, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1},
			Batch:  1, Groups: 1, InC: linesInL1/5 + 1, OutC: 17,
		}, rng)
		g.free()
	})
}

// compareConv8 runs a layer of random weights and inputs in portable Go and, between guard
// pages, with the kernels of v.
func compareConv8[T Byte](t *testing.T, g *guards, v *vector8, c *Conv[T], rng *rand.Rand) {
	t.Helper()
	c.Weights = randomTensor8[T](rng, c.Groups*c.OutC*c.Depth())
	avoidLowest(v, c.Weights)
	c.Bias, c.Scale, c.Out = randomOutput[T](rng, c.Groups*c.OutC)
	bound(v, c.Scale, c.Bias, c.Depth())
	c.InZero = T(rng.Uint32())
	if !isSigned[T]() {
		c.WeightZero = randomZero(rng)
	}
	src := guarded(t, g, randomTensor8[T](rng, c.Batch*c.InH*c.InW*c.Groups*c.InC))
	want := make([]T, c.Batch*c.OutH*c.OutW*c.Groups*c.OutC)
	got := guarded(t, g, want)
	c.Run(want, src, Scratch[T]{Rows: make([]T, Lanes*c.Depth())})
	if v.narrowSums && layers8Of(v.tier, c.Weights) == nil {
		return
	}
	tiles := c.tiles(v)
	if size := 4 * (len(tiles.panels) + len(tiles.scale)); size != tiles.size() {
		t.Errorf("%+v: %d bytes are packed, %d charged", c.Window, size, tiles.size())
	}
	tiles.panels = guarded(t, g, tiles.panels)
	tiles.run(got, src, guarded(t, g, make([]byte, tiles.bytes())), make([]int32, c.OutH*c.OutW))
	sameBytes(t, fmt.Sprintf("%+v groups %d channels %d to %d", c.Window, c.Groups, c.InC, c.OutC), got, want)
	if c.Groups == 1 && c.Batch == 1 { // workers get single pixels, too
		clear(got)
		parts, buf, sums := 1+rng.IntN(c.OutH*c.OutW), make([]byte, tiles.bytes()), make([]int32, c.OutH*c.OutW)
		in := tiles.prepare(bytesOf(src), byte(c.InZero), buf)
		tiles.sumPixels(sums, in, 0)
		for i := range parts {
			tiles.group(bytesOf(got), in, tiles.spare(buf, 0), 0, sums, share{i, parts})
		}
		sameBytes(t, fmt.Sprintf("%+v channels %d to %d in %d parts", c.Window, c.InC, c.OutC, parts), got, want)
	}
}

func TestDepthwiseTiles8(t *testing.T) {
	t.Run("int8", testDepthwiseTiles8[int8])
	t.Run("uint8", testDepthwiseTiles8[uint8])
}

func testDepthwiseTiles8[T Byte](t *testing.T) {
	eachVector8(t, func(t *testing.T, v *vector8) {
		rng := rand.New(rand.NewPCG(22, 5))
		var g guards
		for range shapes(t) {
			g.free()
			d := &Depthwise[T]{Window: randomWindowF32(rng, 24), Batch: 1 + rng.IntN(2), InC: 1 + rng.IntN(70), Multiplier: 1}
			if rng.IntN(3) == 0 {
				d.InC = 8 * (1 + rng.IntN(6))
			}
			if rng.IntN(4) == 0 {
				d.KH = 1 + rng.IntN(min(7, d.InH))
				d.OutH = max((d.InH-(d.KH-1)*d.DilationH-1)/d.StrideH+1, 1)
			}
			if rng.IntN(4) == 0 { // a column
				d.InW, d.OutW, d.KW, d.PadLeft = 1, 1, 1, 0
			}
			d.Weights = randomTensor8[T](rng, d.KH*d.KW*d.InC)
			d.Bias, d.Scale, d.Out = randomOutput[T](rng, d.InC)
			bound(v, d.Scale, d.Bias, d.KH*d.KW)
			d.InZero = T(rng.Uint32())
			if T(0)-1 > 0 {
				d.WeightZero = randomZero(rng)
			}
			src := guarded(t, &g, randomTensor8[T](rng, d.Batch*d.InH*d.InW*d.InC))
			want := make([]T, d.Batch*d.OutH*d.OutW*d.InC)
			got := guarded(t, &g, want)
			d.Run(want, src, make([]byte, d.Scratch()))
			tiles := d.tiles(v)
			if size := len(tiles.weights) + 4*(len(tiles.bias)+len(tiles.scale)); size != tiles.size() {
				t.Errorf("%+v: %d bytes are packed, %d charged", d.Window, size, tiles.size())
			}
			tiles.weights = guarded(t, &g, tiles.weights)
			tiles.run(got, src, guarded(t, &g, make([]byte, tiles.bytes())), share{0, 1})
			sameBytes(t, fmt.Sprintf("%+v channels %d", d.Window, d.InC), got, want)
		}
	})
}

func TestDepthwiseMultiplier8(t *testing.T) {
	t.Run("int8", testDepthwiseMultiplier8[int8])
	t.Run("uint8", testDepthwiseMultiplier8[uint8])
}

func testDepthwiseMultiplier8[T Byte](t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 5))
	var g guards
	for range shapes(t) {
		g.free()
		d := Depthwise[T]{Window: randomWindowF32(rng, 12), Batch: 1, InC: 1 + rng.IntN(5), Multiplier: 2 + rng.IntN(20)}
		d.Weights = randomTensor8[T](rng, d.KH*d.KW*d.outC())
		d.Bias, d.Scale, d.Out = randomOutput[T](rng, d.outC())
		d.InZero = T(rng.Uint32())
		if !isSigned[T]() {
			d.WeightZero = randomZero(rng)
		}
		src := guarded(t, &g, randomTensor8[T](rng, d.InH*d.InW*d.InC))
		same := func(got, want []T) { t.Helper(); sameBytes(t, fmt.Sprintf("%+v", d.Window), got, want) }
		forceVector8(t, same, func(t *testing.T) []T {
			l := d
			l.Choose()
			l.Pack(nil)
			dst := guarded(t, &g, make([]T, l.OutH*l.OutW*l.outC()))
			l.Run(dst, src, make([]byte, l.Scratch()+8))
			return dst
		})
	}
}

// TestUnbounded: products beyond an int32 are for portable Go.
func TestUnbounded(t *testing.T) {
	one := Window{InH: 1, InW: 1, OutH: 1, OutW: 1, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1}
	for _, scale := range []float32{0.5, 1, 255} {
		c := Conv[int8]{Window: one, Batch: 1, Groups: 1, InC: 1, OutC: 1, Weights: []int8{1}, Bias: []int32{math.MaxInt32}, Scale: []float32{scale},
			Out: Clamp8{Min: -128, Max: 127}}
		d := Depthwise[int8]{Window: one, Batch: 1, InC: 1, Multiplier: 1, Weights: c.Weights, Bias: c.Bias, Scale: c.Scale, Out: c.Out}
		c.Choose()
		c.Pack(nil)
		d.Choose()
		d.Pack(nil)
		var dst [2]int8
		rows, _, staged, _ := c.ScratchSizes()
		c.Run(dst[:1], []int8{0}, Scratch[int8]{Rows: make([]int8, rows), Staged: make([]byte, staged)})
		d.Run(dst[1:], []int8{0}, make([]byte, d.Scratch()+8))
		if dst != [2]int8{127, 127} {
			t.Errorf("a sum of 2^31 - 1 by %g gives %d, want 127 twice", scale, dst)
		}
	}
}

// TestBounded: the largest products, of inputs and weights without a sign, and a bias of
// either sign stay below 2^30.
func TestBounded(t *testing.T) {
	for _, depth := range []int{1, 7} {
		most := int32(1<<30 - depth*65025) // 255 * 255
		for _, c := range []struct {
			scale float32
			bias  int32
			want  bool
		}{
			{1, most, false}, {1, -most, false}, {1, most - 1, true}, {1, 1 - most, true},
			{2, 0, true}, {2, most / 2, false}, {2, most/2 - 30*65025, true},
			{0.999, math.MaxInt32, true}, {math.MaxFloat32, 0, false},
		} {
			// One channel decides, wherever it is.
			if got := bounded([]float32{0, c.scale}, []int32{0, c.bias}, depth); got != c.want {
				t.Errorf("%d products and a bias of %d by %g: %t", depth, c.bias, c.scale, got)
			}
		}
	}
}

func TestSumBytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(24, 5))
	for range 100 {
		a, b := randomTensor8[int8](rng, rng.IntN(5000)), randomTensor8[uint8](rng, rng.IntN(5000))
		wantA, wantB := int32(0), int32(0)
		for _, x := range a {
			wantA += int32(x)
		}
		for _, x := range b {
			wantB += int32(x)
		}
		if got := SumBytes(a); got != wantA {
			t.Fatalf("sum of %d int8 is %d, want %d", len(a), got, wantA)
		}
		if got := SumBytes(b); got != wantB {
			t.Fatalf("sum of %d uint8 is %d, want %d", len(b), got, wantB)
		}
	}
}

func TestSumRows(t *testing.T) {
	t.Run("int8", testSumRows[int8])
	t.Run("uint8", testSumRows[uint8])
}

func testSumRows[T Byte](t *testing.T) {
	rng := rand.New(rand.NewPCG(25, 5))
	var g guards
	for i := range shapes(t) {
		g.free()
		n, rows := rng.IntN(300), 1+rng.IntN(20)
		if i < 2 {
			n = i
		}
		v := guarded(t, &g, randomTensor8[T](rng, n*rows))
		want := make([]int32, rows)
		for r := range want {
			want[r] = SumBytes(v[r*n:][:n])
		}
		got := guarded(t, &g, slices.Repeat([]int32{-1}, rows))
		if SumRows(got, v); !slices.Equal(got, want) {
			t.Fatalf("sums of %d rows of %d are %v, want %v", rows, n, got, want)
		}
	}
}

// TestTilesOfLowestWeights: layers with a weight of -128 stay away from kernels whose
// sums of two products would leave 16 bits, and nothing else does.
func TestTilesOfLowestWeights(t *testing.T) {
	if a, b := lowest[int8](), lowest[uint8](); a != -128 || b != 0 {
		t.Errorf("the lowest weights are %d and %d", a, b)
	}
	for _, tier := range Tiers() {
		v := vector8Of(tier)
		refuses := v != nil && v.narrowSums
		for _, w := range []int8{-128, -127, -64, 0, 64, 127} {
			if got := layers8Of(tier, []int8{1, w}) == nil; got != (v == nil || refuses && w == -128) {
				t.Errorf("%s: int8 weights of %d refused: %v", tier, w, got)
			}
			if u := uint8(w) ^ 0x80; (layers8Of(tier, []uint8{130, u}) == nil) != (v == nil || refuses && u == 0) {
				t.Errorf("%s: uint8 weights of %d", tier, u)
			}
		}
	}
}
