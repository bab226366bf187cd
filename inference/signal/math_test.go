package signal

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
			s, c := sincosTurn(num, den)
			ws, wc := math.Sincos(2 * math.Pi * float64(num) / float64(den))
			if math.Abs(s-ws) > 1e-14 || math.Abs(c-wc) > 1e-14 {
				t.Fatalf("%d/%d: %v %v, want %v %v", num, den, s, c, ws, wc)
			}
		}
	}
	if s, c := sincosTurn(1, 4); s != 1 || c != 0 {
		t.Errorf("quarter turn: %v %v", s, c)
	}
}

func TestRealFFTNearDFT(t *testing.T) {
	for n := 2; n <= 1024; n *= 2 {
		f, err := NewFFT(n)
		if err != nil {
			t.Fatal(err)
		}
		x := lcgFloats(uint32(n), n)
		re, im := make([]float32, n/2+1), make([]float32, n/2+1)
		f.Real(re, im, x)
		for k := range re {
			var wr, wi float64
			for j, v := range x {
				s, c := sincosTurn(k*j%n, n)
				wr, wi = wr+float64(v)*c, wi-float64(v)*s
			}
			if d := math.Hypot(float64(re[k])-wr, float64(im[k])-wi); d > 2e-6*math.Sqrt(float64(n)) {
				t.Fatalf("length %d bin %d: off by %g", n, k, d)
			}
		}
	}
}

func TestFFTLengths(t *testing.T) {
	for _, n := range []int{-4, 0, 1, 3, 600, 1 << 17} {
		if _, err := NewFFT(n); err == nil {
			t.Errorf("length %d: no error", n)
		}
	}
}

func BenchmarkFFT1024(b *testing.B) {
	f, _ := NewFFT(1024)
	x, re, im := lcgFloats(1, 1024), make([]float32, 513), make([]float32, 513)
	for b.Loop() {
		f.Real(re, im, x)
	}
}
