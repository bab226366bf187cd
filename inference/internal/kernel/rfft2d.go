package kernel

import (
	"math"
	"math/bits"

	"github.com/dunlin-edge/dunlin/inference/internal/fmath"
)

// RFFT2D is the Fourier transform of H rows of W reals, both powers of two,
// computed in float64: the sums exp(-2 pi i (jm/H + kn/W)) x[j][k] for n up to
// W/2.
type RFFT2D struct {
	H, W           int
	InH, InW       int // size of the input, cut or padded with zeros to H by W
	turnsH, turnsW []turn
}

// turn is the cosine and sine of a part of a circle.
type turn struct{ cos, sin float64 }

// NewRFFT2D makes the tables.
func NewRFFT2D(h, w, inH, inW int) *RFFT2D {
	return &RFFT2D{H: h, W: w, InH: inH, InW: inW, turnsH: turns(h), turnsW: turns(w)}
}

func turns(n int) []turn {
	t := make([]turn, n/2)
	for k := range t {
		t[k].sin, t[k].cos = fmath.SinCosTurn(k, n)
	}
	return t
}

// Work returns how many float64 Run needs.
func (f *RFFT2D) Work() int { return 2 * f.H * f.W }

// Run transforms one input to H rows of W/2+1 complex numbers.
func (f *RFFT2D) Run(dst, src []float32, work []float64) {
	re, im := work[:f.H*f.W], work[f.H*f.W:][:f.H*f.W]
	clear(work)
	for j := range min(f.H, f.InH) {
		row := re[j*f.W:][:f.W]
		for k, x := range src[j*f.InW:][:min(f.W, f.InW)] {
			row[k] = float64(x)
		}
		fft(row, im[j*f.W:][:f.W], 1, f.turnsW)
	}
	bins := f.W/2 + 1
	if f.H > 1 {
		for k := range bins {
			fft(re[k:], im[k:], f.W, f.turnsH)
		}
	}
	for j := range f.H {
		for k := range bins {
			at := j*f.W + k
			dst[0], dst[1] = quiet(float32(re[at])), quiet(float32(im[at]))
			dst = dst[2:]
		}
	}
}

// fft transforms 2*len(turns) complex numbers, stride apart, in place.
func fft(re, im []float64, stride int, turns []turn) {
	n := 2 * len(turns)
	if n == 0 { // of one number
		return
	}
	shift := 64 - bits.TrailingZeros(uint(n))
	for i := range n {
		if j := int(bits.Reverse64(uint64(i)) >> shift); j > i {
			a, b := i*stride, j*stride
			re[a], re[b] = re[b], re[a]
			im[a], im[b] = im[b], im[a]
		}
	}
	for half := 1; half < n; half *= 2 {
		for k := range half {
			t := turns[k*(n/(2*half))]
			for i := k; i < n; i += 2 * half {
				a, b := i*stride, (i+half)*stride
				x := float64(re[b]*t.cos) + float64(im[b]*t.sin)
				y := float64(im[b]*t.cos) - float64(re[b]*t.sin)
				re[b], im[b] = re[a]-x, im[a]-y
				re[a], im[a] = re[a]+x, im[a]+y
			}
		}
	}
}

// ComplexAbsF32 computes the magnitudes of pairs in float64.
func ComplexAbsF32(dst, src []float32) {
	for i := range dst {
		x, y := float64(src[2*i]), float64(src[2*i+1])
		if math.IsInf(x, 0) || math.IsInf(y, 0) {
			dst[i] = float32(math.Inf(1))
			continue
		}
		dst[i] = quiet(float32(math.Sqrt(float64(x*x) + float64(y*y))))
	}
}
