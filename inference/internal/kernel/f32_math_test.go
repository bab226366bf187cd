package kernel

import (
	"math"
	"testing"
)

// TestF32FunctionsNearCorrect holds the functions against package math over
// all magnitudes: within one unit in the last place of float32.
func TestF32FunctionsNearCorrect(t *testing.T) {
	for _, c := range []struct {
		name  string
		f     func(float32) float32
		exact func(float64) float64
	}{
		{"exp", ExpF32, math.Exp},
		{"log", LogF32, math.Log},
		{"tanh", TanhF32, math.Tanh},
		{"logistic", LogisticF32, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }},
		{"sqrt", SqrtF32, math.Sqrt},
		{"rsqrt", RsqrtF32, func(x float64) float64 { return 1 / math.Sqrt(x) }},
		{"floor", FloorF32, math.Floor},
		{"ceil", CeilF32, math.Ceil},
		{"abs", AbsF32, math.Abs},
		{"hard swish", HardSwishF32, func(x float64) float64 { return x * min(max(x+3, 0), 6) / 6 }},
	} {
		limit := int64(1)
		if c.name == "hard swish" {
			limit = 1 << 12 // x + 3 cancels just above -3
		}
		for bits := uint64(0); bits < 1<<32; bits += 40503 {
			x := math.Float32frombits(uint32(bits))
			got, want := c.f(x), float32(c.exact(float64(x)))
			if x != x || want != want {
				if got == got {
					t.Errorf("%s(%g) = %g, want NaN", c.name, x, got)
				}
				continue
			}
			if d := order(got) - order(want); d > limit || d < -limit {
				t.Fatalf("%s(%g) = %g, want %g", c.name, x, got, want)
			}
		}
	}
}

// order numbers the floats in their order, both zeros alike.
func order(f float32) int64 {
	b := int64(math.Float32bits(f))
	if b>>31 != 0 {
		return 1<<31 - b
	}
	return b
}

func TestHalfToFloat(t *testing.T) {
	for _, c := range []struct {
		half uint16
		want float32
	}{
		{0x0000, 0}, {0x3C00, 1}, {0xC000, -2}, {0x3555, 0.333251953125}, {0x0001, 0x1p-24}, {0x83FF, -0x3FFp-24},
		{0x0400, 0x1p-14}, {0x7BFF, 65504}, {0xFC00, float32(math.Inf(-1))},
	} {
		if got := HalfToFloat(c.half); got != c.want {
			t.Errorf("%#04x: %g, want %g", c.half, got, c.want)
		}
	}
	if got := HalfToFloat(0x8000); math.Float32bits(got) != 0x80000000 {
		t.Errorf("-0: %#x", math.Float32bits(got))
	}
	if got := HalfToFloat(0xFE01); math.Float32bits(got) != 0x7FC00000 {
		t.Errorf("NaN: %#x", math.Float32bits(got))
	}
}
