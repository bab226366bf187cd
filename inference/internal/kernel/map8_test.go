package kernel

import (
	"math"
	"slices"
	"testing"
)

// TestTable8NoNumber: scales of which all but nothing is infinite have results that are
// no numbers; what LiteRT makes of them.
func TestTable8NoNumber(t *testing.T) {
	for _, c := range []struct {
		in, out float32
		zero    int32
		want    []int8
	}{
		{3e38, 1, 5, []int8{0, 0, 5, 5, 127, 127}},
		{3e38, 1, -5, []int8{0, 0, -5, -5, 127, 127}},
		{1, 1e-39, 5, []int8{0, -128, -128, 0, 127, 127}},
		{1, 1e-39, -5, []int8{0, -128, -128, 0, 127, 127}},
	} {
		for name, f := range map[string]func(float32) float32{"gelu": GeluTable, "gelu by tanh": GeluTanhTable} {
			src := []byte{0x80, 0xFE, 0xFF, 0, 1, 0x7F} // -128, -2, -1, 0, 1, 127
			NewTable8(Side{Signed: true, Scale: c.in}, c.out, Clamp8{Zero: c.zero, Min: -128, Max: 127}, f).Run(src, src)
			got := make([]int8, len(src))
			for i, b := range src {
				got[i] = int8(b)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s, scale %g to %g, zero point %d: %v, want %v", name, c.in, c.out, c.zero, got, c.want)
			}
		}
	}
}

// TestWordOf: what LiteRT makes of uint8 results that no int32 holds, as x86-64 converts
// them; by its runs of GELU and of CONCATENATION.
func TestWordOf(t *testing.T) {
	gelu := func(in Side, outScale float32, out Clamp8) *Map8 { return NewTable8(in, outScale, out, GeluTable) }
	for _, c := range []struct {
		name    string
		table   func(in Side, outScale float32, out Clamp8) *Map8
		in, out float32
		zero    int32
		want    []byte
	}{
		{"gelu", gelu, 1, 1e-7, 128, []byte{7, 0, 0, 7, 255, 255}},
		{"gelu", gelu, 1, 1e-8, 128, []byte{7, 0, 0, 7, 255, 0}},
		{"gelu", gelu, 1, 1e-30, 128, []byte{7, 0, 0, 7, 0, 0}},
		{"rescale", NewRescale8, 1, 1e-7, 128, []byte{0, 0, 0, 7, 255, 255}},
		{"rescale", NewRescale8, 1, 1e-8, 128, []byte{0, 0, 0, 7, 255, 0}},
		{"rescale", NewRescale8, 1, 1e-8, 0, []byte{7, 0, 0, 0, 0, 0}},
		{"rescale", NewRescale8, 3e38, 1e-9, 0, []byte{0, 0, 0, 0, 0, 0}},
		{"rescale", NewRescale8, 3e38, 1e-9, 128, []byte{0, 0, 0, 0, 0, 0}},
	} {
		src := []byte{0, 126, 127, 128, 129, 255}
		c.table(Side{Scale: c.in, Zero: c.zero}, c.out, Clamp8{Zero: 7, Max: 255}).Run(src, src)
		if !slices.Equal(src, c.want) {
			t.Errorf("%s, scale %g to %g, zero point %d: %v, want %v", c.name, c.in, c.out, c.zero, src, c.want)
		}
	}
	for v, want := range map[float64]int32{1<<31 - 1: math.MaxInt32, 1 << 31: math.MinInt32, -1 << 31: math.MinInt32, -1<<31 - 1: math.MinInt32, 1 - 1<<31: 1 - 1<<31, 1 << 62: math.MinInt32} {
		if got := wordOf(v); got != want {
			t.Errorf("%g is %d, want %d", v, got, want)
		}
	}
}

// TestInvSqrt: five steps give 19 bits.
func TestInvSqrt(t *testing.T) {
	for x := int32(2); x < 1<<31-1-x/100; x += 1 + x/100 {
		m := invSqrt(x)
		got, want := float64(m.Mantissa)*math.Pow(2, float64(m.Shift-31)), 1/math.Sqrt(float64(x))
		if math.Abs(got/want-1) > 0x1p-19 {
			t.Fatalf("1 / sqrt(%d) is %g, want %g", x, got, want)
		}
	}
	for _, x := range []int32{0, 1} {
		if m := invSqrt(x); m.Apply(1<<30) != 1<<30 {
			t.Errorf("1 / sqrt(%d) takes 2^30 to %d", x, m.Apply(1<<30))
		}
	}
}

// TestL2NormAlone: of a row of one element only the sign is left.
func TestL2NormAlone(t *testing.T) {
	src, got := []int8{-128, -2, -1, 0, 1, 2, 127}, make([]int8, 7)
	if L2Norm8(got, src, 1, 0); !slices.Equal(got, []int8{-128, -128, -128, 0, 127, 127, 127}) {
		t.Errorf("of %v: %v", src, got)
	}
	bytes, gotU := []uint8{0, 126, 127, 128, 129, 130, 255}, make([]uint8, 7)
	if L2NormU8(gotU, bytes, 1, 128); !slices.Equal(gotU, []uint8{0, 0, 0, 128, 255, 255, 255}) {
		t.Errorf("of %v: %v", bytes, gotU)
	}
}

// TestLogistic8 from where nothing is left of the function to where it is 1.
func TestLogistic8(t *testing.T) {
	for _, scale := range []float32{0.05, 1, 30, 1e38} {
		for q, b := range NewLogistic8(Side{Signed: true, Scale: scale}, 0.01, Clamp8{Zero: -7, Min: -128, Max: 127}).block {
			x := float64(scale) * float64(int8(q))
			if got := float64(int8(b)) + 7; math.Abs(got-100/(1+math.Exp(-x))) > 0.50001 {
				t.Errorf("logistic of %g is %g hundredths", x, got)
			}
		}
	}
}
