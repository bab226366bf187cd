package micro

import (
	"math"
	"math/bits"
)

// Window computes dst = src * window >> shift, saturated.
func Window(dst, src, window []int16, shift uint) {
	for i, w := range window {
		dst[i] = int16(min(max(int32(src[i])*int32(w)>>shift, math.MinInt16), math.MaxInt16))
	}
}

// AutoScale shifts src up as far as its peak allows and returns the bits.
// -(-32768) wraps, and with it the peak, as in the original.
func AutoScale(dst, src []int16) uint {
	var peak int16
	for _, v := range src {
		if v > peak {
			peak = v
		} else if -int32(v) > int32(peak) {
			peak = -v
		}
	}
	shift := uint(0)
	if peak >= 0 {
		shift = uint(15 - bits.Len16(uint16(peak)))
	}
	for i, v := range src {
		dst[i] = v << shift
	}
	return shift
}

// Energy computes re*re + im*im of bins from start to end; others are 0.
func Energy(dst []uint32, bins []int16, start, end int) {
	clear(dst)
	for i := start; i < end; i++ {
		re, im := int32(bins[2*i]), int32(bins[2*i+1])
		dst[i] = uint32(re*re) + uint32(im*im)
	}
}

// Bank sums weighted energies. Channel c covers Width[c] bins from First[c] and
// weights from Weight[c]; what a bin leaves, by Rest, goes to the next channel.
type Bank struct {
	Weights, Rest        []int16
	First, Weight, Width []int
}

// Run computes one sum a channel but the first, which only passes on.
func (b *Bank) Run(dst []uint64, energy []uint32) {
	var sum, rest uint64
	for c, first := range b.First {
		at := b.Weight[c]
		for j := range b.Width[c] {
			e := uint64(energy[first+j])
			sum += uint64(int64(b.Weights[at+j])) * e
			rest += uint64(int64(b.Rest[at+j])) * e
		}
		if c > 0 {
			dst[c-1] = sum
		}
		sum, rest = rest, 0
	}
}

// Denoise smooths an estimate of the noise per channel and subtracts it.
type Denoise struct {
	Smoothing, OneMinus [2]uint32 // of even and of odd channels
	Remaining           uint32    // least part of the signal that stays
	SmoothBits, Bits    uint      // fractional bits of the estimate; of all else
	Clamp               bool      // keep the estimate below the signal
}

// Run updates noise and writes what is left of src.
func (d *Denoise) Run(dst, src, noise []uint32) {
	for c, v := range src {
		up := v << d.SmoothBits
		est := uint32((uint64(up)*uint64(d.Smoothing[c&1]) + uint64(noise[c])*uint64(d.OneMinus[c&1])) >> d.Bits)
		noise[c] = est
		if est > up {
			est = up
			if d.Clamp {
				noise[c] = est
			}
		}
		floor := uint32(uint64(v) * uint64(d.Remaining) >> d.Bits)
		dst[c] = max((up-est)>>d.SmoothBits, floor)
	}
}

// Run computes dst = log(src << shift) * scale, at most 32767.
func (l *Log) Run(dst []int16, src []uint32, shift uint, scale uint32) {
	for i, v := range src {
		dst[i] = 0
		if v <<= shift; v > 1 {
			dst[i] = int16(min(l.Ln(v, scale), math.MaxInt16))
		}
	}
}
