package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// forceTiers runs f once with portable Go and once for every other tier of this
// CPU; f returns what it computed.
func forceTiers[T any](t *testing.T, compare func(got, want T), f func(t *testing.T) T) {
	t.Helper()
	t.Setenv(TierVariable, TierGeneric)
	want := f(t)
	for _, tier := range Tiers() {
		t.Setenv(TierVariable, tier)
		compare(f(t), want)
	}
}

func TestTable8(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 5))
	var g guards
	for range shapes(t) {
		g.free()
		src := guarded(t, &g, randomTensor8[uint8](rng, 1+rng.IntN(300)))
		values := randomTensor8[uint8](rng, 512)
		forceTiers(t, func(got, want []byte) { t.Helper(); sameBytes(t, fmt.Sprint(len(src), " elements"), got, want) }, func(t *testing.T) []byte {
			m := &Map8{block: [256]byte(values), tail: [256]byte(values[256:])}
			dst := guarded(t, &g, make([]byte, len(src)))
			m.choose().Run(dst, src)
			return dst
		})
	}
}

func TestQuantizeRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(42, 5))
	var g guards
	for range shapes(t) {
		g.free()
		n, signed := 1+rng.IntN(200), rng.IntN(2) == 0
		_, _, out := randomOutput[uint8](rng, 1)
		if signed {
			_, _, out = randomOutput[int8](rng, 1)
		}
		floats, factor := randomFloats(rng, n), []float32{1, 100, 300, 1e30}[rng.IntN(4)]
		floats = guarded(t, &g, floats)
		bytes := guarded(t, &g, randomTensor8[uint8](rng, n))
		forceTiers(t, func(got, want []byte) { t.Helper(); sameBytes(t, fmt.Sprintf("%v by %v", out, factor), got, want) }, func(t *testing.T) []byte {
			dst := guarded(t, &g, make([]byte, n))
			NewQuantize(factor, out).Run(dst, floats)
			return dst
		})
		forceTiers(t, func(got, want []float32) { t.Helper(); sameFloats(t, "dequantize", got, want) }, func(t *testing.T) []float32 {
			dst := guarded(t, &g, make([]float32, n))
			NewDequantize(Side{signed, factor / 99, out.Zero}).Run(dst, bytes)
			return dst
		})
	}
}

func TestDynamicConv(t *testing.T) {
	rng := rand.New(rand.NewPCG(43, 5))
	var g guards
	for i := range shapes(t) {
		g.free()
		proto := DynamicConv{Out: randomRange(rng)}
		c := &proto.Conv
		*c = Conv[int8]{Window: randomWindowF32(rng, 12), Batch: 1 + rng.IntN(4), Groups: 1 + rng.IntN(5)/4, InC: 1 + rng.IntN(80), OutC: 1 + rng.IntN(150)}
		if rng.IntN(3) == 0 { // a fully connected layer
			c.Window = Window{InH: 1, InW: 1, OutH: 1, OutW: 1, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1}
			c.Batch = 1 + rng.IntN(20)
		}
		if h, w := 1+i%3, 1+i/3; w <= 3 { // single taps of images of one pixel and of few
			c.Window = Window{InH: h, InW: w, OutH: h, OutW: w, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1}
			c.Batch, c.Groups = 3, 1
		}
		n := c.Groups * c.OutC
		weights := randomTensor8[int8](rng, n*c.Depth())
		proto.Bias, proto.Scale = randomFloats(rng, n), randomFloats(rng, n)
		src := guarded(t, &g, randomFloats(rng, c.Batch*c.InH*c.InW*c.Groups*c.InC))
		size := c.Batch * c.OutH * c.OutW * n
		what := fmt.Sprintf("%+v batch %d groups %d channels %d to %d", c.Window, c.Batch, c.Groups, c.InC, c.OutC)
		forceTiers(t, func(got, want []float32) { t.Helper(); sameFloats(t, what, got, want) }, func(t *testing.T) []float32 {
			d := proto
			d.Conv.Weights, d.WeightSum = weights, make([]int32, n)
			d.Choose()
			d.Pack(nil)
			d.Scale, d.Bias = guarded(t, &g, d.Scale), guarded(t, &g, d.Bias)
			dst := guarded(t, &g, make([]float32, size))
			d.Run(dst, src, make([]byte, d.Scratch()))
			return dst
		})
	}
}

func TestRowMax(t *testing.T) {
	rng := rand.New(rand.NewPCG(44, 5))
	var g guards
	for range shapes(t) {
		g.free()
		rows, n, skip := 1+rng.IntN(9), 1+rng.IntN(200), rng.IntN(3)
		src := guarded(t, &g, randomTensor8[uint8](rng, rows*(n+skip)))
		forceTiers(t, func(got, want []byte) { t.Helper(); sameBytes(t, fmt.Sprint(n, " elements"), got, want) }, func(t *testing.T) []byte {
			dst := guarded(t, &g, make([]byte, rows))
			maxOfRows(rowsOf(Tier()), dst, src[skip:], n+skip, n)
			return dst
		})
		if got := make([]byte, rows); rows > 0 {
			maxOfRows(nil, got, src[skip:], n+skip, n)
			if want := slices.Max(src[skip:][:n]); got[0] != want {
				t.Fatalf("largest is %d, want %d", got[0], want)
			}
		}
	}
}

func TestRealFunctions(t *testing.T) {
	rng := rand.New(rand.NewPCG(45, 5))
	var g guards
	for range shapes(t) {
		g.free()
		n := 1 + rng.IntN(200)
		values := randomFloats(rng, 2*n)
		if rng.IntN(2) == 0 { // nothing that the kernels would leave
			for i := range values {
				values[i] = float32(rng.ExpFloat64()) * []float32{1e-42, 1e-20, 1, 1e30}[rng.IntN(4)]
			}
		}
		src := guarded(t, &g, values)
		for name, f := range map[string]func(float32) float32{"sqrt_f32": SqrtF32, "log_f32": LogF32, "exp_f32": ExpF32} { // the last without a kernel
			forceTiers(t, func(got, want []float32) { t.Helper(); sameFloats(t, name, got, want) }, func(t *testing.T) []float32 {
				run, _ := VectorMapF32(name, f)
				dst := guarded(t, &g, make([]float32, len(src)))
				run(dst, src)
				return dst
			})
		}
		forceTiers(t, func(got, want []float32) { t.Helper(); sameFloats(t, "magnitude", got, want) }, func(t *testing.T) []float32 {
			run, _ := VectorComplexAbsF32()
			dst := guarded(t, &g, make([]float32, n))
			run(dst, src)
			return dst
		})
		w := 1 << rng.IntN(8)
		forceTiers(t, func(got, want []float32) { t.Helper(); sameFloats(t, fmt.Sprint("transform of ", w), got, want) }, func(t *testing.T) []float32 {
			f := NewRFFT2D(1, w, 1, min(w, n))
			dst := guarded(t, &g, make([]float32, w+2))
			f.Run(dst, src, make([]float64, f.Work()))
			return dst
		})
	}
}
