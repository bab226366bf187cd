package signal

import (
	"fmt"
	"math/bits"

	"github.com/dunlin-edge/dunlin/inference/internal/fmath"
)

// maxFFT bounds the transform length: 4 s of 16 kHz audio, 2 MB of tables.
const maxFFT = 1 << 16

// complexFFT is an in-place radix-2 transform of n values kept as real and
// imaginary parts, unscaled.
type complexFFT struct {
	swap     [][2]int32 // bit-reversal pairs, once each
	cos, sin []float32  // of 2 pi k / n for k < n/2
}

func newComplexFFT(n int) *complexFFT {
	f := &complexFFT{}
	shift := 32 - (bits.Len(uint(n)) - 1)
	for i := range n {
		if j := int(bits.Reverse32(uint32(i)) >> shift); n > 1 && j > i {
			f.swap = append(f.swap, [2]int32{int32(i), int32(j)})
		}
	}
	for k := range n / 2 {
		s, c := fmath.SinCosTurn(k, n)
		f.cos, f.sin = append(f.cos, float32(c)), append(f.sin, float32(s))
	}
	return f
}

// forward computes sum x[j] exp(-2 pi i jk/n); swapping re and im inverts it,
// but for a factor of n.
func (f *complexFFT) forward(re, im []float32) {
	for _, p := range f.swap {
		i, j := p[0], p[1]
		re[i], re[j] = re[j], re[i]
		im[i], im[j] = im[j], im[i]
	}
	n := len(re)
	for i := 0; i+1 < n; i += 2 {
		re[i], re[i+1] = re[i]+re[i+1], re[i]-re[i+1]
		im[i], im[i+1] = im[i]+im[i+1], im[i]-im[i+1]
	}
	for half := 2; half < n; half *= 2 {
		for start := 0; start < n; start += 2 * half {
			f.butterflies(re[start:start+2*half], im[start:start+2*half], n/(2*half))
		}
	}
}

// butterflies joins two half-length transforms. Products are rounded before
// they are summed, so that no CPU fuses them.
func (f *complexFFT) butterflies(re, im []float32, stride int) {
	half := len(re) / 2
	ar, br := re[:half], re[half:][:half]
	ai, bi := im[:half], im[half:][:half]
	for k := range half {
		c, s := f.cos[k*stride], f.sin[k*stride]
		tr := float32(br[k]*c) + float32(bi[k]*s)
		ti := float32(bi[k]*c) - float32(br[k]*s)
		br[k], bi[k] = ar[k]-tr, ai[k]-ti
		ar[k], ai[k] = ar[k]+tr, ai[k]+ti
	}
}

// FFT is a float32 Fourier transform of real samples; its length is a power of
// two. Relative errors are of the order of 1e-7 times log2 of the length.
type FFT struct {
	n        int
	half     *complexFFT
	cos, sin []float32 // of 2 pi k / n for k <= n/4
	re, im   []float32
}

// NewFFT makes a transform of n samples, a power of two from 2 to 65536.
func NewFFT(n int) (*FFT, error) {
	if n < 2 || n > maxFFT || n&(n-1) != 0 {
		return nil, fmt.Errorf("fft: length %d, want a power of two from 2 to %d", n, maxFFT)
	}
	f := &FFT{n: n, half: newComplexFFT(n / 2), re: make([]float32, n/2), im: make([]float32, n/2)}
	for k := range n/4 + 1 {
		s, c := fmath.SinCosTurn(k, n)
		f.cos, f.sin = append(f.cos, float32(c)), append(f.sin, float32(s))
	}
	return f, nil
}

// Len returns the number of samples transformed.
func (f *FFT) Len() int { return f.n }

// Real transforms x, zero-padded to Len, into the Len/2+1 bins from 0 to half
// the sample rate: sum x[j] exp(-2 pi i jk/n), unscaled.
func (f *FFT) Real(re, im, x []float32) {
	for i := range f.re {
		f.re[i], f.im[i] = at(x, 2*i), at(x, 2*i+1)
	}
	f.half.forward(f.re, f.im)
	m := f.n / 2
	re[0], im[0] = f.re[0]+f.im[0], 0
	re[m], im[m] = f.re[0]-f.im[0], 0
	for k := 1; k <= m/2; k++ {
		a, b := f.re[k], f.im[k]
		c, d := f.re[m-k], f.im[m-k]
		er, ei := float32(0.5*(a+c)), float32(0.5*(b-d))
		or, oi := float32(0.5*(b+d)), float32(0.5*(c-a))
		tr := float32(or*f.cos[k]) + float32(oi*f.sin[k])
		ti := float32(oi*f.cos[k]) - float32(or*f.sin[k])
		re[k], im[k] = er+tr, ei+ti
		re[m-k], im[m-k] = er-tr, ti-ei
	}
}

func at(x []float32, i int) float32 {
	if i < len(x) {
		return x[i]
	}
	return 0
}

// nextPow2 returns the smallest power of two >= n, at least 2.
func nextPow2(n int) int {
	p := 2
	for p < n {
		p *= 2
	}
	return p
}
