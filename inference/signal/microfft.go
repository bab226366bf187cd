package signal

import "math"

// microFFT is the 16-bit fixed-point real FFT that the micro_speech front end
// was defined with: kissfft (v130, FIXED_POINT 16) radix 4 then 2, every stage
// scaling by 1/radix, products rounded to 15 fractional bits, sums wrapping.
// The length is a power of two >= 8.
type microFFT struct {
	half  int // complex length
	radix []int
	tw    []complex16 // exp(-2 pi i k / half)
	super []complex16 // recombination of even and odd samples
	in    []complex16
	tmp   []complex16
}

type complex16 struct{ re, im int16 }

const q15Max = 32767

func newMicroFFT(n int) *microFFT {
	f := &microFFT{half: n / 2}
	for m := f.half; m > 1; {
		r := 4
		if m%4 != 0 {
			r = 2
		}
		f.radix = append(f.radix, r)
		m /= r
	}
	f.in = make([]complex16, f.half)
	f.tmp = make([]complex16, f.half)
	for i := range f.half {
		f.tw = append(f.tw, q15Turn(-i, f.half))
	}
	for i := range f.half / 2 {
		f.super = append(f.super, q15Turn(-(2*(i+1)+f.half), 4*f.half))
	}
	return f
}

// q15Turn is exp(2 pi i num/den) in 15 fractional bits, rounded half up.
func q15Turn(num, den int) complex16 {
	s, c := sincosTurn(num, den)
	return complex16{
		int16(math.Floor(0.5 + float64(q15Max*c))),
		int16(math.Floor(0.5 + float64(q15Max*s))),
	}
}

// transform writes the half+1 bins of the spectrum of f.in, which holds the
// samples as pairs, to dst.
func (f *microFFT) transform(dst []complex16) {
	f.work(f.tmp, f.in, 1, f.radix)
	dc := f.tmp[0].div(2)
	n := f.half
	dst[0] = complex16{dc.re + dc.im, 0}
	dst[n] = complex16{dc.re - dc.im, 0}
	for k := 1; k <= n/2; k++ {
		a := f.tmp[k].div(2)
		b := complex16{f.tmp[n-k].re, -f.tmp[n-k].im}.div(2)
		sum, diff := a.add(b), a.sub(b)
		t := diff.mul(f.super[k-1])
		dst[k] = complex16{half16(sum.re, t.re), half16(sum.im, t.im)}
		dst[n-k] = complex16{half16(sum.re, -int32(t.re)), half16(t.im, -int32(sum.im))}
	}
}

func half16[T int16 | int32](a int16, b T) int16 { return int16((int32(a) + int32(b)) >> 1) }

// work transforms len(out) values of in, stride apart, into out.
func (f *microFFT) work(out, in []complex16, stride int, radix []int) {
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

func (f *microFFT) radix2(x []complex16, stride, m int) {
	for k := range m {
		a := x[k].div(2)
		t := x[k+m].div(2).mul(f.tw[k*stride])
		x[k], x[k+m] = a.add(t), a.sub(t)
	}
}

func (f *microFFT) radix4(x []complex16, stride, m int) {
	for k := range m {
		a := x[k].div(4)
		b := x[k+m].div(4).mul(f.tw[k*stride])
		c := x[k+2*m].div(4).mul(f.tw[2*k*stride])
		d := x[k+3*m].div(4).mul(f.tw[3*k*stride])
		even, odd := a.sub(c), b.sub(d)
		a, sum := a.add(c), b.add(d)
		x[k], x[k+2*m] = a.add(sum), a.sub(sum)
		x[k+m] = complex16{even.re + odd.im, even.im - odd.re}
		x[k+3*m] = complex16{even.re - odd.im, even.im + odd.re}
	}
}

func round15(x int32) int16 { return int16((x + 1<<14) >> 15) }

func (a complex16) add(b complex16) complex16 { return complex16{a.re + b.re, a.im + b.im} }
func (a complex16) sub(b complex16) complex16 { return complex16{a.re - b.re, a.im - b.im} }

func (a complex16) mul(b complex16) complex16 {
	ar, ai, br, bi := int32(a.re), int32(a.im), int32(b.re), int32(b.im)
	return complex16{round15(ar*br - ai*bi), round15(ar*bi + ai*br)}
}

// div divides by k through the 15-bit reciprocal, which truncates it.
func (a complex16) div(k int32) complex16 {
	return complex16{round15(int32(a.re) * (q15Max / k)), round15(int32(a.im) * (q15Max / k))}
}
