package kernel

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
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
		{"sign", SignF32, func(x float64) float64 {
			if x == 0 {
				return x
			}
			return math.Copysign(1, x)
		}},
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

// TestErfcHard has floats that lie near the middle of two others before the last
// rounding: 20 terms of the continued fraction are too few for them.
func TestErfcHard(t *testing.T) {
	x := float32(-0x1.13c4bep+02)
	if got, want := GeluTable(x), float32(0.5*x)*float32(math.Erfc(0x1.85fedep+01)); got != want {
		t.Errorf("GELU of %x is %x in tables, want %x", x, got, want)
	}
	x = -0x1.17ca8ap+02
	if got, want := GeluF32(x), float32(float64(x)/2*math.Erfc(-float64(x)/math.Sqrt2)); got != want {
		t.Errorf("GELU of %x is %x, want %x", x, got, want)
	}
}

// TestErfc holds the bound that the comment of erfc gives.
func TestErfc(t *testing.T) {
	for x := -7.0; x < 26; x += 0.0137 {
		if off := math.Abs(erfc(x)/math.Erfc(x) - 1); off > 1e-9 {
			t.Fatalf("erfc(%g) is off by %g", x, off)
		}
	}
}

// TestLogSoftmaxF32: the largest of a row is that of this row, wherever it lies.
func TestLogSoftmaxF32(t *testing.T) {
	for _, src := range [][]float32{{-300}, {500}, {1, 2}, {2, 1}, {-1, 300}, {300, -1, 299}} {
		n := len(src)
		dst := make([]float32, 2*n)
		LogSoftmaxF32(dst, append(slices.Clone(src), make([]float32, n)...), n)
		top := slices.Max(src)
		sum := 0.0
		for _, x := range src {
			sum += math.Exp(float64(x - top))
		}
		for i, x := range src {
			if want := float64(x-top) - math.Log(sum); math.Abs(float64(dst[i])-want) > 1e-6*max(1, math.Abs(want)) {
				t.Errorf("element %d of %v becomes %g, want %g", i, src, dst[i], want)
			}
			if want := -math.Log(float64(n)); math.Abs(float64(dst[n+i])-want) > 1e-6 {
				t.Errorf("element %d of zeros becomes %g, want %g", i, dst[n+i], want)
			}
		}
	}
}

// TestTanhHard has the one float from 2^-7 to 2^-6 that takes the series.
func TestTanhHard(t *testing.T) {
	const x = 0x1.9c696p-7
	if got, want := TanhF32(x), float32(math.Tanh(x)); got != want {
		t.Errorf("tanh(%x) is %x, want %x", x, got, want)
	}
}

func TestFloorModF32(t *testing.T) {
	for a := float32(-9); a <= 9; a += 0.5 {
		for b := float32(-4); b <= 4; b += 0.5 {
			q := math.Floor(float64(a) / float64(b))
			want := float32(float64(a) - q*float64(b)) // exact
			if b == 0 {
				want = nan()
			}
			if got := FloorModF32(a, b); got != want && (got == got || want == want) {
				t.Errorf("%g mod %g is %g, want %g", a, b, got, want)
			}
		}
	}
}

// TestPowF32 has what C says of powf, and where whole exponents end.
func TestPowF32(t *testing.T) {
	inf, zero := float32(math.Inf(1)), float32(math.Copysign(0, -1))
	for _, c := range []struct{ x, y, want float32 }{
		{nan(), 0, 1}, {1, nan(), 1}, {1, inf, 1}, {nan(), 1, nan()}, {2, nan(), nan()}, {0, nan(), nan()},
		{0, 2, 0}, {0, -2, inf}, {0, 0.5, 0}, {0, -0.5, inf}, {zero, 2, 0}, {zero, 3, zero}, {zero, -2, inf}, {zero, -3, -inf}, {zero, 0.5, 0}, {zero, -0.5, inf},
		{-1, inf, 1}, {-1, -inf, 1}, {0.5, inf, 0}, {0.5, -inf, inf}, {-0.5, inf, 0}, {-0.5, -inf, inf}, {2, inf, inf}, {-2, -inf, 0},
		{inf, 2, inf}, {inf, -2, 0}, {-inf, 2, inf}, {-inf, 3, -inf}, {-inf, -2, 0}, {-inf, -3, zero}, {-inf, 0.5, inf}, {-inf, -0.5, 0},
		{-2, 3, -8}, {-2, 4, 16}, {-0.5, 3, -0.125}, {-0.5, -2, 4}, {-0.5, -3, -8}, {0.25, 0.5, 0.5}, {4, -0.5, 0.5},
		{-2, 0.5, nan()}, {-1, 0.5, nan()}, {-0.5, 0.5, nan()}, {-0x1p-140, 0.5, nan()},
		{-2, 1<<24 - 1, -inf}, {-2, 1 << 24, inf}, {-2, 1 - 1<<24, zero}, {-2, -1 << 24, 0}, {-1, 1<<24 - 1, -1}, {-1, 1 << 30, 1},
	} {
		if got := PowF32(c.x, c.y); math.Float32bits(got) != math.Float32bits(c.want) {
			t.Errorf("%g to the power %g is %g, want %g", c.x, c.y, got, c.want)
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

// TestF32Digests holds a million values of every function in float32 on every
// CPU: what they give is the engine's own definition, to the last bit.
func TestF32Digests(t *testing.T) {
	for _, c := range []struct {
		name, want string
		f          func(float32) float32
	}{
		{"exp", "ef7c153bab380f35", ExpF32},
		{"log", "e2d4c8798dfe7fe5", LogF32},
		{"tanh", "a2c4b62d2262623d", TanhF32},
		{"logistic", "8659fe08e196fa31", LogisticF32},
		{"sin", "c52dc6ef656628e7", SinF32},
		{"cos", "225e464bb992fe23", CosF32},
		{"elu", "2ecab775b70cdac5", EluF32},
		{"gelu", "5376800e48321167", GeluF32},
		{"gelu tanh", "87887f01b8a5ce4f", GeluTanhF32},
		{"atan2", "a80f53cb5488ccdd", func(x float32) float32 { return Atan2F32(x, 3) }},
		{"pow", "4da21220a09f18f4", func(x float32) float32 { return PowF32(AbsF32(x), 1.7) }},
	} {
		sum := sha256.New()
		var row [4]byte
		add := func(x float32) {
			binary.LittleEndian.PutUint32(row[:], math.Float32bits(quiet(c.f(x))))
			sum.Write(row[:])
		}
		for i := range int32(1 << 19) {
			add(float32(i-1<<18) * 0x1p-14) // up to 16
		}
		for bits := uint64(0); bits < 1<<32; bits += 8191 {
			add(math.Float32frombits(uint32(bits)))
		}
		for _, x := range []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat32, -math.MaxFloat32} {
			add(float32(x))
		}
		if got := hex.EncodeToString(sum.Sum(nil)[:8]); got != c.want {
			t.Errorf("%s: outputs digest to %s, want %s", c.name, got, c.want)
		}
	}
}
