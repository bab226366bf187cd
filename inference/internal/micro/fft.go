package micro

import (
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/fmath"
)

// FFT is the 16-bit fixed-point real FFT that the micro_speech front end
// was defined with: kissfft (v130, FIXED_POINT 16) radix 4 then 2, every stage
// scaling by 1/radix, products rounded to 15 fractional bits, sums wrapping.
// The length is a power of two >= 8.
type FFT struct {
	half  int // complex length
	radix []int
	tw    []Complex // exp(-2 pi i k / half)
	super []Complex // recombination of even and odd samples
}

// Complex has 15 fractional bits.
type Complex struct{ Re, Im int16 }

const q15Max = 32767

// NewFFT makes the tables for n samples.
func NewFFT(n int) *FFT {
	f := &FFT{half: n / 2}
	for m := f.half; m > 1; {
		r := 4
		if m%4 != 0 {
			r = 2
		}
		f.radix = append(f.radix, r)
		m /= r
	}
	for i := range f.half {
		f.tw = append(f.tw, q15Turn(-i, f.half))
	}
	for i := range f.half / 2 {
		f.super = append(f.super, q15Turn(-(2*(i+1)+f.half), 4*f.half))
	}
	return f
}

// q15Turn is exp(2 pi i num/den) in 15 fractional bits, rounded half up.
func q15Turn(num, den int) Complex {
	s, c := fmath.SinCosTurn(num, den)
	return Complex{
		int16(math.Floor(0.5 + float64(q15Max*c))),
		int16(math.Floor(0.5 + float64(q15Max*s))),
	}
}

// Transform writes the n/2+1 bins of the spectrum of in, the samples as n/2
// pairs, to dst. It needs as much work memory as in has.
func (f *FFT) Transform(dst, in, work []Complex) {
	f.work(work, in, 1, f.radix)
	dc := work[0].div(2)
	n := f.half
	dst[0] = Complex{dc.Re + dc.Im, 0}
	dst[n] = Complex{dc.Re - dc.Im, 0}
	for k := 1; k <= n/2; k++ {
		a := work[k].div(2)
		b := Complex{work[n-k].Re, -work[n-k].Im}.div(2)
		sum, diff := a.add(b), a.sub(b)
		t := diff.mul(f.super[k-1])
		dst[k] = Complex{half16(sum.Re, t.Re), half16(sum.Im, t.Im)}
		dst[n-k] = Complex{half16(sum.Re, -int32(t.Re)), half16(t.Im, -int32(sum.Im))}
	}
}

func half16[T int16 | int32](a int16, b T) int16 { return int16((int32(a) + int32(b)) >> 1) }

// work transforms len(out) values of in, stride apart, into out.
func (f *FFT) work(out, in []Complex, stride int, radix []int) {
	p := radix[0]
	m := len(out) / p
	for i := range p {
		if m == 1 {
			out[i] = in[i*stride]
		} else {
			f.work(out[i*m:(i+1)*m], in[i*stride:], stride*p, radix[1:])
		}
	}
	if p == 2 {
		f.radix2(out, stride, m)
	} else {
		f.radix4(out, stride, m)
	}
}

func (f *FFT) radix2(x []Complex, stride, m int) {
	for k := range m {
		a := x[k].div(2)
		t := x[k+m].div(2).mul(f.tw[k*stride])
		x[k], x[k+m] = a.add(t), a.sub(t)
	}
}

func (f *FFT) radix4(x []Complex, stride, m int) {
	for k := range m {
		a := x[k].div(4)
		b := x[k+m].div(4).mul(f.tw[k*stride])
		c := x[k+2*m].div(4).mul(f.tw[2*k*stride])
		d := x[k+3*m].div(4).mul(f.tw[3*k*stride])
		even, odd := a.sub(c), b.sub(d)
		a, sum := a.add(c), b.add(d)
		x[k], x[k+2*m] = a.add(sum), a.sub(sum)
		x[k+m] = Complex{even.Re + odd.Im, even.Im - odd.Re}
		x[k+3*m] = Complex{even.Re - odd.Im, even.Im + odd.Re}
	}
}

func round15(x int32) int16 { return int16((x + 1<<14) >> 15) }

func (a Complex) add(b Complex) Complex { return Complex{a.Re + b.Re, a.Im + b.Im} }
func (a Complex) sub(b Complex) Complex { return Complex{a.Re - b.Re, a.Im - b.Im} }

func (a Complex) mul(b Complex) Complex {
	ar, ai, br, bi := int32(a.Re), int32(a.Im), int32(b.Re), int32(b.Im)
	return Complex{round15(ar*br - ai*bi), round15(ar*bi + ai*br)}
}

// div divides by k through the 15-bit reciprocal, which truncates it.
func (a Complex) div(k int32) Complex {
	return Complex{round15(int32(a.Re) * (q15Max / k)), round15(int32(a.Im) * (q15Max / k))}
}
