package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// naive computes one output element from the definition: every tap, padding as
// the zero point, nothing folded or reordered.
func naive(c *Conv[int8], src []int8, b, y, x, ch int) int8 {
	g := ch / c.OutC
	pixel := c.Groups * c.InC
	acc := c.Bias[ch]
	for ky := range c.KH {
		for kx := range c.KW {
			iy, ix := y*c.StrideH-c.PadTop+ky*c.DilationH, x*c.StrideW-c.PadLeft+kx*c.DilationW
			for i := range c.InC {
				v := c.InZero
				if iy >= 0 && iy < c.InH && ix >= 0 && ix < c.InW {
					v = src[((b*c.InH+iy)*c.InW+ix)*pixel+g*c.InC+i]
				}
				acc += int32(v) * int32(c.Weights[((ch*c.KH+ky)*c.KW+kx)*c.InC+i])
			}
		}
	}
	return int8(c.Out.fp32(acc, c.Scale[ch]))
}

func randomWindow(r *rand.Rand) Window {
	w := Window{
		InH: 1 + r.IntN(9), InW: 1 + r.IntN(9), KH: 1 + r.IntN(4), KW: 1 + r.IntN(4),
		StrideH: 1 + r.IntN(3), StrideW: 1 + r.IntN(3), DilationH: 1 + r.IntN(2), DilationW: 1 + r.IntN(2),
	}
	w.PadTop, w.PadLeft = r.IntN(w.KH), r.IntN(w.KW)
	w.OutH, w.OutW = 1+r.IntN(6), 1+r.IntN(6) // may lie wholly in the padding
	return w
}

func randomBytes(r *rand.Rand, n int) []int8 {
	b := make([]int8, n)
	for i := range b {
		b[i] = int8(r.Uint32())
	}
	return b
}

func scratchOf(c *Conv[int8]) Scratch[int8] {
	rows, pairs, _, _ := c.ScratchSizes()
	return Scratch[int8]{Rows: make([]int8, rows), Pairs: make([]int64, pairs)}
}

func TestConvEqualsDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 400 {
		c := &Conv[int8]{Window: randomWindow(r), Batch: 1 + r.IntN(2), Groups: 1 + r.IntN(2), InC: 1 + r.IntN(9), OutC: 1 + r.IntN(2*minPaired),
			InZero: int8(r.Uint32()), Out: Clamp8{Zero: int32(int8(r.Uint32())), Min: -128, Max: 127}}
		n := c.Groups * c.OutC
		c.Weights = randomBytes(r, n*c.Depth())
		for range n {
			c.Bias = append(c.Bias, int32(r.IntN(20000)-10000))
			c.Scale = append(c.Scale, r.Float32()*0.02)
		}
		src := randomBytes(r, c.Batch*c.InH*c.InW*c.Groups*c.InC)
		got := make([]int8, c.Batch*c.OutH*c.OutW*n)
		c.Run(got, src, scratchOf(c))
		var want []int8
		for b := range c.Batch {
			for y := range c.OutH {
				for x := range c.OutW {
					for ch := range n {
						want = append(want, naive(c, src, b, y, x, ch))
					}
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%+v: result differs from the definition", c.Window)
		}
	}
}

// TestPairsEqualDot4 at the extremes: the longest product of the largest
// values, where the low lane is fullest.
func TestPairsEqualDot4(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 200 {
		n := maxPaired
		if r.IntN(2) == 0 {
			n = 1 + r.IntN(500)
		}
		pick := []uint8{0, 255, 128, 1}
		w := make([]uint8, n)
		var rows [Lanes][]uint8
		for l := range rows {
			rows[l] = make([]uint8, n)
		}
		mode := r.IntN(3)
		for i := range n {
			w[i] = pick[r.IntN(1+mode)]
			for l := range rows {
				rows[l][i] = pick[1-min(mode, 1)+r.IntN(1+mode)%4]
			}
		}
		zero := int32(pick[r.IntN(4)])
		p, q := make([]int64, n), make([]int64, n)
		pair(p, rows[0], rows[1])
		pair(q, rows[2], rows[3])
		if got, want := dotPairs(w, zero, p, q), dot4(w, zero, &rows); got != want {
			t.Fatalf("%d elements, zero %d: %v, want %v", n, zero, got, want)
		}
	}
}

// TestDepthwiseEqualsConv: a depthwise convolution is a grouped one with one
// input channel a group.
func TestDepthwiseEqualsConv(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for range 400 {
		d := &Depthwise[int8]{Window: randomWindow(r), Batch: 1 + r.IntN(2), InC: 1 + r.IntN(9), Multiplier: 1 + r.IntN(3),
			InZero: int8(r.Uint32()), Out: Clamp8{Zero: int32(int8(r.Uint32())), Min: -128, Max: 127}}
		n := d.outC()
		d.Weights = randomBytes(r, d.KH*d.KW*n)
		for range n {
			d.Bias = append(d.Bias, int32(r.IntN(2000)-1000))
			d.Scale = append(d.Scale, r.Float32()*0.05)
		}
		c := &Conv[int8]{Window: d.Window, Batch: d.Batch, Groups: d.InC, InC: 1, OutC: d.Multiplier,
			Bias: d.Bias, Scale: d.Scale, InZero: d.InZero, Out: d.Out}
		for ch := range n {
			for k := range d.KH * d.KW {
				c.Weights = append(c.Weights, d.Weights[k*n+ch])
			}
		}
		src := randomBytes(r, d.Batch*d.InH*d.InW*d.InC)
		got := make([]int8, d.Batch*d.OutH*d.OutW*n)
		want := make([]int8, len(got))
		d.Run(got, src, make([]byte, d.Scratch()))
		c.Run(want, src, scratchOf(c))
		if !slices.Equal(got, want) {
			t.Fatalf("%+v multiplier %d: differs from the grouped convolution", d.Window, d.Multiplier)
		}
	}
}

func BenchmarkConv1x1(b *testing.B) {
	c := &Conv[int8]{Window: Window{InH: 14, InW: 14, OutH: 14, OutW: 14, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1},
		Batch: 1, Groups: 1, InC: 128, OutC: 128, Out: Clamp8{Min: -128, Max: 127}}
	c.Weights, c.Bias, c.Scale = make([]int8, 128*128), make([]int32, 128), make([]float32, 128)
	src, dst, scratch := make([]int8, 14*14*128), make([]int8, 14*14*128), scratchOf(c)
	for b.Loop() {
		c.Run(dst, src, scratch)
	}
	b.ReportMetric(float64(c.MACs())*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
}

func BenchmarkDepthwise3x3(b *testing.B) {
	d := &Depthwise[int8]{Window: Window{InH: 28, InW: 28, OutH: 28, OutW: 28, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1,
		PadTop: 1, PadLeft: 1}, Batch: 1, InC: 64, Multiplier: 1, Out: Clamp8{Min: -128, Max: 127}}
	d.Weights, d.Bias, d.Scale = make([]int8, 9*64), make([]int32, 64), make([]float32, 64)
	src, dst, acc := make([]int8, 28*28*64), make([]int8, 28*28*64), make([]byte, d.Scratch())
	for b.Loop() {
		d.Run(dst, src, acc)
	}
	b.ReportMetric(float64(d.MACs())*float64(b.N)/b.Elapsed().Seconds()/1e9, "GMAC/s")
}
