package agent

import (
	"slices"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/agent/action"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
)

// Lengths of what a view remembers.
const (
	viewEvents    = 8
	viewLatencies = 256
	viewTimes     = 64
)

// A view is the latest of one pipeline, for whoever looks. The pipeline writes
// it, anyone reads it; its memory is fixed.
type view struct {
	frame frameView

	mu        sync.Mutex
	scores    []float32
	last      action.Record
	warm      bool
	windows   uint64
	latencies [viewLatencies]int64 // microseconds, a ring over windows
	histogram LatencyHistogram
	times     [viewTimes]time.Time // of the last windows, a ring over windows
	events    [viewEvents]action.Record
	seen      uint64 // events so far
}

func (v *view) update(res *pipeline.Result, rec *action.Record) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.scores = append(v.scores[:0], res.Scores...)
	v.last, v.warm = *rec, res.Warm
	v.latencies[v.windows%viewLatencies] = rec.LatencyUS
	v.times[v.windows%viewTimes] = rec.Time
	v.histogram.add(float64(rec.LatencyUS) / 1e6)
	v.windows++
}

func (v *view) event(rec *action.Record) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.events[v.seen%viewEvents] = *rec
	v.seen++
}

// fill writes the view into a status.
func (v *view) fill(s *PipelineStatus, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	s.Windows, s.Warm, s.Updated, s.Item = v.windows, v.warm, v.last.Time, v.last.Item
	s.Class, s.Label, s.Score = v.last.Class, v.last.Label, v.last.Score
	s.Scores = make([]float32, len(v.scores))
	for i, x := range v.scores {
		s.Scores[i] = thousandths(x)
	}
	s.P50US, s.P95US = v.quantiles()
	s.Latency = v.histogram
	s.PerSecond = v.perSecond(now)
	s.Events = []action.Record{}
	for i := range min(v.seen, viewEvents) {
		s.Events = append(s.Events, v.events[(v.seen-1-i)%viewEvents])
	}
	s.Frame = v.frame.seq()
}

// quantiles returns median and 95th percentile of the recent latencies.
func (v *view) quantiles() (p50, p95 int64) {
	n := int(min(v.windows, viewLatencies))
	if n == 0 {
		return 0, 0
	}
	sorted := slices.Clone(v.latencies[:n])
	slices.Sort(sorted)
	return sorted[n/2], sorted[min(n-1, n*95/100)]
}

// perSecond is the rate of the last windows, falling while none comes.
func (v *view) perSecond(now time.Time) float64 {
	n := min(v.windows, viewTimes)
	if n < 2 {
		return 0
	}
	first := v.times[(v.windows-n)%viewTimes]
	last := v.times[(v.windows-1)%viewTimes]
	span := last.Sub(first)
	if usual := span / time.Duration(n-1); now.Sub(last) > 2*usual {
		span = now.Sub(first)
	}
	if span <= 0 {
		return 0
	}
	return float64(n-1) / span.Seconds()
}

// LatencyBounds are the upper bounds of a LatencyHistogram's bins, in seconds.
var LatencyBounds = [...]float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5}

// LatencyHistogram counts latencies since start; the last bin is without bound.
type LatencyHistogram struct {
	Counts [len(LatencyBounds) + 1]uint64
	Sum    float64 // seconds
}

func (h *LatencyHistogram) add(seconds float64) {
	i := 0
	for i < len(LatencyBounds) && seconds > LatencyBounds[i] {
		i++
	}
	h.Counts[i]++
	h.Sum += seconds
}
