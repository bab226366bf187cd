package kernel

import "time"

// peakLoop multiplies registers only.
type peakLoop struct {
	macs int64 // of a round
	run  func(rounds int)
}

// Peak returns the multiply-accumulates a second that this core can do in the tier
// in use, of 8-bit integers and of floats: the fastest of a few loops over
// registers, some milliseconds in all. Portable Go has none, and nobody wrote one
// for 32-bit Arm: 0.
func Peak() (bytes, floats float64) {
	return measure(peak8(Tier())), measure(peakF32(Tier()))
}

// A core at work needs a moment to reach its clock, for wide vectors a millisecond or
// two: so many tries in a row have to gain nothing that counts.
const (
	peakTries  = 24
	peakRounds = 20000
	peakGain   = 1.003
)

func measure(l peakLoop) (best float64) {
	if l.run == nil {
		return 0
	}
	for left := peakTries; left > 0; left-- {
		start := time.Now()
		l.run(peakRounds)
		if rate := float64(l.macs*peakRounds) / time.Since(start).Seconds(); rate > best*peakGain {
			best, left = rate, peakTries
		}
	}
	return best
}
