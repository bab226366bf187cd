package agent

import (
	"math"
	"slices"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/replay"
	"github.com/dunlin-edge/dunlin/hal/sim"
)

// An input is an open source: a sensor or a camera.
type input struct {
	sensor hal.Sensor // nil for a camera
	camera hal.Camera // nil for a sensor
	// live sources do not wait: what is not taken in time is lost and counted.
	live   bool
	faults injector // nil where nothing can be injected
}

// injector is a source that can be made to misbehave.
type injector interface {
	Faults() []string
	Fault() (name string, severity float64)
	Inject(fault string, severity float64) error
}

// opener opens a source with the settings its driver has read.
type opener func() (*input, error)

func (in *input) halt() error {
	if in.camera != nil {
		return in.camera.Halt()
	}
	return in.sensor.Halt()
}

func (in *input) simulated() bool {
	if in.camera != nil {
		return in.camera.Info().Simulated
	}
	return in.sensor.Info().Simulated
}

func (in *input) exclusive() bool {
	if in.camera != nil {
		return in.camera.Info().Exclusive
	}
	return in.sensor.Info().Exclusive
}

// Drivers lists every kind of source this binary knows.
func Drivers() []config.Driver {
	return slices.Concat(hardware(), chips(), []config.Driver{
		{Name: "sim.machine", Summary: "a simulated rotating machine seen by a 3-axis accelerometer", Parse: parseMachine},
		{Name: "replay.wav", Summary: "recorded sound or vibration: a WAV file, or a folder of them", Parse: parseWAV},
		{Name: "replay.csv", Summary: "recorded samples: a CSV file with times, or a folder of them", Parse: parseCSV},
		{Name: "replay.images", Summary: "a folder of images as a camera", Parse: parseImages},
	})
}

func parseMachine(f *config.Fields) any {
	cfg := sim.Config{
		Seed:     uint64(f.Int("seed", 1, 0, math.MaxInt64)),
		RateHz:   f.Float("rate", 3200, 100, 100e3),
		Gain:     f.Float("gain", 1, 1e-3, 1e3),
		ShaftHz:  f.Float("shaft", 0, 0, 200),
		Fault:    f.String("fault", "normal"),
		Severity: f.Float("severity", 1, 0.01, 1),
		Realtime: f.Bool("realtime", true),
	}
	return opener(func() (*input, error) {
		m, err := sim.NewMachine(cfg)
		if err != nil {
			return nil, err
		}
		return &input{sensor: m, faults: m, live: cfg.Realtime}, nil
	})
}

// parseReplay reads the keys that all recordings have.
func parseReplay(f *config.Fields) replay.Config {
	return replay.Config{
		Path:     f.Path("path"),
		RateHz:   f.Float("rate", 0, 0, replay.MaxRateHz),
		Realtime: f.Bool("realtime", true),
		Loop:     f.Bool("loop", false),
	}
}

// parseSamples reads the keys of recorded sample streams.
func parseSamples(f *config.Fields, kind string) replay.Config {
	cfg := parseReplay(f)
	cfg.Kind = f.Choice("kind", kind, hal.KindAudio, hal.KindVibration, hal.KindSamples)
	cfg.Unit = f.String("unit", "")
	cfg.Mono = f.Bool("mono", false)
	cfg.Channels = f.Ints("channels", 0, replay.MaxChannels-1)
	return cfg
}

func parseWAV(f *config.Fields) any {
	cfg := parseSamples(f, hal.KindAudio)
	return openSensor(cfg.Realtime, func() (hal.Sensor, error) { return replay.OpenWAV(cfg) })
}

func parseCSV(f *config.Fields) any {
	cfg := parseSamples(f, hal.KindSamples)
	cfg.TimeColumn = f.String("time_column", "")
	cfg.TimeUnit = f.Choice("time_unit", "", "", "s", "ms", "us")
	return openSensor(cfg.Realtime, func() (hal.Sensor, error) { return replay.OpenCSV(cfg) })
}

func openSensor(live bool, open func() (hal.Sensor, error)) opener {
	return func() (*input, error) {
		s, err := open()
		if err != nil {
			return nil, err
		}
		return &input{sensor: s, live: live}, nil
	}
}

func parseImages(f *config.Fields) any {
	cfg := parseReplay(f)
	return opener(func() (*input, error) {
		c, err := replay.OpenImages(cfg)
		if err != nil {
			return nil, err
		}
		return &input{camera: c, live: cfg.Realtime}, nil
	})
}
