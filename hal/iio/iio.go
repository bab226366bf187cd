// Package iio reads any sensor that the kernel's Industrial I/O subsystem
// knows: accelerometers, gyroscopes, ADCs, light, distance, environment.
//
// Start with [Open]. At high rates the kernel's buffer is read, at low ones the
// attributes in sysfs. Values are in the subsystem's units
// (Documentation/ABI/testing/sysfs-bus-iio), acceleration in g.
package iio

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/internal/devfs"
	"github.com/dunlin-edge/dunlin/hal/internal/tick"
)

// Limits.
const (
	MaxRateHz    = 1e6
	maxPolledHz  = 500
	maxChannels  = 64
	gravity      = 9.80665 // m/s² in g
	blocksSecond = 50      // reads of the buffer
)

// Config says what to read.
type Config struct {
	Root     string   // folder that stands for "/"; "" in earnest
	Device   string   // its name, label, or iio:deviceN
	Channels []string // such as accel_x, voltage0, temp
	RateHz   float64
	Buffered bool   // read the kernel's buffer; otherwise attributes, up to 500 Hz
	Trigger  string // for the buffer; "" leaves the one that is set
	Clock    hal.Clock
}

// A Sensor is an IIO device. It is opened by the first Read, and again after an
// error. One goroutine reads.
type Sensor struct {
	cfg   Config
	root  devfs.Root
	units []string

	mu     sync.Mutex
	dev    *device // nil while none is open
	halted bool
	ctx    context.Context // that closes it
	leave  func() bool
	pace   *tick.Tick // of polling
}

// units of channel types, and what turns the kernel's into them.
var units = []struct {
	prefix, unit string
	factor       float64
}{
	{"accel", "g", 1 / gravity}, {"anglvel", "rad/s", 1}, {"magn", "G", 1}, {"voltage", "V", 1e-3}, {"current", "A", 1e-3}, {"temp", "°C", 1e-3},
	{"humidityrelative", "%", 1e-3}, {"pressure", "kPa", 1}, {"illuminance", "lx", 1}, {"intensity", "", 1}, {"distance", "m", 1}, {"proximity", "", 1},
	{"resistance", "Ω", 1}, {"power", "W", 1e-3}, {"angl", "rad", 1}, {"concentration", "%", 1},
}

func unitOf(channel string) (unit string, factor float64) {
	for _, u := range units {
		if strings.HasPrefix(channel, u.prefix) {
			return u.unit, u.factor
		}
	}
	return "", 1
}

// Open returns a sensor; nothing is touched yet.
func Open(cfg Config) (*Sensor, error) {
	if len(cfg.Channels) == 0 || len(cfg.Channels) > maxChannels {
		return nil, fmt.Errorf("IIO sensor: %d channels, want 1 to %d, such as accel_x", len(cfg.Channels), maxChannels)
	}
	if limit := map[bool]float64{true: MaxRateHz, false: maxPolledHz}[cfg.Buffered]; cfg.RateHz <= 0 || cfg.RateHz > limit {
		return nil, fmt.Errorf("IIO sensor: %v Hz, want up to %v; a buffer allows more than polling", cfg.RateHz, limit)
	}
	if cfg.Device == "" {
		return nil, errors.New("IIO sensor: no device; dunlin sensors scan lists those that are here")
	}
	s := &Sensor{cfg: cfg, root: devfs.Root(cfg.Root), pace: tick.New(cfg.Clock, cfg.RateHz)}
	for i, c := range cfg.Channels {
		if strings.ContainsAny(c, "/\x00") || slices.Contains(cfg.Channels[:i], c) {
			return nil, fmt.Errorf("IIO sensor: channel %.40q appears twice or is no name", c)
		}
		unit, _ := unitOf(c)
		s.units = append(s.units, unit)
	}
	return s, nil
}

// Info implements hal.Sensor.
func (s *Sensor) Info() hal.StreamInfo {
	i := hal.StreamInfo{Kind: hal.KindSamples, Channels: len(s.cfg.Channels), RateHz: s.cfg.RateHz, Names: s.cfg.Channels}
	if i.Unit = s.units[0]; slices.ContainsFunc(s.units, func(u string) bool { return u != i.Unit }) {
		i.Unit = ""
	}
	if i.Unit == "g" {
		i.Kind = hal.KindVibration
	}
	return i
}

// Read implements hal.Sensor.
func (s *Sensor) Read(ctx context.Context, buf []float32) (hal.Block, error) {
	d, err := s.open()
	if err != nil {
		return hal.Block{}, err
	}
	var b hal.Block
	if s.cfg.Buffered {
		s.follow(ctx)
		b, err = d.read(buf)
	} else {
		b, err = s.poll(ctx, d, buf)
	}
	if err == nil {
		return b, nil
	}
	s.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.halted:
		return hal.Block{}, hal.ErrHalted
	case ctx.Err() != nil:
		return hal.Block{}, ctx.Err()
	}
	return hal.Block{}, s.root.Explain("IIO device "+s.cfg.Device, d.node, err)
}

