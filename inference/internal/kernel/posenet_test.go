package kernel

import (
	"math"
	"testing"
)

// TestPoseRootsThreshold: the decoder adds 1e-6 to the threshold, which of a half is all
// that its log odds are.
func TestPoseRootsThreshold(t *testing.T) {
	p := Poses{H: 1, W: 1, Max: 1, Stride: 1, Threshold: 0.5}
	least := math.Log((0.5 + 1e-6) / (0.5 - 1e-6))
	for _, c := range []struct {
		score float64
		want  int
	}{{0, 0}, {least * 0.9999, 0}, {least * 1.0001, 1}} {
		in := PoseMaps{Scores: make([]float32, PoseParts), Short: make([]float32, 2*PoseParts)}
		for k := range in.Scores {
			in.Scores[k] = -1
		}
		in.Scores[3] = float32(c.score)
		if got := p.roots(in, make([]Part, PoseParts)); len(got) != c.want {
			t.Errorf("log odds %g: %d parts, want %d", c.score, len(got), c.want)
		}
	}
}
