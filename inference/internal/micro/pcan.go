package micro

import "math/bits"

const (
	SNRBits    = 12 // fractional bits of a signal to noise ratio
	outputBits = 6
	// GainTable is the length of a table of gains: of noise 0 and 1, then for
	// each bit length from 2 to 32 three coefficients of a quadratic and a gap.
	GainTable = 125
)

// gain evaluates the quadratic of x's bit length.
func gain(x uint32, table []int16) int16 {
	if x <= 2 {
		return table[x]
	}
	n := bits.Len32(x)
	q := table[4*n-6:][:3]
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

// PCAN normalizes the amplitude of one channel by its noise estimate, with
// gains of shift more fractional bits than SNRBits.
func PCAN(value, noise uint32, table []int16, shift uint) uint32 {
	snr := uint32(uint64(value) * uint64(uint32(gain(noise, table))) >> shift)
	if snr < 2<<SNRBits {
		return snr * snr >> (2 + 2*SNRBits - outputBits)
	}
	return snr>>(SNRBits-outputBits) - 1<<outputBits
}
