package signal

import (
	"github.com/dunlin-edge/dunlin/inference/internal/fmath"
	"github.com/dunlin-edge/dunlin/inference/internal/micro"
)

// microGain tabulates the gain 2^gainBits * (noise/2^inputBits +
// offset)^-strength of per-channel amplitude normalization (Wang et al. 2017)
// for micro.PCAN.
func microGain(strength, offset float64, gainBits, inputBits int) []int16 {
	gain := func(x uint32) int16 {
		v := float32(x) / float32(uint32(1)<<inputBits)
		g := float32(float32(uint32(1)<<gainBits) * float32(fmath.Pow(float64(v+float32(offset)), float64(float32(-strength)))))
		if g > 32767 {
			return 32767
		}
		return int16(g + 0.5)
	}
	table := make([]int16, micro.GainTable)
	table[0], table[1] = gain(0), gain(1)
	for n := 2; n <= 32; n++ {
		lo := uint32(1) << (n - 1)
		hi := 2 * lo
		if n == 32 {
			hi = lo + (lo - 1)
		}
		y0 := gain(lo)
		d1, d2 := int32(gain(lo+lo>>1))-int32(y0), int32(gain(hi))-int32(y0)
		a1 := 4*d1 - d2
		copy(table[4*n-6:], []int16{y0, int16(a1), int16(d2 - a1)})
	}
	return table
}
