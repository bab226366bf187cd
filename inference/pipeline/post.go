package pipeline

import (
	"fmt"
	"slices"

	"github.com/dunlin-edge/dunlin/inference/internal/fmath"
)

// post turns a model's output into scores and decisions.
type post struct {
	softmax bool
	error   bool // of reconstruction
	boxes   *boxes
	smooth  *smoother
	topK    int
	decide  *decider
	warmup  uint64
	labels  []string
}

// newPost binds the stages to outputs of n values. rate is that of the source.
func newPost(s *Spec, n int, rate float64) (*post, error) {
	p := &post{warmup: uint64(s.WarmupWindows)}
	for i := range s.Postprocess {
		st := &s.Postprocess[i]
		var err error
		switch st.Op {
		case "softmax":
			p.softmax = true
		case "reconstruction_error":
			p.error, n = true, 1
		case "smooth":
			p.smooth = newSmoother(st.Kind, st.Windows, n)
		case "top_k":
			p.topK = min(st.K, n)
		case "decide":
			p.decide, err = newDecider(st, s.Labels, rate)
		}
		if err != nil {
			return nil, fmt.Errorf("postprocess[%d] (%s): %w", i, st.Op, err)
		}
	}
	if len(s.Labels) != 0 && len(s.Labels) != n {
		return nil, fmt.Errorf("labels: %d for %d scores", len(s.Labels), n)
	}
	p.labels = slices.Clone(s.Labels)
	for i := len(p.labels); i < n; i++ {
		p.labels = append(p.labels, fmt.Sprint(i))
	}
	return p, nil
}

func (p *post) reset() {
	if p.smooth != nil {
		p.smooth.reset()
	}
	if p.decide != nil {
		p.decide.reset()
	}
}

// state goes through what earlier windows left.
func (p *post) state(t *tape) {
	if p.smooth != nil {
		p.smooth.state(t)
	}
	if p.decide != nil {
		p.decide.state(t, len(p.labels))
	}
}

// run fills the scores of r from the model's real input and output values.
func (p *post) run(r *Result, in, out []float32) (err error) {
	if p.boxes != nil {
		if r.Boxes, err = p.boxes.run(r.Boxes, out); err != nil {
			return err
		}
		r.Raw = p.boxes.scores(r.Raw, r.Boxes)
	} else {
		r.Raw = append(r.Raw[:0], out...)
	}
	switch {
	case p.error:
		r.Raw = append(r.Raw[:0], meanSquare(in, out))
	case p.softmax:
		softmax(r.Raw)
	}
	r.Scores = append(r.Scores[:0], r.Raw...)
	if p.smooth != nil {
		p.smooth.apply(r.Scores)
	}
	p.top(r)
	r.Warm = r.Seq >= p.warmup
	r.Event = nil
	if p.decide != nil && r.Warm {
		p.decide.apply(r, p.labels)
	}
	return nil
}

// top finds the best classes; equal scores go by index.
func (p *post) top(r *Result) {
	r.Top = r.Top[:0]
	best := 0
	for i, v := range r.Scores {
		if v > r.Scores[best] {
			best = i
		}
	}
	r.Class, r.Score, r.Label = best, r.Scores[best], p.labels[best]
	r.Margin = r.Score
	for i, v := range r.Scores {
		if i != best {
			r.Margin = min(r.Margin, r.Score-v)
		}
	}
	for range p.topK {
		r.Top = append(r.Top, nextBest(r.Scores, r.Top))
	}
}

// nextBest returns the best class not in have.
func nextBest(scores []float32, have []int) int {
	best := -1
	for i, v := range scores {
		if (best < 0 || v > scores[best]) && !slices.Contains(have, i) {
			best = i
		}
	}
	return best
}

func meanSquare(a, b []float32) float32 {
	var sum float64
	for i, v := range a {
		d := float64(v) - float64(b[i])
		sum += float64(d * d)
	}
	return float32(sum / float64(len(a)))
}

// softmax replaces logits by probabilities.
func softmax(x []float32) {
	top := slices.Max(x)
	var sum float64
	for i, v := range x {
		e := fmath.Exp(float64(v) - float64(top))
		x[i] = float32(e)
		sum += e
	}
	for i, v := range x {
		x[i] = float32(float64(v) / sum)
	}
}
