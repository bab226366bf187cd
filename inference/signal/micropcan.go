package signal

import "math/bits"

const (
	pcanSNRBits    = 12
	pcanOutputBits = 6
	pcanIntervals  = 32
)

// microPCAN is per-channel amplitude normalization (Wang et al. 2017) in
// integers: gain = 2^gainBits * (noise/2^inputBits + offset)^-strength, by a
// quadratic per power of two.
type microPCAN struct {
	small [2]int16                // gain at noise 0 and 1
	quad  [pcanIntervals][3]int16 // index: bit length - 1
	shift uint
}

func newMicroPCAN(strength, offset float64, gainBits, inputBits int, shift uint) *microPCAN {
	gain := func(x uint32) int16 {
		v := float32(x) / float32(uint32(1)<<inputBits)
		g := float32(float32(uint32(1)<<gainBits) * float32(pow(float64(v+float32(offset)), float64(float32(-strength)))))
		if g > 32767 {
			return 32767
		}
		return int16(g + 0.5)
	}
	p := &microPCAN{small: [2]int16{gain(0), gain(1)}, shift: shift}
	for n := 2; n <= pcanIntervals; n++ {
		lo := uint32(1) << (n - 1)
		hi := 2 * lo
		if n == pcanIntervals {
			hi = lo + (lo - 1)
		}
		y0 := gain(lo)
		d1, d2 := int32(gain(lo+lo>>1))-int32(y0), int32(gain(hi))-int32(y0)
		a1 := 4*d1 - d2
		p.quad[n-1] = [3]int16{y0, int16(a1), int16(d2 - a1)}
	}
	return p
}

// gain evaluates the quadratic of x's interval.
func (p *microPCAN) gain(x uint32) int16 {
	if x < 2 {
		return p.small[x]
	}
	n := bits.Len32(x)
	q := &p.quad[n-1]
	if x == 2 {
		return q[0]
	}
	var frac int32
	if n < 11 {
		frac = int32(x<<(11-n)) & 0x3FF
	} else {
		frac = int32(x>>(n-11)) & 0x3FF
	}
	r := int32(q[2]) * frac >> 5
	r += int32(q[1]) << 5
	r *= frac
	return int16((r+1<<14)>>15 + int32(q[0]))
}

// apply normalizes one channel by its noise estimate.
func (p *microPCAN) apply(value, noise uint32) uint32 {
	snr := uint32(uint64(value) * uint64(uint32(p.gain(noise))) >> p.shift)
	if snr < 2<<pcanSNRBits {
		return snr * snr >> (2 + 2*pcanSNRBits - pcanOutputBits)
	}
	return snr>>(pcanSNRBits-pcanOutputBits) - 1<<pcanOutputBits
}

// microLog is a natural logarithm with scaled output: the integer part from
// the bit length, the fraction from a chord corrected by a table of 128
// segments of log2(1+x)-x in 16 fractional bits.
type microLog struct{ table [130]int32 }

func newMicroLog() *microLog {
	l := &microLog{}
	for i := range 129 {
		x := float64(i) / 128
		l.table[i] = int32(float64((Log(1+x)/Log(2)-x)*65536) + 0.5)
	}
	return l
}

// log returns ln(x) * scale for x >= 1.
func (l *microLog) log(x, scale uint32) uint32 {
	whole := bits.Len32(x) - 1
	frac := int32(x - 1<<whole)
	if whole < 16 {
		frac <<= 16 - whole
	} else {
		frac >>= whole - 16
	}
	seg := frac >> 9
	c0, c1 := l.table[seg], l.table[seg+1]
	log2 := uint32(whole)<<16 + uint32(frac+c0+(c1-c0)*(frac-seg<<9)>>16)
	const ln2Q16, round = 45426, 1 << 15
	ln := uint32((ln2Q16*uint64(log2) + round) >> 16)
	return (scale*ln + round) >> 16
}
