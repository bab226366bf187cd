package kernel

import (
	"cmp"
	"slices"
)

// Detect turns the raw output of an SSD detector into boxes: decode against
// anchors, keep each anchor's best class, drop overlapping boxes, best first
// (kernels/detection_postprocess.cc, its fast suppression with one class an
// anchor).
type Detect struct {
	Anchors    int     // number of
	Coords     int     // of one encoding; the first four count
	Classes    int     // of one row of scores
	First      int     // class 0; those before it are background
	Max        int     // detections
	Score, IoU float32 // thresholds
	Scale      Box     // of encodings: Y0, X0 of the centre, Y1, X1 of height and width
}

// Box is a rectangle by its corners.
type Box struct{ Y0, X0, Y1, X1 float32 }

// Candidate is an anchor with a score at or above the threshold.
type Candidate struct {
	Anchor, Class int32
	Score         float32
	Dropped       bool
}

// Detections is where the results go: Max boxes, classes and scores, and how
// many there are.
type Detections struct {
	Boxes                  []Box
	Classes, Scores, Count []float32
}

// Run computes detections. encoding, anchor and score return the real value of
// an index; boxes and list are scratch, an entry for every anchor.
func (d *Detect) Run(out Detections, encoding, anchor, score func(i int) float32, boxes []Box, list []Candidate) {
	for i := range d.Anchors {
		boxes[i] = d.decode(i, encoding, anchor)
	}
	n := 0
	for i := range d.Anchors {
		class, best := d.best(score, i*d.Classes+d.First)
		if best >= d.Score {
			list[n] = Candidate{Anchor: int32(i), Class: class, Score: best}
			n++
		}
	}
	list = list[:n]
	slices.SortFunc(list, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Anchor, b.Anchor))
	})
	d.pick(out, boxes, list)
}

// pick moves the best candidates out and drops what overlaps them.
func (d *Detect) pick(out Detections, boxes []Box, list []Candidate) {
	clear(out.Boxes)
	clear(out.Classes)
	clear(out.Scores)
	n := 0
	for i := range list {
		c := &list[i]
		if n == d.Max {
			break
		}
		if c.Dropped {
			continue
		}
		own := boxes[c.Anchor]
		out.Boxes[n], out.Classes[n], out.Scores[n] = own, float32(c.Class), c.Score
		n++
		for j := i + 1; j < len(list); j++ {
			if o := &list[j]; !o.Dropped && overlap(own, boxes[o.Anchor]) > d.IoU {
				o.Dropped = true
			}
		}
	}
	out.Count[0] = float32(n)
}

// best returns the first of the highest scores of the row that begins at.
func (d *Detect) best(score func(i int) float32, at int) (class int32, best float32) {
	best = score(at)
	for c := 1; c < d.Classes-d.First; c++ {
		if v := score(at + c); v > best || best != best && v == v {
			class, best = int32(c), v
		}
	}
	return class, best
}

// decode computes in float64, each operation rounded by itself.
func (d *Detect) decode(i int, encoding, anchor func(i int) float32) Box {
	at := func(k int) float64 { return float64(encoding(i*d.Coords + k)) }
	from := func(k int) float64 { return float64(anchor(4*i + k)) }
	size := func(k int, scale float32) float32 {
		x := min(max(at(k)/float64(scale), -700), 700)
		return float32(float64(0.5*exp(x)) * from(k))
	}
	y := float32(float64(at(0)/float64(d.Scale.Y0)*from(2)) + from(0))
	x := float32(float64(at(1)/float64(d.Scale.X0)*from(3)) + from(1))
	h, w := size(2, d.Scale.Y1), size(3, d.Scale.X1)
	return Box{y - h, x - w, y + h, x + w}
}

// overlap is the intersection of two boxes over their union, 0 where one has
// no area.
func overlap(a, b Box) float32 {
	areaA := float32((a.Y1 - a.Y0) * (a.X1 - a.X0))
	areaB := float32((b.Y1 - b.Y0) * (b.X1 - b.X0))
	if areaA <= 0 || areaB <= 0 {
		return 0
	}
	h := max(min(a.Y1, b.Y1)-max(a.Y0, b.Y0), 0)
	w := max(min(a.X1, b.X1)-max(a.X0, b.X0), 0)
	common := float32(h * w)
	return common / float32(float32(areaA+areaB)-common)
}
