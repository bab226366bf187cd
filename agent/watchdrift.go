package agent

import (
	"math"
	"strings"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/ota/bundle"
	"github.com/dunlin-edge/dunlin/telemetry/drift"
)

// A window of drift lasts an hour or 1000 decisions, whichever is later.
const (
	driftWindow    = time.Hour
	driftDecisions = 1000
)

// A driftWatch counts what a pipeline decides and compares it with the
// reference in its bundle, if there is one. The pipeline's goroutine adds, anyone
// reads.
type driftWatch struct {
	monitor *drift.Monitor // nil without a reference
	window  *drift.Profile
	ended   func(p *drift.Profile, lasted time.Duration) // gets each window; it may not keep it
	n       int
	began   time.Duration // since boot

	mu     sync.Mutex
	status DriftStatus
}

// DriftStatus is the verdict on the last full window.
type DriftStatus struct {
	Level    string         `json:"level"`   // quiet, warn, alarm; "none" without a reference
	Windows  uint64         `json:"windows"` // judged
	Features []DriftFeature `json:"features,omitempty"`
}

// DriftFeature is a histogram that differs from the bundle's.
type DriftFeature struct {
	Name  string  `json:"name"`
	Level string  `json:"level"`
	PSI   float64 `json:"psi"`
	JS    float64 `json:"js"`
	Floor float64 `json:"floor"` // of PSI, by chance
}

var levelNames = [...]string{"quiet", "warn", "alarm"}

func newDriftWatch(ref *bundle.Reference, ended func(*drift.Profile, time.Duration)) *driftWatch {
	edges := drift.Uniform()
	d := &driftWatch{window: drift.NewProfile(&edges), ended: ended, status: DriftStatus{Level: "none"}}
	if ref == nil {
		return d
	}
	known := drift.NewProfile(&edges)
	for _, h := range ref.Histograms {
		known.AddBins(h.Name, h.Min, h.Max, h.Counts)
	}
	d.monitor, d.status.Level = drift.NewMonitor(known), "quiet"
	return d
}

// add counts one decision. It returns what changed when it completes a window
// with another level than the one before; it allocates only then.
func (d *driftWatch) add(now time.Duration, res *pipeline.Result) (level drift.Level, text string, changed bool) {
	if d.n == 0 {
		d.began = now
	}
	one := sampleOf(res)
	d.window.Add(&one)
	if d.n++; d.n < driftDecisions || now-d.began < driftWindow {
		return 0, "", false
	}
	var found []drift.Finding
	if d.monitor != nil {
		found = d.monitor.Judge(d.window)
	}
	d.end(now)
	if d.monitor == nil {
		return 0, "", false
	}
	return d.conclude(found)
}

// end closes the window, however long it has been.
func (d *driftWatch) end(now time.Duration) {
	if d == nil || d.n == 0 {
		return
	}
	if d.ended != nil {
		d.ended(d.window, now-d.began)
	}
	d.window.Reset()
	d.n = 0
}

// sampleOf is what one decision adds to a profile.
func sampleOf(res *pipeline.Result) drift.Sample {
	in := &res.Input
	return drift.Sample{
		Score: res.Score, Margin: res.Margin, Entropy: entropy(res.Scores), Class: res.Class,
		Latency: res.Pre + res.Infer + res.Post, Inputs: [4]float32{in.Mean, in.Std, in.Detail, in.Saturation},
	}
}

func (d *driftWatch) conclude(found []drift.Finding) (level drift.Level, text string, changed bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.status.Level
	next := DriftStatus{Windows: d.status.Windows + 1}
	var names []string
	for _, f := range found {
		level = max(level, f.Level)
		name := f.Feature.String()
		names = append(names, name)
		next.Features = append(next.Features, DriftFeature{name, levelNames[f.Level], f.PSI, f.JS, f.Floor})
	}
	next.Level = levelNames[level]
	d.status = next
	return level, strings.Join(names, " "), next.Level != old
}

func (d *driftWatch) read() DriftStatus {
	if d == nil { // no unit yet
		return DriftStatus{Level: "none"}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.status
}

// drifting tells whether the last window warned or worse.
func (d *driftWatch) drifting() bool {
	if d == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.status.Level != "quiet" && d.status.Level != "none"
}

// entropy returns the entropy of scores as shares of their sum, 0 to 1.
func entropy(scores []float32) float32 {
	var sum, h float64
	for _, s := range scores {
		if s > 0 {
			sum += float64(s)
		}
	}
	if sum == 0 || len(scores) < 2 {
		return 0
	}
	for _, s := range scores {
		if s > 0 {
			p := float64(s) / sum
			h -= p * math.Log(p)
		}
	}
	return float32(h / math.Log(float64(len(scores))))
}
