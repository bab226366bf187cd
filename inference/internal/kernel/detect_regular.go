package kernel

import (
	"cmp"
	"slices"
)

// Ranked is a box of a class that may be kept.
type Ranked struct {
	Anchor, Class int32
	Score         float32
	Dropped       bool // it overlaps a better one
}

// RunRegular computes detections with a suppression of its own for each class,
// of at most per boxes (kernels/detection_postprocess.cc, its regular
// suppression). boxes and list are scratch, an
// entry for every anchor; best holds 2 * (Max + per).
func (d *Detect) RunRegular(out Detections, encoding, anchor, score *Reals, boxes []Box, list, best []Ranked, per int) {
	for i := range d.Anchors {
		boxes[i] = d.decode(i, encoding, anchor)
	}
	half := len(best) / 2
	kept, merged := best[:0:half], best[half:half]
	for c := range d.Classes - d.First {
		found := d.suppress(score, c, boxes, list, per)
		merged = merge(merged[:0], kept, found)
		kept, merged = merged[:min(len(merged), d.Max)], kept
	}
	clear(out.Boxes)
	clear(out.Classes)
	clear(out.Scores)
	for i, k := range kept {
		out.Boxes[i], out.Classes[i], out.Scores[i] = boxes[k.Anchor], float32(k.Class), k.Score
	}
	out.Count[0] = float32(len(kept))
}

// suppress returns the boxes of one class by falling score that overlap none
// before, at most per, at the front of list.
func (d *Detect) suppress(score *Reals, class int, boxes []Box, list []Ranked, per int) []Ranked {
	n := 0
	for i := range d.Anchors {
		if s := score.At(i*d.Classes + d.First + class); s >= d.Score {
			list[n] = Ranked{Anchor: int32(i), Class: int32(class), Score: s}
			n++
		}
	}
	list = list[:n]
	slices.SortFunc(list, func(a, b Ranked) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Anchor, b.Anchor))
	})
	kept := 0
	for i := range list {
		if kept == per {
			break
		}
		c := list[i]
		if c.Dropped {
			continue
		}
		list[kept] = c
		kept++
		for j := i + 1; j < len(list); j++ {
			if o := &list[j]; !o.Dropped && overlap(boxes[c.Anchor], boxes[o.Anchor]) > d.IoU {
				o.Dropped = true
			}
		}
	}
	return list[:kept]
}

// merge appends two lists of falling scores to dst in that order; of equals
// those of a come first.
func merge(dst, a, b []Ranked) []Ranked {
	for len(a) > 0 && len(b) > 0 {
		if b[0].Score > a[0].Score {
			dst, b = append(dst, b[0]), b[1:]
		} else {
			dst, a = append(dst, a[0]), a[1:]
		}
	}
	return append(append(dst, a...), b...)
}
