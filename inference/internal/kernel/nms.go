package kernel

// NMS keeps boxes of falling score that overlap none kept before by IoU or
// more; with Sigma above 0 overlap lowers scores instead (Bodla et al.,
// "Soft-NMS", 2017; kernels/internal/reference/non_max_suppression.h).
type NMS struct{ Max int }

// NMSLimits are thresholds known when running.
type NMSLimits struct{ IoU, Score, Sigma float32 }

// Pending is a box that waits for its turn.
type Pending struct {
	index, begin int32
	score        float32
}

// Run writes the kept boxes to places and, unless nil, their scores, zeros
// behind them, and returns their number. Boxes are two corners each, y first;
// work has room for all.
func (m *NMS) Run(places []int32, kept, boxes, scores []float32, l NMSLimits, work []Pending) int {
	queue := work[:0]
	before := func(a, b Pending) bool { // b comes first
		if a.score != b.score {
			return a.score < b.score
		}
		return a.index > b.index
	}
	for i, s := range scores {
		if s > l.Score {
			queue = append(queue, Pending{index: int32(i), score: s})
			up(queue, before)
		}
	}
	limit, n := min(len(queue), m.Max), 0
	clear(places)
	clear(kept)
	for n < limit && len(queue) > 0 {
		c := queue[0]
		queue[0] = queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		down(queue, before)
		score := c.score
		if m.suppress(&c, places[:n], boxes, l) {
			continue
		}
		c.begin = int32(n)
		if c.score == score {
			places[n] = c.index
			if kept != nil {
				kept[n] = score
			}
			n++
		}
		if c.score > l.Score {
			queue = append(queue, c)
			up(queue, before)
		}
	}
	return n
}

// suppress tells whether one of the kept boxes that c has not met hides it, and
// lowers its score.
func (m *NMS) suppress(c *Pending, kept []int32, boxes []float32, l NMSLimits) bool {
	for j := len(kept) - 1; j >= int(c.begin); j-- {
		iou := cornerOverlap(boxes[4*c.index:], boxes[4*kept[j]:])
		if iou >= l.IoU {
			return true
		}
		if l.Sigma > 0 {
			c.score = float32(c.score * ExpF32(float32(float32(-0.5/l.Sigma*iou)*iou)))
		}
		if c.score <= l.Score {
			break
		}
	}
	return false
}

// cornerOverlap is the intersection over the union of two boxes.
func cornerOverlap(a, b []float32) float32 {
	ay0, ay1, ax0, ax1 := min(a[0], a[2]), max(a[0], a[2]), min(a[1], a[3]), max(a[1], a[3])
	by0, by1, bx0, bx1 := min(b[0], b[2]), max(b[0], b[2]), min(b[1], b[3]), max(b[1], b[3])
	areaA, areaB := float32((ay1-ay0)*(ax1-ax0)), float32((by1-by0)*(bx1-bx0))
	if !(areaA > 0 && areaB > 0) {
		return 0
	}
	h, w := max(min(ay1, by1)-max(ay0, by0), 0), max(min(ax1, bx1)-max(ax0, bx0), 0)
	both := float32(h * w)
	return both / (areaA + areaB - both)
}
