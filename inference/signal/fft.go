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
	swap   [][2]int32 // bit-reversal pairs, once each
	stages []stage    // but for the first, whose angle is 0
}

// stage has the cosines and sines of pi k / half for k < half.
type stage struct{ cos, sin []float32 }

func newComplexFFT(n int) *complexFFT {
	f := &complexFFT{}
	shift := 32 - (bits.Len(uint(n)) - 1)
	for i := range n {
		if j := int(bits.Reverse32(uint32(i)) >> shift); n > 1 && j > i {
			f.swap = append(f.swap, [2]int32{int32(i), int32(j)})
		}
	}
	for half := 2; half < n; half *= 2 {
		var t stage
		for k := range half {
			s, c := fmath.SinCosTurn(k, 2*half)
			t.cos, t.sin = append(t.cos, float32(c)), append(t.sin, float32(s))
		}
		f.stages = append(f.stages, t)
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
	for rest := f.stages; len(rest) > 0; {
		if len(rest) == 1 {
			rest[0].butterflies(re, im)
			return
		}
		size := 2 * len(rest[1].cos)
		for start := 0; start < n; start += size {
			twoStages(&rest[0], &rest[1], re[start:start+size], im[start:start+size])
		}
		rest = rest[2:]
	}
}

// butterflies joins two half-length transforms. Products are rounded before
// they are summed, so that no CPU fuses them.
func (t *stage) butterflies(re, im []float32) {
	half := len(t.cos)
	cos, sin := t.cos, t.sin[:half]
	ar, br := re[:half], re[half:][:half]
	ai, bi := im[:half], im[half:][:half]
	for k, c := range cos {
		ar[k], ai[k], br[k], bi[k] = butterfly(ar[k], ai[k], br[k], bi[k], c, sin[k])
	}
}

// twoStages joins four transforms in a pair of stages: what butterflies would
// compute, with half the loads and stores.
func twoStages(t, u *stage, re, im []float32) {
	n := len(t.cos)
	tc, ts := t.cos, t.sin[:n]
	uc0, us0, uc1, us1 := u.cos[:n], u.sin[:n], u.cos[n:][:n], u.sin[n:][:n]
	ar, br, cr, dr := re[:n], re[n:][:n], re[2*n:][:n], re[3*n:][:n]
	ai, bi, ci, di := im[:n], im[n:][:n], im[2*n:][:n], im[3*n:][:n]
	for k, c := range tc {
		s := ts[k]
		r0, i0, r1, i1 := butterfly(ar[k], ai[k], br[k], bi[k], c, s)
		r2, i2, r3, i3 := butterfly(cr[k], ci[k], dr[k], di[k], c, s)
		ar[k], ai[k], cr[k], ci[k] = butterfly(r0, i0, r2, i2, uc0[k], us0[k])
		br[k], bi[k], dr[k], di[k] = butterfly(r1, i1, r3, i3, uc1[k], us1[k])
	}
}

func butterfly(ar, ai, br, bi, c, s float32) (sumR, sumI, differenceR, differenceI float32) {
	tr := float32(br*c) + float32(bi*s)
	ti := float32(bi*c) - float32(br*s)
	return ar + tr, ai + ti, ar - tr, ai - ti
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