// follow closes the device when ctx ends. With the same one again it costs
// nothing.
func (s *Sensor) follow(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx == ctx {
		return
	}
	if s.leave != nil {
		s.leave()
	}
	s.ctx, s.leave = ctx, context.AfterFunc(ctx, s.close)
}

func (s *Sensor) open() (*device, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.halted {
		return nil, hal.ErrHalted
	}
	if s.dev != nil {
		return s.dev, nil
	}
	d, err := s.find()
	if err != nil {
		return nil, err
	}
	if err := d.prepare(s.cfg); err != nil {
		d.close()
		return nil, s.root.Explain("IIO device "+s.cfg.Device, d.node, err)
	}
	s.dev = d
	s.pace.Begin()
	return d, nil
}

// find looks for the device by name, label or number.
func (s *Sensor) find() (*device, error) {
	all := List(s.cfg.Root)
	for _, f := range all {
		if s.cfg.Device == f.ID || s.cfg.Device == f.Name || s.cfg.Device == f.Label {
			return &device{root: s.root, id: f.ID, node: s.root.Path("dev", f.ID)}, nil
		}
	}
	var names []string
	for _, f := range all {
		names = append(names, f.Name+" ("+f.ID+")")
	}
	here := "none"
	if len(names) > 0 {
		here = strings.Join(names, ", ")
	}
	return nil, fmt.Errorf("%w: no IIO device %.60q; here: %s", hal.ErrAbsent, s.cfg.Device, here)
}

// A Found device is one that the kernel has.
type Found struct {
	ID       string // iio:deviceN
	Name     string
	Label    string
	Channels []string
	Buffered []string  // channels that its buffer can hold
	Rates    []float64 // where it says so
}

// List returns the devices below root.
func List(root string) []Found {
	r := devfs.Root(root)
	dirs, _ := filepath.Glob(r.Path("sys/bus/iio/devices/iio:device*"))
	var all []Found
	for _, dir := range dirs {
		f := Found{ID: filepath.Base(dir)}
		f.Name, _ = r.Attr("sys/bus/iio/devices", f.ID, "name")
		f.Label, _ = r.Attr("sys/bus/iio/devices", f.ID, "label")
		f.Channels = names(dir, "in_", "_raw", "_input")
		f.Buffered = names(filepath.Join(dir, "scan_elements"), "in_", "_en")
		f.Rates = rates(r, f.ID, nil)
		all = append(all, f)
	}
	return all
}

// names lists attributes of a folder by what is between prefix and a suffix.
func names(dir, prefix string, suffixes ...string) []string {
	var out []string
	for _, suffix := range suffixes {
		files, _ := filepath.Glob(filepath.Join(dir, prefix+"*"+suffix))
		for _, f := range files {
			n := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), prefix), suffix)
			if n != "timestamp" && !slices.Contains(out, n) {
				out = append(out, n)
			}
		}
	}
	slices.Sort(out)
	return out
}

// rates lists the rates that a device says it has.
func rates(r devfs.Root, id string, channels []string) []float64 {
	var out []float64
	for _, a := range shared(channels, "sampling_frequency_available") {
		text, err := r.Attr("sys/bus/iio/devices", id, a)
		if err != nil {
			continue
		}
		for _, f := range strings.Fields(strings.Trim(text, "[]")) {
			if v, err := strconv.ParseFloat(f, 64); err == nil {
				out = append(out, v)
			}
		}
		return out
	}
	return nil
}

// shared lists where an attribute of channels may stand: the device's own, or
// that of their type.
func shared(channels []string, attr string) []string {
	all := []string{attr}
	for _, c := range channels {
		kind, _, _ := strings.Cut(strings.TrimRight(c, "0123456789"), "_")
		all = append(all, "in_"+kind+"_"+attr, "in_"+c+"_"+attr)
	}
	return all
}

// poll reads the attributes once.
func (s *Sensor) poll(ctx context.Context, d *device, buf []float32) (hal.Block, error) {
	at, lost, err := s.pace.Wait(ctx)
	if err != nil {
		return hal.Block{}, err
	}
	for i := range d.channels {
		v, err := d.channels[i].now()
		if err != nil {
			return hal.Block{}, err
		}
		buf[i] = float32(v)
	}
	return hal.Block{Frames: 1, Time: at, Lost: lost}, nil
}

func (s *Sensor) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dev != nil {
		s.dev.close()
		s.dev = nil
	}
}

// Halt implements hal.Sensor.
func (s *Sensor) Halt() error {
	s.pace.Halt()
	s.mu.Lock()
	s.halted = true
	s.mu.Unlock()
	s.close()
	return nil
}

// impossible names the nearest rate that a device has.
func impossible(want float64, have []float64) error {
	nearest := slices.MinFunc(have, func(a, b float64) int {
		return int(math.Copysign(1, math.Abs(a-want)-math.Abs(b-want)))
	})
	return fmt.Errorf("it has no rate of %v Hz; the nearest is %v", want, nearest)
}

var errGone = errors.New("it is gone")

func notThere(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, os.ErrClosed) }
