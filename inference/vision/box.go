package vision

import (
	"cmp"
	"slices"
)

// Box is one object found, in parts of the model's input: 0 is its left or
// upper edge, 1 the right or lower one.
type Box struct {
	X0, Y0, X1, Y1 float32
	Class          int
	Score          float32
}

// Limits say which boxes count. The zero value keeps up to 100 boxes of a score
// of at least 0.25 that overlap by less than 0.45 with a better one of their
// class.
type Limits struct {
	Score float32 // least score; 0 stands for 0.25
	IoU   float32 // overlap from which the weaker box goes; 0 stands for 0.45
	Max   int     // boxes; 0 stands for 100
	Any   bool    // boxes suppress those of other classes too
}

func (l *Limits) defaults() {
	if l.Score == 0 {
		l.Score = 0.25
	}
	if l.IoU == 0 {
		l.IoU = 0.45
	}
	if l.Max == 0 {
		l.Max = 100
	}
}

// candidates bounds the boxes that are compared with each other.
const candidates = 1 << 12

// Suppress orders boxes by falling score and drops those that overlap a better
// one. It reuses the memory of boxes and keeps the order of equal scores.
func Suppress(boxes []Box, l Limits) []Box {
	l.defaults()
	slices.SortStableFunc(boxes, func(a, b Box) int { return cmp.Compare(b.Score, a.Score) })
	boxes = boxes[:min(len(boxes), candidates)]
	kept := boxes[:0]
	for _, b := range boxes {
		if len(kept) == l.Max {
			break
		}
		hidden := slices.ContainsFunc(kept, func(k Box) bool { return (l.Any || k.Class == b.Class) && overlap(k, b) >= l.IoU })
		if !hidden {
			kept = append(kept, b)
		}
	}
	return kept
}

// overlap is the intersection over the union.
func overlap(a, b Box) float32 {
	w, h := min(a.X1, b.X1)-max(a.X0, b.X0), min(a.Y1, b.Y1)-max(a.Y0, b.Y0)
	if !(w > 0 && h > 0) {
		return 0
	}
	both := float32(w * h)
	return both / (area(a) + area(b) - both)
}

func area(b Box) float32 { return float32((b.X1 - b.X0) * (b.Y1 - b.Y0)) }
