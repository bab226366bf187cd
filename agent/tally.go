package agent

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/dunlin-edge/dunlin/inference/pipeline"
)

// topRanks is how many classes an Outcome names.
const topRanks = 5

// A tally sums up the windows of one file.
type tally struct {
	labels  []string
	rate    float64 // samples per second; 0 where windows have no time, and so no spans
	windows int
	warm    int
	sums    []float64
	rows    []Ranked
	spans   []Span
	open    bool // the last span still holds
	notes   []string
	latency time.Duration
	length  float64
}

func newTally(labels []string, rate float64) *tally { return &tally{labels: labels, rate: rate} }

func (t *tally) add(r *pipeline.Result) {
	t.windows++
	t.latency += r.Pre + r.Infer + r.Post
	if t.sums == nil {
		t.sums = make([]float64, len(r.Scores))
	}
	if !r.Warm {
		return
	}
	t.warm++
	for i, s := range r.Scores {
		t.sums[i] += float64(s)
	}
	if r.Event != nil && t.rate > 0 {
		t.event(r.Event)
	}
}

func (t *tally) event(ev *pipeline.Event) {
	if ev.Kind == "leave" {
		if t.open {
			t.spans[len(t.spans)-1].EndS = t.seconds(ev.End)
		}
		t.open = false
		return
	}
	t.open = true
	t.spans = append(t.spans, Span{
		Label: ev.Label, Score: ev.Score, AtS: t.seconds(ev.End), StartS: t.seconds(ev.Start), EndS: t.seconds(ev.End),
	})
}

func (t *tally) seconds(sample int64) float64 { return float64(sample) / t.rate }

// end closes what still holds at the last of so many samples.
func (t *tally) end(samples int64) {
	t.length = t.seconds(samples)
	if t.open {
		t.spans[len(t.spans)-1].EndS = t.length
	}
}

// labelOf names a class; without labels by its number.
func labelOf(labels []string, class int) string {
	if class < len(labels) {
		return labels[class]
	}
	return "#" + strconv.Itoa(class)
}

func (t *tally) outcome() *Outcome {
	o := &Outcome{Windows: t.windows, DurationS: t.length, Rows: t.rows, Spans: t.spans, Notes: t.notes, LatencyUS: t.latency.Microseconds(), Top: []Ranked{}}
	for class, sum := range t.sums {
		o.Top = append(o.Top, Ranked{labelOf(t.labels, class), float32(sum / float64(max(1, t.warm)))})
	}
	slices.SortStableFunc(o.Top, func(a, b Ranked) int { return cmp.Compare(b.Score, a.Score) })
	o.Top = o.Top[:min(len(o.Top), topRanks)]
	if len(o.Top) > 0 {
		o.Label, o.Score = o.Top[0].Label, o.Top[0].Score
	}
	for i, s := range t.spans {
		if i == 0 || s.Score > o.Score {
			o.Label, o.Score = s.Label, s.Score
		}
	}
	return o
}
