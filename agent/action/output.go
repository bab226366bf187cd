package action

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/board"
)

// output switches an actuator by labels. It is off, its safe state, until a
// record says otherwise, and whenever nobody could say otherwise any more.
type output struct {
	label         string
	pulse, minOff time.Duration
	clock         hal.Clock

	mu     sync.Mutex
	device actuator
	on     bool
	offAt  time.Time // when it went off; zero at first
	turn   int       // counts what was asked, so that an old pulse does not end a new one
	closed bool
}

type actuator interface {
	hal.Actuator
	Close() error
}

func openOutput(cfg config.Action) (*output, error) {
	c := cfg.Output
	o := &output{label: cfg.Label, pulse: c.Pulse, minOff: c.MinOff, clock: hal.Wall{}}
	var err error
	switch cfg.Kind {
	case config.GPIO:
		o.device, err = board.OpenLine(board.LineConfig{Root: c.Root, Line: c.Line, ActiveLow: c.ActiveLow})
	case config.LED:
		o.device, err = board.OpenLED(c.Root, c.Line)
	default:
		o.device, err = board.OpenPWM(board.PWMConfig{Root: c.Root, Channel: c.Channel, Period: c.Period, Low: c.Off, High: c.On})
	}
	if err != nil {
		return nil, err
	}
	return o, nil
}

// leave is the event of a label that holds no more.
const leave = "leave"

var errTooSoon = errors.New("switched off too short a time ago (min_off)")

// do implements sink.
func (o *output) do(ctx context.Context, rec *Record, _ []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
		return hal.ErrHalted
	case rec.Label == o.label && rec.Event != leave:
		return o.begin(ctx)
	case o.pulse == 0:
		return o.end()
	}
	return nil
}

// begin switches on, or lets a pulse that runs begin anew. o.mu is held.
func (o *output) begin(ctx context.Context) error {
	if !o.on && !o.offAt.IsZero() && o.clock.Now().Sub(o.offAt) < o.minOff {
		return errTooSoon
	}
	if !o.on {
		o.on = true // also where Set fails: nobody knows what it did
		if err := o.device.Set(ctx, 1); err != nil {
			return err
		}
	}
	o.turn++
	if o.pulse > 0 {
		go o.expire(o.turn, o.clock.After(o.pulse))
	}
	return nil
}

func (o *output) expire(turn int, over <-chan time.Time) {
	<-over
	o.mu.Lock()
	defer o.mu.Unlock()
	if turn == o.turn && !o.closed {
		_ = o.end() // the next record tells
	}
}

// end switches off; o.mu is held.
func (o *output) end() error {
	if !o.on {
		return nil
	}
	o.turn++
	if err := o.device.Halt(); err != nil {
		return err
	}
	o.on, o.offAt = false, o.clock.Now()
	return nil
}

func (o *output) halt() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil
	}
	return o.end()
}

func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.closed = true
		_ = o.device.Close() // it goes off, or is gone
	}
}
