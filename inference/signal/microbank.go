package signal

import (
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/fmath"
)

// microBank is the integer mel filter bank of the micro_speech front end:
// every bin feeds a channel with a weight of 12 fractional bits and the
// channel below with the complement, both truncated.
type microBank struct {
	start, end int // bins with any weight
	channel    []int
	weight     []uint64
	rest       []uint64
}

const microWeightBits = 12

// newMicroBank follows tflite-micro's filter_bank_ops.py, whose mel values are
// float32: centres equally spaced in 1127*ln(1+f/700), bins without DC.
func newMicroBank(spectrum, channels int, rateHz, lowHz, highHz float64) *microBank {
	mel := func(hz float64) float32 {
		return float32(1127 * float32(fmath.Log(1+float64(float32(hz)/700))))
	}
	low := mel(lowHz)
	spacing := (mel(highHz) - low) / float32(channels+1)
	centre := func(c int) float32 { return low + float32(spacing*float32(c+1)) }
	binHz := rateHz / 2 / float64(spectrum-1)

	b := &microBank{start: int(math.RoundToEven(1 + lowHz/binHz))}
	b.end = b.start
	below := low
	for c := 0; c <= channels; c++ {
		for mel(float64(b.end)*binHz) <= centre(c) {
			w := (centre(c) - mel(float64(b.end)*binHz)) / (centre(c) - below)
			b.channel = append(b.channel, c)
			b.weight = append(b.weight, uint64(int64(w*(1<<microWeightBits))))
			b.rest = append(b.rest, uint64(int64((1-w)*(1<<microWeightBits))))
			b.end++
		}
		below = centre(c)
	}
	return b
}

// apply sums energies into acc, which has one more element than there are
// channels: the first only collects what lies below channel 0.
func (b *microBank) apply(energy []uint32, acc []uint64) {
	clear(acc)
	for i, c := range b.channel {
		e := uint64(energy[b.start+i])
		acc[c] += b.weight[i] * e
		if c+1 < len(acc) {
			acc[c+1] += b.rest[i] * e
		}
	}
}
