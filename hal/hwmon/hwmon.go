// Package hwmon reads any sensor that the kernel's hardware monitoring subsystem
// knows: temperatures (a DS18B20 on 1-Wire among them), voltages, currents,
// powers, humidities, fans.
//
// Start with [Open] and [List]. Values are in the subsystem's units, scaled to
// whole ones (Documentation/hwmon/sysfs-interface.rst).
package hwmon

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/internal/devfs"
	"github.com/dunlin-edge/dunlin/hal/internal/tick"
)

// Limits.
const (
	MaxRateHz   = 100
	maxChannels = 64
)

// Config says what to read.
type Config struct {
	Root     string   // folder that stands for "/"; "" in earnest
	Device   string   // its name, such as w1_slave_temp, or hwmonN
	Channels []string // such as temp1, in0, curr1, or a label such as VDD_IN
	RateHz   float64
	Clock    hal.Clock
}

// units of channel types, and what turns the kernel's into them.
var units = []struct {
	prefix, unit string
	factor       float64
}{
	{"temp", "°C", 1e-3}, {"in", "V", 1e-3}, {"curr", "A", 1e-3}, {"power", "W", 1e-6}, {"energy", "J", 1e-6}, {"humidity", "%", 1e-3}, {"fan", "rpm", 1},
}

func unitOf(channel string) (unit string, factor float64) {
	for _, u := range units {
		if strings.HasPrefix(channel, u.prefix) {
			return u.unit, u.factor
		}
	}
	return "", 1
}

// A Sensor is a device. It is looked for by the first Read, and again after an
// error. One goroutine reads.
type Sensor struct {
	cfg  Config
	root devfs.Root
	pace *tick.Tick

	mu       sync.Mutex
	dir      string   // "" while it is not known
	channels []string // as attributes are named
	factors  []float64
	halted   bool
}

// Open returns a sensor; nothing is touched yet.
func Open(cfg Config) (*Sensor, error) {
	switch {
	case cfg.Device == "":
		return nil, errors.New("hwmon sensor: no device; dunlin sensors scan lists those that are here")
	case len(cfg.Channels) == 0 || len(cfg.Channels) > maxChannels:
		return nil, fmt.Errorf("hwmon sensor: %d channels, want 1 to %d, such as temp1", len(cfg.Channels), maxChannels)
	case !(cfg.RateHz > 0 && cfg.RateHz <= MaxRateHz):
		return nil, fmt.Errorf("hwmon sensor: it has no rate of %v Hz; the nearest is %v", cfg.RateHz, MaxRateHz)
	}
	for i, c := range cfg.Channels {
		if strings.ContainsAny(c, "/\x00") || slices.Contains(cfg.Channels[:i], c) {
			return nil, fmt.Errorf("hwmon sensor: channel %.40q appears twice or is no name", c)
		}
	}
	return &Sensor{cfg: cfg, root: devfs.Root(cfg.Root), pace: tick.New(cfg.Clock, cfg.RateHz)}, nil
}

// Info implements hal.Sensor. The unit goes by the channels' names.
func (s *Sensor) Info() hal.StreamInfo {
	i := hal.StreamInfo{Kind: hal.KindSamples, Channels: len(s.cfg.Channels), RateHz: s.cfg.RateHz, Names: s.cfg.Channels}
	for k, c := range s.cfg.Channels {
		unit, _ := unitOf(c)
		if k > 0 && unit != i.Unit {
			i.Unit = ""
			break
		}
		i.Unit = unit
	}
	return i
}

// Read implements hal.Sensor: one frame.
func (s *Sensor) Read(ctx context.Context, buf []float32) (hal.Block, error) {
	if err := s.find(); err != nil {
		return hal.Block{}, err
	}
	at, lost, err := s.pace.Wait(ctx)
	if err != nil {
		return hal.Block{}, err
	}
	for i, c := range s.channels {
		v, err := s.root.Float(s.dir, c+"_input")
		if err != nil {
			err = s.root.Explain("hwmon device "+s.cfg.Device, s.root.Path(s.dir, c+"_input"), err)
			s.dir = ""
			return hal.Block{}, err
		}
		buf[i] = float32(v * s.factors[i])
	}
	return hal.Block{Frames: 1, Time: at, Lost: lost}, nil
}

// find looks for the device and its channels.
func (s *Sensor) find() error {
	s.mu.Lock()
	halted := s.halted
	s.mu.Unlock()
	if halted {
		return hal.ErrHalted
	}
	if s.dir != "" {
		return nil
	}
	all := List(s.cfg.Root)
	i := slices.IndexFunc(all, func(f Found) bool { return f.ID == s.cfg.Device || f.Name == s.cfg.Device })
	if i < 0 {
		var names []string
		for _, f := range all {
			names = append(names, f.Name+" ("+f.ID+")")
		}
		return fmt.Errorf("%w: no hwmon device %.60q; here: %s", hal.ErrAbsent, s.cfg.Device, orNone(names))
	}
	s.channels, s.factors = nil, nil
	for _, want := range s.cfg.Channels {
		k := slices.IndexFunc(all[i].Channels, func(c Channel) bool { return c.Name == want || c.Label == want })
		if k < 0 {
			var names []string
			for _, c := range all[i].Channels {
				names = append(names, strings.TrimSpace(c.Name+" "+c.Label))
			}
			return fmt.Errorf("%w: hwmon device %s has no channel %.60q; it has: %s", hal.ErrAbsent, s.cfg.Device, want, orNone(names))
		}
		_, factor := unitOf(all[i].Channels[k].Name)
		s.channels, s.factors = append(s.channels, all[i].Channels[k].Name), append(s.factors, factor)
	}
	s.dir = "sys/class/hwmon/" + all[i].ID
	s.pace.Begin()
	return nil
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// Halt implements hal.Sensor.
func (s *Sensor) Halt() error {
	s.mu.Lock()
	s.halted = true
	s.mu.Unlock()
	s.pace.Halt()
	return nil
}

// A Found device is one that the kernel has.
type Found struct {
	ID       string // hwmonN
	Name     string
	Channels []Channel
}

// A Channel is one value of a device.
type Channel struct{ Name, Label string }

// List returns the devices below root.
func List(root string) []Found {
	r := devfs.Root(root)
	dirs, _ := filepath.Glob(r.Path("sys/class/hwmon/hwmon*"))
	var all []Found
	for _, dir := range dirs {
		f := Found{ID: filepath.Base(dir)}
		f.Name, _ = r.Attr("sys/class/hwmon", f.ID, "name")
		inputs, _ := filepath.Glob(filepath.Join(dir, "*_input"))
		for _, in := range inputs {
			c := Channel{Name: strings.TrimSuffix(filepath.Base(in), "_input")}
			c.Label, _ = r.Attr("sys/class/hwmon", f.ID, c.Name+"_label")
			f.Channels = append(f.Channels, c)
		}
		all = append(all, f)
	}
	return all
}
