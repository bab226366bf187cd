package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestRoundEven(t *testing.T) {
	for _, v := range []float32{0, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999997, -0.49999997, 255.5, -383, 382.5} {
		if got, want := roundEven(v), int32(math.RoundToEven(float64(v))); got != want {
			t.Errorf("%v: %d, want %d", v, got, want)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 100000 {
		v := float32(r.Float64()*800 - 400)
		if got, want := roundEven(v), int32(math.RoundToEven(float64(v))); got != want {
			t.Fatalf("%v: %d, want %d", v, got, want)
		}
	}
}

func TestRequantizeClamps(t *testing.T) {
	c := Clamp8{Zero: -128, Min: -128, Max: 127}
	for _, tt := range []struct {
		acc   int32
		scale float32
		want  int32
	}{
		{math.MaxInt32, 200, 127}, {math.MinInt32, 200, -128}, {0, 1, -128}, {1, 0.5, -128}, {3, 0.5, -126}, {255, 1, 127},
	} {
		if got := c.fp32(tt.acc, tt.scale); got != tt.want {
			t.Errorf("%d * %v: %d, want %d", tt.acc, tt.scale, got, tt.want)
		}
	}
}

// TestMultiplier checks both roundings against their definitions in exact
// arithmetic.
func TestMultiplier(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 100000 {
		m := NewMultiplier(math.Exp(r.Float64()*20 - 14))
		x := int32(r.Uint32()) >> (16 + r.IntN(10))
		left, right := max(m.Shift, 0), max(-m.Shift, 0)
		p := float64(int64(x)<<left) * float64(m.Mantissa) / (1 << 31)
		// p is exact: 16 + 6 + 31 bits fit a float64.
		away := math.Round(math.Floor(p+0.5) / math.Pow(2, float64(right)))
		if got := m.Apply(x); float64(got) != away {
			t.Fatalf("%d * %+v: %d, half away gives %v", x, m, got, away)
		}
		up := math.Floor(math.Floor(p+0.5)/math.Pow(2, float64(right)) + 0.5)
		if got := m.ApplyUp(x); float64(got) != up {
			t.Fatalf("%d * %+v: %d, half up gives %v", x, m, got, up)
		}
	}
}

// TestHighMulTies: a product exactly between two numbers goes up, whatever its
// sign, which random draws never reach.
func TestHighMulTies(t *testing.T) {
	for _, tt := range []struct{ a, want int32 }{{1, 1}, {-1, 0}, {3, 2}, {-3, -1}} {
		if got := highMul(tt.a, 1<<30); got != tt.want {
			t.Errorf("%d / 2: %d, want %d", tt.a, got, tt.want)
		}
	}
}

func TestNewMultiplierKeepsTheFactor(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 10000 {
		f := math.Exp(r.Float64()*30 - 20)
		m := NewMultiplier(f)
		if got := float64(m.Mantissa) * math.Pow(2, float64(m.Shift-31)); math.Abs(got-f) > f*0x1p-31 {
			t.Fatalf("%v became %v", f, got)
		}
	}
	for f, want := range map[float64]Multiplier{
		1 - 0x1p-40: {1 << 30, 1}, 1 - 0x1p-31: {math.MaxInt32, 0}, 0x1p-32: {1 << 30, -31}, 0x1p-33: {}, 0x1p29: {1 << 30, 30}, 0x1p30: {math.MaxInt32, 30},
	} {
		if m := NewMultiplier(f); m != want {
			t.Errorf("%g became %v, want %v", f, m, want)
		}
	}
	if m := NewMultiplier(0); m.Apply(12345) != 0 {
		t.Errorf("times 0 gives %d", m.Apply(12345))
	}
}

// TestExpf: within half a unit in the last place, and a little for ties that
// float64 cannot tell.
func TestExpf(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 200000 {
		x := float32(-104 * r.Float64())
		got, want := expf(x), math.Exp(float64(x))
		ulp := float64(math.Nextafter32(got, 1)) - float64(got)
		if math.Abs(float64(got)-want) > 0.5000001*ulp {
			t.Fatalf("exp(%v) = %v, want %v", x, got, want)
		}
	}
	if expf(0) != 1 {
		t.Errorf("exp(0) = %v", expf(0))
	}
}
