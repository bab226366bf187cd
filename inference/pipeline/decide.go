package pipeline

import (
	"fmt"
	"math"
	"slices"
)

// Kinds of events.
const (
	Enter = "enter"
	Leave = "leave"
)

// Event says that a class was entered or left.
type Event struct {
	Kind       string // Enter or Leave
	Class      int
	Label      string
	Score      float32
	Start, End int64 // the window that decided, as in Result
}

// decider turns scores into events: thresholds with hysteresis, k of n
// windows, and a pause after each event.
type decider struct {
	enter, leave float32
	k            int
	refractory   int64 // in samples, images or rows
	ignored      []bool
	history      []int // class that counted in the last n windows, -1: none
	seen         int   // counts on from len(history) after twice that, so that it never ends
	active       int   // -1: none
	again        int64
	event        Event
}

func newDecider(st *Stage, labels []string, rate float64) (*decider, error) {
	k := orDefault(st.K, 1)
	d := &decider{enter: float32(*st.Enter), leave: float32(*st.Enter), k: k, history: make([]int, orDefault(st.N, k))}
	if st.Leave != nil {
		d.leave = float32(*st.Leave)
	}
	if st.RefractoryMS > 0 && rate == 0 {
		return nil, fmt.Errorf("refractory_ms: needs the rate of the source")
	}
	d.refractory = int64(math.Ceil(float64(st.RefractoryMS) * rate / 1000))
	for _, label := range labels {
		d.ignored = append(d.ignored, slices.Contains(st.Ignore, label))
	}
	d.reset()
	return d, nil
}

func (d *decider) reset() {
	d.seen, d.active, d.again = 0, -1, math.MinInt64
}

func (d *decider) state(t *tape, classes int) {
	t.count(&d.seen, 0, 2*len(d.history)-1)
	t.count(&d.active, -1, classes-1)
	t.number(&d.again, math.MinInt64, math.MaxInt64)
	for i := range d.history {
		t.count(&d.history[i], -1, classes-1)
	}
}

// apply sets r.Event if the window changes the decision.
func (d *decider) apply(r *Result, labels []string) {
	candidate := -1
	if r.Score >= d.enter && !(r.Class < len(d.ignored) && d.ignored[r.Class]) {
		candidate = r.Class
	}
	d.history[d.seen%len(d.history)] = candidate
	if d.seen++; d.seen == 2*len(d.history) {
		d.seen = len(d.history)
	}
	switch {
	case d.active >= 0 && r.Scores[d.active] < d.leave:
		d.emit(r, Leave, d.active, labels)
		d.active = -1
	case d.active < 0 && candidate >= 0 && r.End >= d.again && d.count(candidate) >= d.k:
		d.emit(r, Enter, candidate, labels)
		d.active, d.again = candidate, r.End+d.refractory
	}
}

func (d *decider) count(class int) (n int) {
	for _, c := range d.history[:min(d.seen, len(d.history))] {
		if c == class {
			n++
		}
	}
	return n
}

func (d *decider) emit(r *Result, kind string, class int, labels []string) {
	d.event = Event{kind, class, labels[class], r.Scores[class], r.Start, r.End}
	r.Event = &d.event
}
