package kernel

import (
	"slices"
	"testing"
)

// TestNMSWithoutArea: a box without area overlaps none, neither one that it lies in nor
// itself, so that LiteRT keeps it again and again.
func TestNMSWithoutArea(t *testing.T) {
	boxes := []float32{
		0, 0, 2, 2,
		1, 0, 1, 2, // a line
		1, 1, 1, 1, // a point
	}
	scores := []float32{0.9, 0.8, 0.7}
	for _, l := range []NMSLimits{{IoU: 0.5, Score: 0.1}, {IoU: 0.5, Score: 0.1, Sigma: 0.5}} {
		places, kept := make([]int32, 3), make([]float32, 3)
		n := (&NMS{Max: 3}).Run(places, kept, boxes, scores, l, make([]Pending, 3))
		if n != 3 || !slices.Equal(places, []int32{0, 1, 1}) || !slices.Equal(kept, []float32{0.9, 0.8, 0.8}) {
			t.Errorf("%+v: kept %d, boxes %v of scores %v", l, n, places, kept)
		}
	}
}
