package sim

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/dunlin-edge/dunlin/hal"
)

// Faults of the machine, in the order Faults returns them.
const (
	normal = iota
	imbalance
	misalignment
	bearing
	faultCount
)

// Channels is the number of axes: x, y, z.
const Channels = 3

// Sensor limits: 13 bits of 1/256 g.
const (
	lsbPerG = 256
	maxLSB  = 4095
	minLSB  = -4096
)

// Config chooses a machine.
type Config struct {
	Seed     uint64  // which machine
	RateHz   float64 // frames per second, 100 to 100000; 0 is 3200
	Gain     float64 // of the sensor, 1e-3 to 1e3; 0 is 1, the correct one
	ShaftHz  float64 // speed, 5 to 200; 0 lets the seed choose 22 to 32
	Fault    string  // one of Faults; empty is "normal"
	Severity float64 // of the fault, above 0 to 1; 0 is 1
	Realtime bool    // deliver samples no earlier than they would be measured
	Clock    hal.Clock
}

func (c *Config) validate() error {
	setDefault(&c.RateHz, 3200)
	setDefault(&c.Gain, 1)
	setDefault(&c.Severity, 1)
	if !(c.RateHz >= 100 && c.RateHz <= 100e3) {
		return fmt.Errorf("rate: %v Hz, want 100 to 100000", c.RateHz)
	}
	if c.ShaftHz != 0 && !(c.ShaftHz >= 5 && c.ShaftHz <= 200) {
		return fmt.Errorf("shaft speed: %v Hz, want 5 to 200", c.ShaftHz)
	}
	return checkGain(c.Gain)
}

func setDefault(v *float64, to float64) {
	if *v == 0 {
		*v = to
	}
}

func checkGain(g float64) error {
	if !(g >= 1e-3 && g <= 1e3) {
		return fmt.Errorf("gain: %v, want 0.001 to 1000", g)
	}
	return nil
}

// A Machine is a simulated machine with its accelerometer. It is a hal.Sensor;
// Inject, SetGain, Fault and Halt may be called while another goroutine reads.
type Machine struct {
	rateHz float64
	pacer  *hal.Pacer

	mu       sync.Mutex // guards what follows
	state    *state
	gain     float64
	fault    int
	severity float64
	target   [faultCount]float64
}

// NewMachine builds the machine that cfg describes, already running.
func NewMachine(cfg Config) (*Machine, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("simulated machine: %w", err)
	}
	r := rng(cfg.Seed)
	r.next()
	p := newPlant(&r, cfg.ShaftHz)
	m := &Machine{
		rateHz: cfg.RateHz, gain: cfg.Gain,
		pacer: hal.NewPacer(cfg.Clock, cfg.RateHz, cfg.Realtime),
		state: newState(p, r, cfg.RateHz),
	}
	if cfg.Fault == "" {
		cfg.Fault = m.Faults()[normal]
	}
	if err := m.Inject(cfg.Fault, cfg.Severity); err != nil {
		return nil, fmt.Errorf("simulated machine: %w", err)
	}
	m.state.level = m.target
	return m, nil
}

// Faults returns the names Inject takes.
func (m *Machine) Faults() []string {
	return []string{"normal", "imbalance", "misalignment", "bearing"}
}

// Inject makes the machine develop one fault, in place of the one it had, with
// a severity above 0 to 1. It grows in within a few tenths of a second.
// "normal" heals it.
func (m *Machine) Inject(fault string, severity float64) error {
	i := slices.Index(m.Faults(), fault)
	if i < 0 {
		return fmt.Errorf("fault: unknown %q, there are %s", fault, strings.Join(m.Faults(), ", "))
	}
	if !(severity > 0 && severity <= 1) {
		return fmt.Errorf("severity: %v, want above 0 to 1", severity)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault, m.severity = i, severity
	m.target = [faultCount]float64{}
	m.target[i] = severity
	return nil
}

// Fault returns the fault last injected and its severity.
func (m *Machine) Fault() (string, float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.Faults()[m.fault], m.severity
}

// SetGain sets the sensor's gain, clamped to 0.001 to 1000: 1 is correct, 0.5
// shows half the acceleration. NaN changes nothing.
func (m *Machine) SetGain(gain float64) {
	if math.IsNaN(gain) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gain = min(max(gain, 1e-3), 1e3)
}

// Info describes the stream: three axes in g, marked as simulated.
func (m *Machine) Info() hal.StreamInfo {
	return hal.StreamInfo{Kind: hal.KindVibration, Channels: Channels, RateHz: m.rateHz, Unit: "g", Names: []string{"x", "y", "z"}, Simulated: true}
}

// Read fills buf with frames of x, y, z in g. It never ends by itself.
func (m *Machine) Read(ctx context.Context, buf []float32) (hal.Block, error) {
	frames := m.pacer.Chunk(len(buf) / Channels)
	if frames == 0 {
		return hal.Block{}, fmt.Errorf("read: buffer of %d values is shorter than a frame of %d", len(buf), Channels)
	}
	at, err := m.pacer.Advance(ctx, frames)
	if err != nil {
		return hal.Block{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range frames {
		a := m.state.step(&m.target)
		for c, v := range a {
			buf[i*Channels+c] = quantize(float64(v * m.gain))
		}
	}
	return hal.Block{Frames: frames, Time: at}, nil
}

// quantize rounds g to the sensor's steps and clips at its range.
func quantize(g float64) float32 {
	v := math.Floor(float64(g*lsbPerG) + 0.5)
	return float32(min(max(v, minLSB), maxLSB)) / lsbPerG
}

// Halt stops the machine.
func (m *Machine) Halt() error {
	m.pacer.Halt()
	return nil
}
