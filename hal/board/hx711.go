package board

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/internal/devfs"
	"github.com/dunlin-edge/dunlin/hal/internal/tick"
)

// HX711Config says where an HX711 is and what its counts mean.
type HX711Config struct {
	Root        string
	Clock, Data string // lines of PD_SCK and DOUT
	Gain        int    // 128 or 64 of channel A, 32 of channel B
	RateHz      float64
	Offset      float64 // counts of no load
	Scale       float64 // of a count, in Unit
	Unit        string
	Time        hal.Clock
	open        func() (wires, error) // nil are the lines
}

// The clock may be high for 50 µs: from 60 on the chip goes to sleep, and what it
// says is void (data sheet HX711, "Reset and Power-Down"). Linux may well stop in
// between, so that a reading is tried again.
const (
	hxHigh  = 50 * time.Microsecond
	hxSleep = 100 * time.Microsecond
	hxTries = 5
	hxMost  = 80 // Hz
	hxWait  = time.Second
)

// hxPulses are the clocks of one reading, by what the next one is to be.
var hxPulses = map[int]int{128: 25, 32: 26, 64: 27}

// wires are the two pins.
type wires interface {
	Clock(high bool) error
	Data() (high bool, err error)
	Close() error
}

// HX711 is Avia's converter of load cells, read bit by bit. It is opened by the
// first Read, and again after an error. One goroutine reads.
//
// periph's driver is not used: it does not notice that the clock was high for
// too long.
type HX711 struct {
	cfg   HX711Config
	pace  *tick.Tick
	wait  *tick.Waiter
	wires wires // nil while none are open
	fresh bool  // the next conversion is of channel A with gain 128
}

// OpenHX711 returns a sensor; nothing is touched yet.
func OpenHX711(cfg HX711Config) (*HX711, error) {
	switch {
	case hxPulses[cfg.Gain] == 0:
		return nil, fmt.Errorf("HX711: gain %d: it has 128 and 64 on channel A, 32 on channel B", cfg.Gain)
	case !(cfg.RateHz > 0 && cfg.RateHz <= hxMost):
		return nil, fmt.Errorf("HX711: it has no rate of %v Hz; the nearest is %d", cfg.RateHz, hxMost)
	case cfg.Scale == 0:
		return nil, errors.New("HX711: a scale of 0 makes every load 0")
	}
	if cfg.open == nil {
		cfg.open = func() (wires, error) { return openWires(devfs.Root(cfg.Root), cfg.Clock, cfg.Data) }
	}
	return &HX711{cfg: cfg, pace: tick.New(cfg.Time, cfg.RateHz), wait: tick.NewWaiter(cfg.Time)}, nil
}

// Info implements hal.Sensor.
func (h *HX711) Info() hal.StreamInfo {
	return hal.StreamInfo{Kind: hal.KindSamples, Channels: 1, RateHz: h.cfg.RateHz, Unit: h.cfg.Unit, Names: []string{"load"}}
}

// Read implements hal.Sensor: one value.
func (h *HX711) Read(ctx context.Context, buf []float32) (hal.Block, error) {
	at, lost, err := h.pace.Wait(ctx)
	if err == nil {
		err = h.wait.Wait(ctx, 0)
	}
	if err == nil && h.wires == nil {
		err = h.start(ctx)
	}
	var counts int32
	if err == nil {
		counts, err = h.measure(ctx)
	}
	if err != nil {
		h.close()
		return hal.Block{}, err
	}
	buf[0] = float32((float64(counts) - h.cfg.Offset) * h.cfg.Scale)
	return hal.Block{Frames: 1, Time: at, Lost: lost}, nil
}

// start opens the lines and begins anew.
func (h *HX711) start(ctx context.Context) (err error) {
	if h.wires, err = h.cfg.open(); err != nil {
		h.wires = nil
		return err
	}
	return h.restart(ctx)
}

// restart puts the chip to sleep and wakes it: nobody knows which bit is next.
func (h *HX711) restart(ctx context.Context) error {
	h.fresh = true
	return errors.Join(h.wires.Clock(true), h.wait.Wait(ctx, hxSleep), h.wires.Clock(false))
}

// measure reads until no clock of a reading was too long. A reading says what the
// next conversion is to be of, so that the first one counts for that only.
func (h *HX711) measure(ctx context.Context) (int32, error) {
	for tries := 0; tries < hxTries; {
		if err := h.ready(ctx); err != nil {
			return 0, err
		}
		counts, held, err := h.shift()
		switch {
		case err != nil:
			return 0, err
		case !held:
			tries++
			if err := h.restart(ctx); err != nil {
				return 0, err
			}
		case h.fresh:
			h.fresh = false
		default:
			return counts, nil
		}
	}
	return 0, fmt.Errorf("%w: HX711 on %s and %s: %d readings in a row were interrupted: the machine is too busy", hal.ErrAbsent, h.cfg.Clock, h.cfg.Data, hxTries)
}

// ready waits for a conversion.
func (h *HX711) ready(ctx context.Context) error {
	for end := h.wait.Now().Add(hxWait); ; {
		high, err := h.wires.Data()
		switch {
		case err != nil:
			return err
		case !high:
			return nil
		case h.wait.Now().After(end):
			return fmt.Errorf("%w: HX711 on %s and %s: no conversion for %s: check wires and power", hal.ErrAbsent, h.cfg.Clock, h.cfg.Data, hxWait)
		}
		if err := h.wait.Wait(ctx, time.Millisecond); err != nil {
			return err
		}
	}
}

// shift clocks the bits out; held is false where a clock was high for too long.
func (h *HX711) shift() (counts int32, held bool, err error) {
	value := uint32(0)
	for i := range hxPulses[h.cfg.Gain] {
		began := h.wait.Now()
		if err := h.wires.Clock(true); err != nil {
			return 0, false, err
		}
		high, err := h.wires.Data()
		if err := errors.Join(err, h.wires.Clock(false)); err != nil {
			return 0, false, err
		}
		if h.wait.Now().Sub(began) > hxHigh {
			return 0, false, nil
		}
		if i < 24 {
			value <<= 1
			if high {
				value |= 1
			}
		}
	}
	return int32(value<<8) >> 8, true, nil
}

func (h *HX711) close() {
	if h.wires != nil {
		_ = h.wires.Close()
		h.wires = nil
	}
}

// Halt implements hal.Sensor. The lines are given back by the Read that it ends.
func (h *HX711) Halt() error {
	h.pace.Halt()
	h.wait.Halt()
	return nil
}

// pinWires are lines of the machine.
type pinWires struct {
	clock *Line
	data  *input
}

func openWires(root devfs.Root, clock, data string) (wires, error) {
	c, err := OpenLine(LineConfig{Root: string(root), Line: clock})
	if err != nil {
		return nil, err
	}
	d, err := openInput(root, data)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &pinWires{c, d}, nil
}

func (w *pinWires) Clock(high bool) error { return w.clock.put(high) }
func (w *pinWires) Data() (bool, error)   { return w.data.level() }
func (w *pinWires) Close() error          { return errors.Join(w.clock.Close(), w.data.fd.Close()) }
