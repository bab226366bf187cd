package vision

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/fmath"
)

// Anchor is a box that an SSD model measures from, in parts of the input.
type Anchor struct{ X, Y, W, H float32 }

// SSD turns the raw outputs of an SSD model without post-processing into boxes:
// encodings [n][4] of y, x, height and width relative to an anchor (Liu et al.,
// "SSD", 2016), and scores [n][Classes].
type SSD struct {
	Anchors []Anchor
	Classes int
	First   int        // first class that is an object; those before are background
	Scale   [4]float32 // of y, x, height and width; zeros stand for 10, 10, 5, 5
	Logits  bool       // scores are still to go through the logistic
	Limits  Limits
}

// Boxes appends the objects in one pair of outputs to dst[:0]. Classes count
// from First.
func (s *SSD) Boxes(dst []Box, encodings, scores []float32) ([]Box, error) {
	n := len(s.Anchors)
	if s.First < 0 || s.Classes <= s.First || len(encodings) != 4*n || len(scores) != n*s.Classes {
		return nil, fmt.Errorf("detect: %d encodings and %d scores for %d anchors and %d classes", len(encodings), len(scores), n, s.Classes)
	}
	l := s.Limits
	l.defaults()
	dst = dst[:0]
	for i, a := range s.Anchors {
		row := scores[i*s.Classes:][:s.Classes]
		best := s.First
		for c := s.First + 1; c < len(row); c++ {
			if row[c] > row[best] {
				best = c
			}
		}
		score := row[best]
		if s.Logits {
			score = float32(1 / (1 + fmath.Exp(-float64(score))))
		}
		if score >= l.Score {
			b := s.box(a, encodings[4*i:])
			b.Class, b.Score = best-s.First, score
			dst = append(dst, b)
		}
	}
	return Suppress(dst, l), nil
}

func (s *SSD) box(a Anchor, e []float32) Box {
	k := s.Scale
	if k == [4]float32{} {
		k = [4]float32{10, 10, 5, 5}
	}
	cy, cx := float32(e[0]/k[0]*a.H)+a.Y, float32(e[1]/k[1]*a.W)+a.X
	h, w := float32(float32(grow(e[2]/k[2])*a.H)/2), float32(float32(grow(e[3]/k[3])*a.W)/2)
	return Box{X0: cx - w, Y0: cy - h, X1: cx + w, Y1: cy + h}
}

func grow(v float32) float32 { return float32(fmath.Exp(float64(v))) }
