package kernel

import (
	"math"
	"slices"
	"testing"
)

// TestHybridQuantize has the ends of both rules, which drawn images rarely meet.
func TestHybridQuantize(t *testing.T) {
	for _, c := range []struct {
		symmetric bool
		src       []float32
		want      []int8
		scale     float32
		zero      int32
	}{
		{true, []float32{0, 0}, []int8{0, 0}, 1, 0},
		{true, []float32{1, -0.5}, []int8{127, -64}, 1.0 / 127, 0},
		{false, []float32{0, 0}, []int8{0, 0}, 1, 0},
		{false, []float32{0, 1}, []int8{-128, 127}, 1.0 / 255, -128},
		{false, []float32{0, 255}, []int8{-128, 127}, 1, -128},
		{false, []float32{-1, 0}, []int8{-128, 127}, 1.0 / 255, 127},
		{true, []float32{127, nan(), -3}, []int8{127, 0, -3}, 1, 0},
		{false, []float32{255, nan(), 3}, []int8{127, -128, -125}, 1, -128},
	} {
		got := make([]int8, len(c.src))
		scale, zero := Hybrid{Symmetric: c.symmetric}.quantize(got, c.src)
		if !slices.Equal(got, c.want) || scale != c.scale || zero != c.zero {
			t.Errorf("%v: %v, scale %g, zero point %d, want %v, %g, %d", c.src, got, scale, zero, c.want, c.scale, c.zero)
		}
	}
}

// TestAsymmetricHalves has ranges in which 0 lies at half a step: counted from below it
// rounds otherwise than from above, and it counts from the end that is nearer.
func TestAsymmetricHalves(t *testing.T) {
	for _, c := range []struct {
		lo, hi float32
		zero   int32
	}{
		{-0x1.3d62b4p-1, 0x1.3d62b6p-1, -1}, // -0.5 from below, -0.500012 from above
		{-0x1.3de366p-2, 0x1.3de368p-2, 0},  // -0.500012 and -0.5
		{-0x1.4f4ab2p-2, 0x1.5497c4p-2, -2}, // -1.500006 and -1.499994
	} {
		if _, zero := asymmetric(c.lo, c.hi); zero != c.zero {
			t.Errorf("%x to %x: zero point %d, want %d", c.lo, c.hi, zero, c.zero)
		}
	}
}

// TestHybridZeroPoint: sums of images without a rounding error are those of the floats,
// whichever step is 0.
func TestHybridZeroPoint(t *testing.T) {
	for lo := -131; lo <= -124; lo++ {
		x := []float32{float32(lo), float32(lo + 255), 7}
		w := []int8{3, -5, 4}
		want := 3*x[0] - 5*x[1] + 4*x[2]
		c := HybridConv{
			Window: Window{InH: 1, InW: 1, OutH: 1, OutW: 1, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1},
			Batch:  1, Groups: 1, InC: 3, OutC: 1, Weights: w, Scale: []float32{1}, Bias: []float32{0}, Out: Range{-1e9, 1e9},
		}
		dst := make([]float32, 1)
		if c.Run(dst, x, make([]int8, 3), make([]int8, 3)); dst[0] != want {
			t.Errorf("convolution from %d on: %g, want %g", lo, dst[0], want)
		}
		l := LSTMF32{Batch: 1, Hybrid: &Hybrid{}}
		dst[0] = 0
		if l.add(dst, &MatrixF32{Bytes: w, Scale: 1}, x, 3, 1, make([]int8, 3)); dst[0] != want {
			t.Errorf("recurrent layer from %d on: %g, want %g", lo, dst[0], want)
		}
	}
}

// TestNormalizeLeast: a variance near 1e-8 shows what is added to it.
func TestNormalizeLeast(t *testing.T) {
	g := GateF32{Norm: []float32{1, 2, 1, 2}, Bias: []float32{0, 0, 1, 1}}
	for _, v := range []float64{1e-6, 1e-4, 1e-2, 1} {
		row := []float32{float32(v), float32(-v), float32(-v), float32(v)}
		g.normalize(row)
		for i, sign := range []float64{1, -1, -1, 1} {
			want := sign*v/math.Sqrt(v*v+1e-8)*float64(g.Norm[i]) + float64(g.Bias[i])
			if math.Abs(float64(row[i])-want) > 1e-6 {
				t.Errorf("%g becomes %g, want %g", sign*v, row[i], want)
			}
		}
	}
}
