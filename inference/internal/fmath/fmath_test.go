package fmath

import (
	"math"
	"testing"
)

func relative(got, want float64) float64 {
	if want == 0 {
		return math.Abs(got)
	}
	return math.Abs(got-want) / math.Abs(want)
}

func TestLogAndExp(t *testing.T) {
	for x := 1e-300; x < 1e300; x *= 1.7 {
		if d := relative(Log(x), math.Log(x)); d > 5e-16 {
			t.Errorf("log(%g) differs by %g", x, d)
		}
		if d := relative(Log10(x), math.Log10(x)); d > 1e-15 {
			t.Errorf("log10(%g) differs by %g", x, d)
		}
	}
	for x := -700.0; x < 700; x += 0.317 {
		if d := relative(Exp(x), math.Exp(x)); d > 5e-16 {
			t.Errorf("exp(%g) differs by %g", x, d)
		}
	}
	for _, c := range []struct{ got, want float64 }{
		{Log(0), math.Inf(-1)}, {Log(1), 0}, {Exp(0), 1}, {Exp(-800), 0},
		{Exp(800), math.Inf(1)}, {Log(math.Inf(1)), math.Inf(1)},
	} {
		if c.got != c.want {
			t.Errorf("got %v, want %v", c.got, c.want)
		}
	}
	if !math.IsNaN(Log(-1)) || !math.IsNaN(Exp(math.NaN())) {
		t.Error("NaN lost")
	}
}

func TestSincosTurn(t *testing.T) {
	for _, den := range []int{4, 7, 480, 1024} {
		for num := -den; num <= 2*den; num++ {
			s, c := SinCosTurn(num, den)
			ws, wc := math.Sincos(2 * math.Pi * float64(num) / float64(den))
			if math.Abs(s-ws) > 1e-14 || math.Abs(c-wc) > 1e-14 {
				t.Fatalf("%d/%d: %v %v, want %v %v", num, den, s, c, ws, wc)
			}
		}
	}
	for _, den := range []int{24, 480, 1024} {
		for num := range den {
			s, _ := SinCosTurn(num, den)
			if _, c := SinCosTurn(den/4-num, den); s != c && num%(den/8) != 0 {
				t.Errorf("the sine of %d/%d is %v, the cosine of the rest %v", num, den, s, c)
			}
		}
	}
	if s, c := SinCosTurn(1, 4); s != 1 || c != 0 {
		t.Errorf("quarter turn: %v %v", s, c)
	}
}
