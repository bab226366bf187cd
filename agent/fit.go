package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os/exec"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/inference/pipeline"
)

// rateTolerance is how far, relative to the wanted rate, a source may be off.
const rateTolerance = 1e-3

// A SetupError is something in the configuration that cannot work on this
// device, and what to do about it.
type SetupError struct {
	At   config.Position
	Err  error
	Todo string
}

func (e *SetupError) Error() string { return e.At.String() + ": " + e.Err.Error() }
func (e *SetupError) Unwrap() error { return e.Err }

// Hint says what to do next.
func (e *SetupError) Hint() string { return e.Todo }

// setup makes a SetupError; a file that is absent or may not be touched has a
// hint of its own.
func setup(at config.Position, err error, todo string) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		todo = "check the path and create its folder; a relative path counts from the folder of the configuration"
	case errors.Is(err, fs.ErrPermission):
		todo = "give the user that runs dunlin the permission"
	case errors.Is(err, exec.ErrNotFound):
		todo = "install the program, or give its full path"
	}
	return &SetupError{at, err, todo}
}

// What to do where the parts do not go together.
const (
	checkSource = "check the settings of the source"
	checkAction = "check the action"
	ownSource   = "give one of them its own source"
	otherSource = "give the pipeline a source of the kind, rate and channels its bundle wants; a recording of another rate is resampled with `rate:` on the source"
)

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
	if math.Abs(info.RateHz-want.Rate) > rateTolerance*want.Rate {
		return fmt.Errorf("it runs at %g Hz, the bundle wants %g Hz", info.RateHz, want.Rate)
	}
	if info.Channels != want.Channels {
		return fmt.Errorf("it has %d channels, the bundle wants %d", info.Channels, want.Channels)
	}
	if info.Unit != want.Unit && want.Unit != "" {
		return fmt.Errorf("it measures in %q, the bundle wants %q", info.Unit, want.Unit)
	}
	return nil
}
