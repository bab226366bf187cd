package chip

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"periph.io/x/conn/v3/i2c"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/bus"
	"github.com/dunlin-edge/dunlin/hal/internal/tick"
)

// A polledModel is a chip on I2C that is asked for each reading.
type polledModel struct {
	name, summary string
	addresses     []uint16
	channels      []quantity // all are read unless some are chosen
	ranges        []float64
	shunt         float64 // Ω, usual
	maxHz         func(channels int) float64
	open          func(b i2c.Bus, cfg *Config) (reader, error)
}

// A quantity is a channel and its unit, in the words of hal/iio.
type quantity struct{ name, unit string }

// A reader asks an open chip for one value of each of all its model's channels,
// or where pick is its own affair, of the configuration's. wait passes time.
type reader func(wait func(time.Duration) error, out []float64) error

// A polledSensor is a chip that is asked at a pace of the machine's. One
// goroutine reads; Halt may be called from any.
type polledSensor struct {
	cfg   Config
	model *polledModel
	units []string
	pick  []int // of the model's channels
	pace  *tick.Tick
	wait  *tick.Waiter

	bus    i2c.BusCloser // nil while none is open; the reader's
	read   reader
	values []float64
}

func openPolled(m *polledModel, cfg Config) (*polledSensor, error) {
	if onSPI, err := bus.IsSPI(cfg.Bus); err != nil || onSPI {
		return nil, fmt.Errorf("%s: %w", m.name, errors.Join(err, errors.New("it is read on I2C: bus: i2c-1")))
	}
	s := &polledSensor{cfg: cfg, model: m}
	if s.cfg.Address == 0 {
		s.cfg.Address = int(m.addresses[0])
	}
	if !slices.Contains(m.addresses, uint16(s.cfg.Address)) {
		return nil, fmt.Errorf("%s: address 0x%02x: it has %s", m.name, s.cfg.Address, hexes(m.addresses))
	}
	var err error
	if s.cfg.Range, err = fit("range", s.cfg.Range, m.ranges); err != nil {
		return nil, fmt.Errorf("%s: %w", m.name, err)
	}
	if s.cfg.Shunt == 0 {
		s.cfg.Shunt = m.shunt
	}
	if err := s.choose(); err != nil {
		return nil, fmt.Errorf("%s: %w", m.name, err)
	}
	if most := m.maxHz(len(s.cfg.Channels)); !(cfg.RateHz > 0 && cfg.RateHz <= most) {
		return nil, fmt.Errorf("%s: it has no rate of %v Hz with %d channels; the nearest is %g", m.name, cfg.RateHz, len(s.cfg.Channels), most)
	}
	s.pace, s.wait = tick.New(cfg.Clock, cfg.RateHz), tick.NewWaiter(cfg.Clock)
	s.values = make([]float64, len(m.channels))
	return s, nil
}

// choose places the channels that are wanted.
func (s *polledSensor) choose() error {
	var all []string
	for _, q := range s.model.channels {
		all = append(all, q.name)
	}
	if len(s.cfg.Channels) == 0 {
		s.cfg.Channels = all
	}
	for i, c := range s.cfg.Channels {
		at := slices.Index(all, c)
		if at < 0 || slices.Contains(s.cfg.Channels[:i], c) {
			return fmt.Errorf("channel %.40q: unknown or twice; it has %s", c, strings.Join(all, ", "))
		}
		s.pick, s.units = append(s.pick, at), append(s.units, s.model.channels[at].unit)
	}
	return nil
}

// Info implements hal.Sensor.
func (s *polledSensor) Info() hal.StreamInfo {
	p := plan{units: s.units}
	return hal.StreamInfo{Kind: hal.KindSamples, Channels: len(s.pick), RateHz: s.cfg.RateHz, Names: s.cfg.Channels, Unit: p.unit()}
}

// Read implements hal.Sensor: one frame.
func (s *polledSensor) Read(ctx context.Context, buf []float32) (hal.Block, error) {
	if err := s.open(); err != nil {
		return hal.Block{}, err
	}
	at, lost, err := s.pace.Wait(ctx)
	if err != nil {
		s.close()
		return hal.Block{}, err
	}
	wait := func(d time.Duration) error { return s.wait.Wait(ctx, d) }
	if err := s.read(wait, s.values); err != nil {
		err = s.explain(err)
		s.close()
		if ctx.Err() != nil {
			return hal.Block{}, ctx.Err()
		}
		return hal.Block{}, err
	}
	for i, p := range s.pick {
		buf[i] = float32(s.values[p])
	}
	return hal.Block{Frames: 1, Time: at, Lost: lost}, nil
}

func (s *polledSensor) open() error {
	if s.bus != nil {
		return nil
	}
	b, err := s.cfg.Buses.I2C(s.cfg.Bus, uint16(s.cfg.Address))
	if err != nil {
		return absent(s.model.name, err)
	}
	s.bus = b
	if s.read, err = s.model.open(b, &s.cfg); err != nil {
		err = s.explain(err)
		s.close()
		return err
	}
	s.pace.Begin()
	return nil
}

func (s *polledSensor) explain(err error) error {
	l := link{i2c: s.bus, address: uint16(s.cfg.Address)}
	return l.explain(s.model.name, s.cfg.Bus, err)
}

func (s *polledSensor) close() {
	if s.bus != nil {
		_ = s.bus.Close()
		s.bus, s.read = nil, nil
	}
}

// Halt implements hal.Sensor. The bus is closed by the Read that it ends.
func (s *polledSensor) Halt() error {
	s.pace.Halt()
	s.wait.Halt()
	return nil
}

func polledModels() []polledModel { return append([]polledModel{ads1115Model()}, periphModels()...) }
