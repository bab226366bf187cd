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
	H, W     int
	InH, InW int // size of the input, cut or padded with zeros to H by W
	turnsH   []turn
	stages   []float64 // of a row: from each stage's half on, twice its cosines and sines
	reversed []int32   // where each element of a row begins

	fast *vectorRows
}

// turn is the cosine and sine of a part of a circle.
type turn struct{ cos, sin float64 }

// NewRFFT2D makes the tables and takes the vector kernel of the tier in use.
func NewRFFT2D(h, w, inH, inW int) *RFFT2D {
	f := &RFFT2D{H: h, W: w, InH: inH, InW: inW, turnsH: turns(h), stages: make([]float64, 2*w), reversed: make([]int32, w)}
	if v := rowsOf(Tier()); v != nil && v.reals {
		f.fast = v
	}
	all := turns(w)
	for half := 1; half < w; half *= 2 {
		s := f.stage(half)
		for k := range half {
			s[k], s[half+k] = all[k*(w/(2*half))].cos, all[k*(w/(2*half))].sin
		}
	}
	for i := range f.reversed {
		if w > 1 {
			f.reversed[i] = int32(bits.Reverse64(uint64(i)) >> (64 - bits.TrailingZeros(uint(w))))
		}
	}
	return f
}

// Tables returns the bytes that NewRFFT2D takes.
func (f *RFFT2D) Tables() int { return 8*f.H + 20*f.W }

// Tier names the instruction set of the kernel.
func (f *RFFT2D) Tier() string { return f.fast.name() }

// stage returns the cosines, then the sines of a stage.
func (f *RFFT2D) stage(half int) []float64 { return f.stages[2*half:][:2*half] }

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
			row[f.reversed[k]] = float64(x)
		}
		f.row(row, im[j*f.W:][:f.W])
	}
	bins := f.W/2 + 1
	if f.H > 1 {
		for k := range bins {
			fft(re[k:], im[k:], f.W, f.turnsH)
		}
	}
	for j := range f.H {
		row := re[j*f.W:][:bins]
		imRow, out := im[j*f.W:][:len(row)], dst[j*2*bins:][:2*bins]
		for k, x := range row {
			out[2*k], out[2*k+1] = quiet(float32(x)), quiet(float32(imRow[k]))
		}
	}
}

// row transforms a row whose elements are in reversed order: the stages of fft.
func (f *RFFT2D) row(re, im []float64) {
	for half := 1; half < f.W; half *= 2 {
		switch s := f.stage(half); {
		case f.fast != nil && half >= butterflyLeast:
			f.fast.butterflies(re, im, half, s)
		case half == 1:
			neighbours(re, im, s[0], s[1])
		default:
			butterflies(re, im, s)
		}
	}
}

// neighbours is butterflies of half 1.
func neighbours(re, im []float64, cos, sin float64) {
	im = im[:len(re)]
	for i := 1; i < len(re); i += 2 {
		x := float64(re[i]*cos) + float64(im[i]*sin)
		y := float64(im[i]*cos) - float64(re[i]*sin)
		re[i], im[i] = re[i-1]-x, im[i-1]-y
		re[i-1], im[i-1] = re[i-1]+x, im[i-1]+y
	}
}

// butterflies does one stage; turns holds its cosines, then its sines.
func butterflies(re, im, turns []float64) {
	half := len(turns) / 2
	cos, sin := turns[:half], turns[half:]
	for ; len(re) >= 2*half; re, im = re[2*half:], im[2*half:] {
		reA, reB, imA, imB := re[:half], re[half:][:half], im[:half], im[half:][:half]
		for k, c := range cos {
			x := float64(reB[k]*c) + float64(imB[k]*sin[k])
			y := float64(imB[k]*c) - float64(reB[k]*sin[k])
			reB[k], imB[k] = reA[k]-x, imA[k]-y
			reA[k], imA[k] = reA[k]+x, imA[k]+y
		}
	}
}

// fft transforms 2*len(turns) complex numbers, stride apart, in place.
func fft(re, im []float64, stride int, turns []turn) {
	n := 2 * len(turns)
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
