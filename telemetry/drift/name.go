package drift

import (
	"math"
	"slices"
)

var featureNames = [features]string{"score", "margin", "entropy", "class", "latency", "input.mean", "input.std", "input.detail", "input.saturation"}

// String returns the feature's name, as a bundle's reference has it.
func (f Feature) String() string {
	if int(f) >= features {
		return "unknown"
	}
	return featureNames[f]
}

// Features returns all of them, in order.
func Features() []Feature {
	all := make([]Feature, features)
	for i := range all {
		all[i] = Feature(i)
	}
	return all
}

// AddBins adds the histogram of a reference, from 0 to 1 or one bin a class,
// where it has a multiple of this profile's bins. Any other says nothing about
// these bins, nor does latency, which depends on the board.
func (p *Profile) AddBins(name string, lo, hi float64, counts []int64) {
	f := Feature(max(0, slices.Index(featureNames[:], name)))
	to := p.Counts(f)
	if featureNames[f] != name || f == Latency || len(counts) == 0 || len(counts)%len(to) != 0 || lo != 0 || hi != 1 && hi != float64(len(to)) {
		return
	}
	per := len(counts) / len(to)
	for i, n := range counts {
		to[i/per] = uint32(min(int64(to[i/per])+max(n, 0), math.MaxUint32))
	}
}
