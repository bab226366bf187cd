package signal

import (
	"math"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/internal/fmath"
)

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
				s, c := fmath.SinCosTurn(k*j%n, n)
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
