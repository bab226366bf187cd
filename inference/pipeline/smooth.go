package pipeline

// smoother combines the scores of the last windows, class by class. Before it
// has seen that many it uses those it has.
type smoother struct {
	kind    string
	windows int
	classes int
	history []float32 // windows rows, the newest overwriting the oldest
	seen    int       // counts on from windows after 2*windows-1, so that it never ends
	sorted  []float32
	average []float32 // of ema
}

func newSmoother(kind string, windows, classes int) *smoother {
	s := &smoother{kind: kind, windows: windows, classes: classes}
	s.average = make([]float32, classes)
	if kind != "ema" {
		s.history = make([]float32, windows*classes)
		s.sorted = make([]float32, 0, windows)
	}
	return s
}

func (s *smoother) reset() { s.seen = 0 }

func (s *smoother) state(t *tape) {
	t.count(&s.seen, 0, 2*s.windows-1)
	t.floats(s.history)
	t.floats(s.average)
}

// apply takes the scores of a window and replaces them by smoothed ones.
func (s *smoother) apply(scores []float32) {
	if s.kind == "ema" {
		s.ema(scores)
		return
	}
	copy(s.history[s.seen%s.windows*s.classes:], scores)
	s.count()
	n := min(s.seen, s.windows)
	for c := range scores {
		if s.kind == "mean" {
			scores[c] = s.mean(c, n)
		} else {
			scores[c] = s.median(c, n)
		}
	}
}

// ema weighs the newest window by 2/(windows+1).
func (s *smoother) ema(scores []float32) {
	alpha := 2 / float32(s.windows+1)
	for c, v := range scores {
		if s.seen > 0 {
			v = s.average[c] + float32(alpha*(v-s.average[c]))
		}
		s.average[c], scores[c] = v, v
	}
	s.count()
}

func (s *smoother) count() {
	if s.seen++; s.seen == 2*s.windows {
		s.seen = s.windows
	}
}

func (s *smoother) mean(class, n int) float32 {
	var sum float64
	for w := range n {
		sum += float64(s.history[w*s.classes+class])
	}
	return float32(sum / float64(n))
}

// median averages the middle two of an even number.
func (s *smoother) median(class, n int) float32 {
	s.sorted = s.sorted[:0]
	for w := range n {
		v := s.history[w*s.classes+class]
		s.sorted = append(s.sorted, v)
		i := w
		for ; i > 0 && s.sorted[i-1] > v; i-- {
			s.sorted[i] = s.sorted[i-1]
		}
		s.sorted[i] = v
	}
	return (s.sorted[(n-1)/2] + s.sorted[n/2]) / 2
}
