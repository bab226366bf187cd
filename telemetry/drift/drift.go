// Package drift counts what a model sees and says in fixed bins, and tells
// how far a window of counts is from the reference that came with the model.
//
// Start with [NewProfile], [Profile.Add] and [NewMonitor]. Profiles of the
// same edges merge by addition, on the device or across a fleet.
//
// A [Window] is a profile with whose it is, as it travels.
//
// Caveats: windows below 500 decisions say nothing, since PSI without any
// drift has the mean (bins-1)/n. Latency is counted but never judged: it
// depends on the board. Profiles are for one goroutine at a time.
package drift

import (
	"math"
	"math/bits"
	"time"
)

// Feature is one histogram of a profile.
type Feature uint8

// The features. Input is the first of four statistics of the input, which the
// pipeline chooses; the others follow it.
const (
	Score   Feature = iota // first score, 10 bins
	Margin                 // first minus second score, 10 bins
	Entropy                // of the scores, 0 to 1, 10 bins
	Class                  // 32 classes and all others
	Latency                // 64 bins, four an octave from 16 µs
	Input                  // 10 bins each

	inputs   = 4
	features = int(Input) + inputs
)

// sizes are the bins of each feature; starts where they begin.
var (
	sizes  = [features]int{10, 10, 10, 33, 64, 10, 10, 10, 10}
	starts = [features]int{0, 10, 20, 30, 63, 127, 137, 147, 157}
)

const bins = 167

// Edges are the inner edges of ten bins each, rising; the deciles of the
// reference. A value equal to an edge belongs above it, NaN to the last bin.
type Edges struct {
	Score, Margin, Entropy [9]float32
	Inputs                 [inputs][9]float32
}

// Uniform returns ten equal bins from 0 to 1 for everything.
func Uniform() Edges {
	var row [9]float32
	for i := range row {
		row[i] = float32(i+1) / 10
	}
	return Edges{row, row, row, [inputs][9]float32{row, row, row, row}}
}

// Sample is what one decision adds.
type Sample struct {
	Score, Margin, Entropy float32
	Class                  int
	Latency                time.Duration
	Inputs                 [inputs]float32
}

// Profile is the counts of a window of decisions: 668 bytes and its edges.
type Profile struct {
	edges  *Edges
	counts [bins]uint32
}

// NewProfile returns an empty profile. The edges are not copied.
func NewProfile(e *Edges) *Profile { return &Profile{edges: e} }

// Add counts one decision. It allocates nothing.
func (p *Profile) Add(s *Sample) {
	p.count(Score, decile(&p.edges.Score, s.Score))
	p.count(Margin, decile(&p.edges.Margin, s.Margin))
	p.count(Entropy, decile(&p.edges.Entropy, s.Entropy))
	class := s.Class
	if class < 0 || class > 32 {
		class = 32
	}
	p.count(Class, class)
	p.count(Latency, latencyBin(s.Latency))
	for i := range s.Inputs {
		p.count(Input+Feature(i), decile(&p.edges.Inputs[i], s.Inputs[i]))
	}
}

// count adds one, and stays at the greatest count.
func (p *Profile) count(f Feature, bin int) {
	if c := &p.counts[starts[f]+bin]; *c < math.MaxUint32 {
		*c++
	}
}

func decile(edges *[9]float32, v float32) int {
	for i, e := range edges {
		if v < e {
			return i
		}
	}
	return len(edges)
}

// latencyBin returns floor(4 log2(d / 16 µs)) within 0 to 63, in integers, so
// that every architecture bins alike.
func latencyBin(d time.Duration) int {
	if d < 16*time.Microsecond {
		return 0
	}
	v := uint64(min(d, 2*time.Second)) << 16 / uint64(16*time.Microsecond)
	octave := bits.Len64(v) - 17
	part := 0
	for _, root := range [...]uint64{77936, 92682, 110218} { // 2^16 times 2^(1/4), 2^(2/4), 2^(3/4)
		if v>>octave >= root {
			part++
		}
	}
	return min(4*octave+part, 63)
}

// Counts returns the counts of a feature, which are the profile's own.
func (p *Profile) Counts(f Feature) []uint32 {
	return p.counts[starts[f]:][:sizes[f]:sizes[f]]
}

// N returns the number of decisions counted.
func (p *Profile) N() uint64 { return total(p.Counts(Class)) }

func total(counts []uint32) (n uint64) {
	for _, c := range counts {
		n += uint64(c)
	}
	return n
}

// Reset sets all counts to zero.
func (p *Profile) Reset() { clear(p.counts[:]) }
