package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// forceVector8 runs f once with portable Go and once for every tier of this CPU
// that has 8-bit kernels; f returns what it computed.
func forceVector8[T any](t *testing.T, compare func(got, want T), f func(t *testing.T) T) {
	t.Helper()
	t.Setenv(TierVariable, TierGeneric)
	want := f(t)
	for _, tier := range Tiers() {
		if vector8Of(tier) == nil {
			continue
		}
		t.Setenv(TierVariable, tier)
		compare(f(t), want)
	}
}

func TestRows8(t *testing.T) {
	t.Run("int8", testRows8[int8])
	t.Run("uint8", testRows8[uint8])
}

func testRows8[T Byte](t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 5))
	var g guards
	for range shapes(t) {
		g.free()
		n := 1 + rng.IntN(150)
		steps := [][2]int{{1, 1}, {0, 1}, {1, 0}}[rng.IntN(3)]
		a := guarded(t, &g, randomTensor8[T](rng, (n-1)*steps[0]+1))
		b := guarded(t, &g, randomTensor8[T](rng, (n-1)*steps[1]+1))
		_, _, out := randomOutput[T](rng, 1)
		zeros := [2]int32{rng.Int32N(256), rng.Int32N(256)}
		if isSigned[T]() {
			zeros[0], zeros[1] = zeros[0]-128, zeros[1]-128
		}
		what := fmt.Sprintf("%d by %v", n, steps)
		forceVector8(t, func(got, want []T) { t.Helper(); sameBytes(t, "add of "+what, got, want) }, func(t *testing.T) []T {
			p := NewAdd8(0x1p-9+float32(n)/20, -float32(n%7)-0.3, zeros[0], zeros[1], out)
			run, _ := VectorAdd8[T](&p)
			dst := guarded(t, &g, make([]T, n))
			run(dst, a, b, steps[0], steps[1])
			return dst
		})
		forceVector8(t, func(got, want []T) { t.Helper(); sameBytes(t, "mul of "+what, got, want) }, func(t *testing.T) []T {
			run, _ := VectorMul8[T](&Mul8{AZero: zeros[0], BZero: zeros[1], Scale: float32(n) / 1000, Out: out})
			dst := guarded(t, &g, make([]T, n))
			run(dst, a, b, steps[0], steps[1])
			return dst
		})
	}
}

func TestSoftmaxRows8(t *testing.T) {
	t.Run("int8", testSoftmaxRows8[int8])
	t.Run("uint8", testSoftmaxRows8[uint8])
}

func testSoftmaxRows8[T Byte](t *testing.T) {
	rng := rand.New(rand.NewPCG(34, 5))
	var g guards
	for range shapes(t) {
		g.free()
		n, rows := 1+rng.IntN(20), rng.IntN(5)
		if rng.IntN(3) == 0 {
			n = 1 + rng.IntN(300)
		}
		src := guarded(t, &g, randomTensor8[T](rng, n*rows))
		if rng.IntN(2) == 0 { // near each other: many reach a half
			for i := range src {
				src[i] = src[i]/16 + src[0]/2
			}
		}
		scale, outScale, beta := float32(rng.Float64()), float32(1)/256, float32(1+rng.IntN(2))
		if rng.IntN(4) == 0 { // far beyond 512
			outScale = float32(rng.Float64()) * 1e-4
		}
		if n&(n-1) == 0 && rng.IntN(2) == 0 { // each a half
			outScale, beta = 2/float32(n), 0
		}
		_, _, out := randomOutput[T](rng, 1)
		what := fmt.Sprintf("softmax of %d rows of %d", rows, n)
		forceVector8(t, func(got, want []T) { t.Helper(); sameBytes(t, what, got, want) }, func(t *testing.T) []T {
			dst := guarded(t, &g, make([]T, n*rows))
			NewSoftmax[T](scale, beta, outScale, out).Run(dst, src, n)
			return dst
		})
	}
}

func TestPools8(t *testing.T) {
	t.Run("int8", testPools8[int8])
	t.Run("uint8", testPools8[uint8])
}

