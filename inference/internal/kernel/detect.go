package kernel

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

	fast *vectorRows
}

// Box is a rectangle by its corners.
type Box struct{ Y0, X0, Y1, X1 float32 }

// Candidate is an anchor with a score at or above the threshold.
type Candidate struct {
	Anchor int32
	Score  float32
}

// Detections is where the results go: Max boxes, classes and scores, and how
// many there are.
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

// Run computes detections: list and tops are scratch, an entry for every anchor.
//
// Only as many candidates are ordered and decoded as it takes to find the boxes.
func (d *Detect) Run(out Detections, encoding, anchor, score *Reals, list []Candidate, tops []byte) {
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
		best := float32(0)
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
		if d.hidden(box, out.Boxes[:n]) {
			continue
		}
		class, _ := d.best(score, int(c.Anchor))
		out.Boxes[n], out.Classes[n], out.Scores[n] = box, float32(class), c.Score
		n++
	}
	out.Count[0] = float32(n)
}

// hidden tells whether a box overlaps one that was kept.
func (d *Detect) hidden(box Box, kept []Box) bool {
	for _, k := range kept {
		if overlap(k, box) > d.IoU {
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
