package main

import (
	"fmt"
	"strings"

	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

// quality is what is measured of a bundle on this engine. It depends on the
// bundle and the test set only, so that anybody can measure it again.
type quality struct {
	model *inference.Model
	spec  *pipeline.Spec
	scans string  // images
	gain  float64 // vibration: of the sensor it was trained with

	own  *measured // under the conditions of the training
	live *measured // vibration trained at a wrong gain: at gain 1; images: inverted
}

func (q *quality) images() bool { return q.spec.Source.Kind == pipeline.KindImage }

func (q *quality) measure() (err error) {
	if q.images() {
		if q.own, err = measureScans(q.model, q.spec, q.scans, false); err != nil {
			return err
		}
		q.live, err = measureScans(q.model, q.spec, q.scans, true)
		return err
	}
	if q.own, err = measureMachines(q.model, q.spec, q.gain); err != nil || q.gain == 1 {
		return err
	}
	q.live, err = measureMachines(q.model, q.spec, 1)
	return err
}

// dataset says what own was measured on.
func (q *quality) dataset() string {
	if q.images() {
		return fmt.Sprintf("the held-out third, %d scans, of scikit-learn's digits", q.own.raw.total())
	}
	return fmt.Sprintf("%d windows of %d simulated machines that were not trained on, sensor gain %g", q.own.raw.total(), testMachines, q.gain)
}

// liveName names the second set; empty if there is none.
func (q *quality) liveName() string {
	switch {
	case q.live == nil:
		return ""
	case q.images():
		return "light ink on dark paper"
	}
	return "sensor gain 1"
}

func (q *quality) evaluation() *bundle.Evaluation {
	e := &bundle.Evaluation{Dataset: q.dataset(), Metrics: map[string]float64{"accuracy": q.own.raw.accuracy()}, Slices: q.own.raw.slices()}
	if q.own.smoothed != nil {
		e.Metrics["accuracy_smoothed"] = q.own.smoothed.accuracy()
	}
	if q.live != nil {
		e.Slices = append(e.Slices, bundle.Slice{Name: q.liveName(), Count: q.live.raw.total(), Metrics: map[string]float64{"accuracy": q.live.raw.accuracy()}})
	}
	return e
}

func (q *quality) reference() *bundle.Reference {
	return &bundle.Reference{Histograms: []bundle.Histogram{q.own.score, q.own.margin}}
}

// card is the measured half of the card.
func (q *quality) card() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## Measured on Dunlin's engine\n\nOn %s: accuracy %.2f %%", q.dataset(), 100*q.own.raw.accuracy())
	if q.own.smoothed != nil {
		fmt.Fprintf(&b, " by single window, %.2f %% as the pipeline smooths it", 100*q.own.smoothed.accuracy())
	}
	fmt.Fprintf(&b, ".\n\n%s", q.own.raw.markdown())
	if q.live != nil {
		fmt.Fprintf(&b, "\nOn the same, %s: accuracy %.2f %%.\n\n%s", q.liveName(), 100*q.live.raw.accuracy(), q.live.raw.markdown())
	}
	return b.String()
}
