package kernel

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// exactFMA is the definition: the exact value, rounded once.
func exactFMA(a, b, c float32) float32 {
	x := new(big.Float).SetPrec(700).SetFloat64(float64(a))
	x.Mul(x, new(big.Float).SetPrec(700).SetFloat64(float64(b)))
	x.Add(x, new(big.Float).SetPrec(700).SetFloat64(float64(c)))
	f, _ := x.Float32()
	return f
}

func TestFMA32(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	// Few bits and close exponents make ties; low exponents subnormals.
	draw := func(exp int32) float32 {
		m := rng.Uint32() & 0x7FFFFF
		switch rng.IntN(3) {
		case 0:
			m &= 0x7FF << rng.IntN(13)
		case 1:
			m = 1 << rng.IntN(23)
		}
		e := uint32(min(max(exp+rng.Int32N(30)-15, 0), 254))
		return math.Float32frombits(m | e<<23 | rng.Uint32()<<31)
	}
	n, fixed := 2_000_000, 0
	if testing.Short() {
		n = 50_000
	}
	for range n {
		exp := []int32{127, 127, 64, 40, 0}[rng.IntN(5)]
		a, b := draw(exp), draw(127)
		c := draw(exp)
		if rng.IntN(2) == 0 {
			// c near the product: cancellation and ties.
			c = float32(a*b) * draw(127)
		}
		if rng.IntN(4) == 0 {
			// Half a unit of c, less or more than a float64 shows.
			small := float32(math.Ldexp(1, -15-rng.IntN(9)))
			a, b = (1+small)*0x1p-12, (1-small)*0x1p-12
			if rng.IntN(2) == 0 {
				a = -a
			}
			c = math.Float32frombits(127<<23 | rng.Uint32()&0x7FFFFF)
			if rng.IntN(4) == 0 { // and of a subnormal
				a, b, c = a*0x1p-63, b*0x1p-63, math.Float32frombits(rng.Uint32()&0x7FFFFF)
			}
		}
		if c != c || math.IsInf(float64(c), 0) {
			continue
		}
		got, want := fma32(a, b, c), exactFMA(a, b, c)
		if got != want {
			t.Fatalf("%x * %x + %x = %x, want %x", a, b, c, got, want)
		}
		if float32(float64(a)*float64(b)+float64(c)) != want {
			fixed++
		}
	}
	t.Logf("%d cases need the rounding to odd", fixed)
	if fixed == 0 {
		t.Error("no case would have been rounded twice")
	}
}

func TestFMA32Special(t *testing.T) {
	inf, z := float32(math.Inf(1)), float32(math.Copysign(0, -1))
	for _, c := range []struct{ a, b, c, want float32 }{
		{1, 1, z, 1}, {0, 1, z, 0}, {z, 1, z, z}, {1, -1, 1, 0}, {inf, 1, 1, inf}, {inf, 1, -inf, nan()}, {inf, 0, 1, nan()},
		{math.MaxFloat32, 2, 0, inf}, {math.MaxFloat32, 2, -math.MaxFloat32, math.MaxFloat32},
	} {
		got := fma32(c.a, c.b, c.c)
		if math.Float32bits(got) != math.Float32bits(c.want) && (got == got || c.want == c.want) {
			t.Errorf("%g * %g + %g = %g, want %g", c.a, c.b, c.c, got, c.want)
		}
	}
}
