// Package serial reads sensors that talk over serial ports: lines of numbers
// (CSV, NMEA), binary frames, and registers over Modbus, RTU and TCP.
//
// Start with [OpenLines], [OpenFrames] and [OpenModbus]. A port is opened by the
// first Read, and again after an error. What comes garbled is counted as lost.
package serial

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	bugst "go.bug.st/serial"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/internal/devfs"
)

// PortConfig describes a serial port.
type PortConfig struct {
	Device string // /dev/ttyUSB0
	Baud   int
	Parity string // "none", "even" or "odd"
	Stop   int    // bits: 1 or 2
}

// StreamConfig describes the numbers that come.
type StreamConfig struct {
	RateHz float64 // how often a reading comes, or is asked for
	Unit   string
	Names  []string // of the channels; their number is the channels'
	Kind   string   // hal.KindSamples where empty
}

func (c *StreamConfig) check() error {
	if c.RateHz <= 0 || c.RateHz > 10000 || len(c.Names) == 0 || len(c.Names) > 64 {
		return fmt.Errorf("serial sensor: %v Hz, %d channels: want up to 10000 Hz and 1 to 64 channels", c.RateHz, len(c.Names))
	}
	if c.Kind == "" {
		c.Kind = hal.KindSamples
	}
	return nil
}

func (c *StreamConfig) info() hal.StreamInfo {
	return hal.StreamInfo{Kind: c.Kind, Channels: len(c.Names), RateHz: c.RateHz, Unit: c.Unit, Names: c.Names}
}

// stall is how long a talker may be silent: three readings, a second at least.
func (c *StreamConfig) stall() time.Duration {
	return max(time.Second, time.Duration(3*float64(time.Second)/c.RateHz))
}

func (c *PortConfig) check() error {
	if c.Device == "" || c.Device[0] != '/' {
		return fmt.Errorf("serial port %.100q: want a device such as /dev/ttyUSB0", c.Device)
	}
	if c.Baud < 50 || c.Baud > 4_000_000 || c.Stop < 1 || c.Stop > 2 {
		return fmt.Errorf("serial port %s: %d baud, %d stop bits: want 50 to 4000000 and 1 or 2", c.Device, c.Baud, c.Stop)
	}
	if _, ok := parities[c.Parity]; !ok {
		return fmt.Errorf("serial port %s: parity %.20q: want none, even or odd", c.Device, c.Parity)
	}
	return nil
}

var parities = map[string]bugst.Parity{"none": bugst.NoParity, "even": bugst.EvenParity, "odd": bugst.OddParity}

// port is an open serial port whose reads give up after a while.
type port struct {
	bugst.Port
	stall time.Duration
}

var errSilent = errors.New("silent")

func openPort(c PortConfig, stall time.Duration) (*port, error) {
	stop := bugst.OneStopBit
	if c.Stop == 2 {
		stop = bugst.TwoStopBits
	}
	p, err := bugst.Open(c.Device, &bugst.Mode{BaudRate: c.Baud, DataBits: 8, Parity: parities[c.Parity], StopBits: stop})
	if err != nil {
		return nil, plain(err)
	}
	if err := p.SetReadTimeout(stall); err != nil {
		p.Close()
		return nil, err
	}
	return &port{p, stall}, nil
}

// plain turns the library's errors into the system's.
func plain(err error) error {
	var e *bugst.PortError
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() {
	case bugst.PortBusy:
		return syscall.EBUSY
	case bugst.PermissionDenied:
		return fs.ErrPermission
	case bugst.PortNotFound:
		return fs.ErrNotExist
	case bugst.PortClosed:
		return os.ErrClosed
	}
	return err
}

func (p *port) Read(b []byte) (int, error) {
	n, err := p.Port.Read(b)
	if err != nil {
		return n, plain(err)
	}
	if n == 0 {
		return 0, fmt.Errorf("%w for %s", errSilent, p.stall)
	}
	return n, nil
}

// device opens something when it is needed and lets go of it when it fails.
type device[T interface{ Close() error }] struct {
	name string // for errors
	path string
	open func() (T, error)

	mu     sync.Mutex
	is     T
	has    bool
	halted bool
	ctx    context.Context
	leave  func() bool
}

// get returns what is open. It is closed when ctx ends.
func (d *device[T]) get(ctx context.Context) (T, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var none T
	if d.halted {
		return none, hal.ErrHalted
	}
	if d.ctx != ctx {
		if d.leave != nil {
			d.leave()
		}
		d.ctx, d.leave = ctx, context.AfterFunc(ctx, d.drop)
	}
	if !d.has {
		var err error
		if d.is, err = d.open(); err != nil {
			return none, devfs.Root("").Explain(d.name, d.path, err)
		}
		d.has = true
	}
	return d.is, nil
}

// fail lets go and words the error.
func (d *device[T]) fail(ctx context.Context, err error) error {
	d.drop()
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.halted:
		return hal.ErrHalted
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, os.ErrClosed):
		err = syscall.ENODEV // nobody here closed it
	}
	return devfs.Root("").Explain(d.name, d.path, err)
}

func (d *device[T]) drop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.has {
		_ = d.is.Close()
		d.has = false
	}
}

func (d *device[T]) halt() error {
	d.mu.Lock()
	d.halted = true
	d.mu.Unlock()
	d.drop()
	return nil
}
