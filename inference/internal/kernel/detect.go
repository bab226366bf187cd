package kernel

// Detect turns the raw output of an SSD detector into boxes: decode against
// anchors, keep each anchor's best classes, drop overlapping boxes, best first
// (kernels/detection_postprocess.cc, its fast suppression).
type Detect struct {
	Anchors    int     // number of
	Coords     int     // of one encoding; the first four count
	Classes    int     // of one row of scores
	First      int     // class 0; those before it are background
	Max        int     // detections
	Each       int     // places of a detection, for its best classes
	Score, IoU float32 // thresholds
	Scale      Box     // of encodings: Y0, X0 of the centre, Y1, X1 of height and width

	fast *vectorRows
}

// Box is a rectangle by its corners.
type Box struct{ Y0, X0, Y1, X1 float32 }

// Candidate is an anchor with a score at or above the threshold.
type Candidate struct {
	Anchor int32
	Score  float32
}

// Detections is where the results go: Max * Each boxes, classes and scores, and
// how many detections there are.
type Detections struct {
	Boxes                  []Box
	Classes, Scores, Count []float32
}

// Reals are numbers as they are or as bytes stand for them: (q - Zero) * Scale,
// with a scale above 0.
type Reals struct {
	Q     []byte // or
	F     []float32
	Scale float32
	Zero  int32
}

func (r *Reals) real(q byte) float32 { return float32(int32(q)-r.Zero) * r.Scale }

// At is the i-th number.
func (r *Reals) At(i int) float32 {
	if r.Q != nil {
		return r.real(r.Q[i])
	}
	return r.F[i]
}

// Choose takes the vector kernels of the tier in use, if it has any for bytes
// of scores, and returns that tier.
func (d *Detect) Choose(bytes bool) string {
	if !bytes || d.Classes-d.First < rowMaxLeast {
		return TierGeneric
	}
	d.fast = rowsOf(Tier())
	return d.fast.name()
}

// Run computes detections: list and tops are scratch, an entry for every anchor,
// and order, one for every class.
//
// Only as many candidates are ordered and decoded as it takes to find the boxes.
func (d *Detect) Run(out Detections, encoding, anchor, score *Reals, list []Candidate, tops []byte, order []int32) {
	if score.Q != nil {
		maxOfRows(d.fast, tops[:d.Anchors], score.Q[d.First:], d.Classes, d.Classes-d.First)
	}
	later := func(a, b Candidate) bool {
		if a.Score != b.Score {
			return a.Score < b.Score
		}
		return a.Anchor > b.Anchor
	}
	queue := list[:0]
	for i := range d.Anchors {
		var best float32
		if score.Q != nil {
			best = score.real(tops[i])
		} else {
			_, best = d.best(score, i)
		}
		if best >= d.Score {
			queue = append(queue, Candidate{Anchor: int32(i), Score: best})
			up(queue, later)
		}
	}
	clear(out.Boxes)
	clear(out.Classes)
	clear(out.Scores)
	n := 0
	for n < d.Max && len(queue) > 0 {
		c := queue[0]
		queue[0] = queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		down(queue, later)
		box := d.decode(int(c.Anchor), encoding, anchor)
		if d.hidden(box, out.Boxes[:n*d.Each]) {
			continue
		}
		for k, class := range d.bests(score, int(c.Anchor), order) {
			at := n*d.Each + k
			out.Boxes[at], out.Classes[at] = box, float32(class)
			out.Scores[at] = score.At(int(c.Anchor)*d.Classes + d.First + int(class))
		}
		n++
	}
	out.Count[0] = float32(n)
}

// hidden tells whether a box overlaps one that was kept.
func (d *Detect) hidden(box Box, kept []Box) bool {
	for i := 0; i < len(kept); i += d.Each {
		if overlap(kept[i], box) > d.IoU {
			return true
		}
	}
	return false
}

// best returns the first of the highest scores of an anchor.
func (d *Detect) best(score *Reals, anchor int) (class int32, best float32) {
	at := anchor*d.Classes + d.First
	best = score.At(at)
	for c := 1; c < d.Classes-d.First; c++ {
		if v := score.At(at + c); v > best || best != best && v == v {
			class, best = int32(c), v
		}
	}
	return class, best
}

// bests returns the classes of an anchor with the highest scores, best first, in
// order. Of equals it gives those, in that order, which std::partial_sort of
// libstdc++ does: scores of bytes are often equal.
func (d *Detect) bests(score *Reals, anchor int, order []int32) []int32 {
	most := min(d.Each, len(order))
	if most == 1 {
		order[0], _ = d.best(score, anchor)
		return order[:1]
	}
	for c := range order {
		order[c] = int32(c)
	}
	at := anchor*d.Classes + d.First
	above := func(a, b int32) bool { return score.At(at+int(a)) > score.At(at+int(b)) }
	heap := order[:most]
	for i := (most - 2) / 2; i >= 0; i-- {
		settle(heap, i, heap[i], above)
	}
	for i := most; i < len(order); i++ {
		if c := order[i]; above(c, heap[0]) {
			settle(heap, 0, c, above)
		}
	}
	for n := most - 1; n > 0; n-- {
		c := heap[n]
		heap[n] = heap[0]
		settle(heap[:n], 0, c, above)
	}
	return heap
}

// settle puts c in the place of heap[hole]: the hole sinks to the bottom along
// the children that are last, c rises from there.
func settle(heap []int32, hole int, c int32, above func(a, b int32) bool) {
	top := hole
	for 2*hole+2 < len(heap) {
		child := 2*hole + 2
		if above(heap[child], heap[child-1]) {
			child--
		}
		heap[hole], hole = heap[child], child
	}
	if child := 2*hole + 1; child == len(heap)-1 {
		heap[hole], hole = heap[child], child
	}
	for hole > top && above(heap[(hole-1)/2], c) {
		heap[hole], hole = heap[(hole-1)/2], (hole-1)/2
	}
	heap[hole] = c
}

// decode computes in float64, each operation rounded by itself.
func (d *Detect) decode(i int, encoding, anchor *Reals) Box {
	at := func(k int) float64 { return float64(encoding.At(i*d.Coords + k)) }
	from := func(k int) float64 { return float64(anchor.At(4*i + k)) }
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
