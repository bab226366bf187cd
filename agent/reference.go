package agent

import (
	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/ota/bundle"
	"github.com/dunlin-edge/dunlin/telemetry/drift"
)

// A ReferenceCounter counts decisions on samples that are as they should be,
// for the reference of a bundle: what live decisions are compared with.
type ReferenceCounter struct{ profile *drift.Profile }

// NewReferenceCounter returns an empty one.
func NewReferenceCounter() *ReferenceCounter {
	edges := drift.Uniform()
	return &ReferenceCounter{drift.NewProfile(&edges)}
}

// Add counts a decision that is warm.
func (c *ReferenceCounter) Add(res *pipeline.Result) {
	one := sampleOf(res)
	c.profile.Add(&one)
}

// Reference returns the histograms; latency is left out, since it depends on
// the board.
func (c *ReferenceCounter) Reference() *bundle.Reference {
	ref := &bundle.Reference{}
	for _, f := range drift.Features() {
		if f == drift.Latency {
			continue
		}
		h := bundle.Histogram{Name: f.String(), Max: 1}
		for _, n := range c.profile.Counts(f) {
			h.Counts = append(h.Counts, int64(n))
		}
		if f == drift.Class {
			h.Max = float64(len(h.Counts)) // a bin a class, the last for all others
		}
		ref.Histograms = append(ref.Histograms, h)
	}
	return ref
}