func testPools8[T Byte](t *testing.T) {
	rng := rand.New(rand.NewPCG(32, 5))
	var g guards
	for range shapes(t) {
		g.free()
		w := randomWindowF32(rng, 8)
		w.DilationH, w.DilationW = 1, 1
		w.PadTop, w.PadLeft = min(w.PadTop, w.KH-1), min(w.PadLeft, w.KW-1)
		w.OutH, w.OutW = (w.InH+w.PadTop+w.StrideH-1)/w.StrideH, (w.InW+w.PadLeft+w.StrideW-1)/w.StrideW
		_, _, out := randomOutput[T](rng, 1)
		p := Pool[T]{Window: w, Batch: 1 + rng.IntN(2), C: 1 + rng.IntN(70), Min: out.Min, Max: out.Max}
		src := guarded(t, &g, randomTensor8[T](rng, p.Batch*p.InH*p.InW*p.C))
		what := fmt.Sprintf("%+v channels %d", w, p.C)
		same := func(got, want []T) { t.Helper(); sameBytes(t, what, got, want) }
		run := func(f func(p *Pool[T], dst, src []T)) func(*testing.T) []T {
			return func(t *testing.T) []T {
				q := p
				ChoosePool(&q)
				dst := guarded(t, &g, make([]T, q.Batch*q.OutH*q.OutW*q.C))
				f(&q, dst, src)
				return dst
			}
		}
		forceVector8(t, same, run(func(p *Pool[T], dst, src []T) { p.Average(dst, src, guarded(t, &g, make([]int32, p.C))) }))
		forceVector8(t, same, run(func(p *Pool[T], dst, src []T) { p.Maximum(dst, src) }))
		n := p.InH * p.InW
		forceVector8(t, same, func(t *testing.T) []T {
			dst := guarded(t, &g, make([]T, p.Batch*p.C))
			RunMean(NewMean(n, 1.3, 3, 5), dst, src, guarded(t, &g, make([]int32, p.C+16)), p.Batch, n, p.C, out)
			return dst
		})
	}
}

func TestArgMaxOfColumns(t *testing.T) {
	t.Run("int8", testArgMaxOfColumns[int8])
	t.Run("uint8", testArgMaxOfColumns[uint8])
}

func testArgMaxOfColumns[T Byte](t *testing.T) {
	rng := rand.New(rand.NewPCG(35, 5))
	var g guards
	for range shapes(t) / 10 {
		g.free()
		outer, n, inner := 1+rng.IntN(2), longColumn*columnRows+rng.IntN(400), 2+rng.IntN(40)
		if rng.IntN(4) == 0 {
			inner = 256 // the most
		}
		src := guarded(t, &g, randomTensor8[T](rng, outer*n*inner))
		if rng.IntN(2) == 0 { // many are the largest
			for i := range src {
				src[i] /= 64
			}
		}
		want := make([]int32, outer*inner)
		ArgMax(src, outer, n, inner, func(at, i int) { want[at] = int32(i) })
		for _, tier := range Tiers() {
			t.Setenv(TierVariable, tier)
			run, _ := ArgMaxRows8[T](n, inner)
			if run == nil {
				if rows8Of(tier) != nil {
					t.Fatalf("%s: no kernel for %d of %d", tier, inner, n)
				}
				continue
			}
			got := guarded(t, &g, make([]int32, len(want)))
			if run(got, src); !slices.Equal(got, want) {
				t.Fatalf("%s: largest of %d times %d of %d are %v, want %v", tier, outer, inner, n, got, want)
			}
		}
	}
}

func TestResizeAndArgMax8(t *testing.T) {
	t.Run("int8", testResizeAndArgMax8[int8])
	t.Run("uint8", testResizeAndArgMax8[uint8])
}

func testResizeAndArgMax8[T Byte](t *testing.T) {
	rng := rand.New(rand.NewPCG(33, 5))
	var g guards
	for range shapes(t) {
		g.free()
		h, w, c := 1+rng.IntN(9), 1+rng.IntN(9), 1+rng.IntN(64)
		if rng.IntN(8) == 0 {
			c = 65 + rng.IntN(192)
		}
		src := guarded(t, &g, randomTensor8[T](rng, h*w*c))
		outH, outW := 1+rng.IntN(15), 1+rng.IntN(15)
		forceVector8(t, func(got, want []T) { t.Helper(); sameBytes(t, "resize", got, want) }, func(t *testing.T) []T {
			r := &Bilinear{Y: Q11(BilinearTaps(h, outH, false, true)), X: Q11(BilinearTaps(w, outW, true, false)), Batch: 1, H: h, W: w, C: c}
			r.Choose()
			dst := guarded(t, &g, make([]T, outH*outW*c))
			RunBilinear(r, dst, src)
			return dst
		})
		want := make([]int32, h*w)
		ArgMax(src, h*w, c, 1, func(at, i int) { want[at] = int32(i) })
		forceVector8(t, func(got, _ []int32) {
			t.Helper()
			if !slices.Equal(got, want) {
				t.Fatalf("largest of rows of %d of %v are %v, want %v", c, src, got, want)
			}
		}, func(t *testing.T) []int32 {
			got := guarded(t, &g, make([]int32, h*w))
			run, _ := ArgMaxRows8[T](c, 1)
			run(got, src)
			return got
		})
	}
}
