package agent

import (
	"fmt"
	"math"

	"github.com/dunlin-edge/dunlin/inference/pipeline"
)

// rateTolerance is how far, relative to the wanted rate, a source may be off.
const rateTolerance = 1e-3

// fitError is a source that a bundle cannot use.
type fitError struct{ err error }

func (e *fitError) Error() string { return e.err.Error() }
func (e *fitError) Unwrap() error { return e.err }

// Hint says what to do next.
func (e *fitError) Hint() string {
	return "give the pipeline a source of the kind, rate and channels its bundle wants; a recording of another rate is resampled with `rate:` on the source"
}

// fits tells why an open source does not deliver what a unit wants.
func fits(in *input, u *Unit) error {
	want := u.source
	if in.camera != nil {
		if want.Kind != pipeline.KindImage {
			return fmt.Errorf("it gives images, the bundle wants %s", want.Kind)
		}
		return nil
	}
	info := in.sensor.Info()
	if want.Kind == pipeline.KindTensor {
		if n := u.Model.Inputs()[0].Elements(); info.Channels != n {
			return fmt.Errorf("it has %d values per row, the bundle wants %d", info.Channels, n)
		}
		return nil
	}
	if info.Kind != want.Kind {
		return fmt.Errorf("it gives %s, the bundle wants %s", info.Kind, want.Kind)
	}
	if math.Abs(info.RateHz-float64(want.Rate)) > rateTolerance*float64(want.Rate) {
		return fmt.Errorf("it runs at %g Hz, the bundle wants %g Hz", info.RateHz, float64(want.Rate))
	}
	if info.Channels != want.Channels {
		return fmt.Errorf("it has %d channels, the bundle wants %d", info.Channels, want.Channels)
	}
	if info.Unit != want.Unit && want.Unit != "" {
		return fmt.Errorf("it measures in %q, the bundle wants %q", info.Unit, want.Unit)
	}
	return nil
}
