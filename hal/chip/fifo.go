// Package chip reads sensors by their registers over I2C and SPI: inertial ones
// that fill a FIFO at a rate of their own, and converters that are asked.
//
// Start with [Open] and [Models]. A FIFO is emptied in bursts before it is a
// quarter full; samples get their times by counting them, and what a chip lost is
// counted by the clock. A chip that goes away or answers nonsense is set up anew.
package chip

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/bus"
	"github.com/dunlin-edge/dunlin/hal/internal/tick"
)

// Bounds of reading.
const (
	blockTime   = 20 * time.Millisecond // that one Read waits for more
	stallTime   = 500 * time.Millisecond
	stallFrames = 3 // and so many periods
	patience    = 3 // failures in a row before the chip counts as gone
)

// Config says which chip to read and how.
type Config struct {
	Model    string   // one of Models
	Bus      string   // i2c-1 or spi0.0
	Address  int      // on I2C; 0 is the model's first
	RateHz   float64  // one of the model's
	Range    float64  // full scale: g of acceleration, V of a converter; 0 is the model's first
	Rotation float64  // full scale of rotation, degrees a second; 0 is the model's first
	Channels []string // in the order wanted; none is the model's usual ones
	Buses    Buses    // nil is the machine's
	Clock    hal.Clock
}

// A device is an open chip that fills a FIFO.
type device interface {
	// start identifies the chip, sets it up and starts its FIFO empty.
	start() error
	// drain moves whole frames into buf, as many as it holds. After an error it
	// may be called again.
	drain(buf []float32) (drained, error)
}

// drained is what came out of a FIFO.
type drained struct {
	frames int
	left   int  // frames that are still in it
	gap    bool // samples before them, or with an error the ones that were there, may be lost
}

// A Sensor is a chip. It is opened by the first Read, and again after an error.
// One goroutine reads; Halt and Pace may be called from any.
type Sensor struct {
	cfg   Config
	model *model
	plan  plan
	wait  *tick.Waiter
	poll  time.Duration

	link *link // nil while none is open; the reader's
	dev  device
	ring []float32 // what was read and not handed on
	held int       // frames in it
	at   int       // of them, handed on
	lost uint64    // before the ring's first frame
	miss int       // failures in a row
	gap  bool      // one of them may have lost samples
	next time.Time // when to look again
	data time.Time // when something last came

	mu    sync.Mutex
	meter meter
}

// Open returns a sensor; nothing is touched yet.
func Open(cfg Config) (*Sensor, error) {
	m := find(cfg.Model)
	if m == nil {
		return nil, fmt.Errorf("chip %.40q: unknown; there are %s", cfg.Model, strings.Join(Models(), ", "))
	}
	p, err := m.plan(&cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.name, err)
	}
	if cfg.Buses == nil {
		cfg.Buses = bus.Linux{}
	}
	s := &Sensor{cfg: cfg, model: m, plan: p, wait: tick.NewWaiter(cfg.Clock), meter: newMeter(cfg.RateHz)}
	period := time.Duration(float64(time.Second) / cfg.RateHz)
	s.poll = min(time.Duration(p.depth/4)*period, max(blockTime, period/2))
	s.ring = make([]float32, p.depth*len(p.names))
	return s, nil
}

// Info implements hal.Sensor.
func (s *Sensor) Info() hal.StreamInfo {
	i := hal.StreamInfo{Kind: hal.KindSamples, Channels: len(s.plan.names), RateHz: s.cfg.RateHz, Names: s.plan.names, Unit: s.plan.unit()}
	if i.Unit == "g" {
		i.Kind = hal.KindVibration
	}
	return i
}

// Pace implements hal.Paced.
func (s *Sensor) Pace() hal.Pace {
	s.mu.Lock()
	defer s.mu.Unlock()
	return hal.Pace{RateHz: s.meter.rateHz(), Jitter: time.Duration(s.meter.jitter * float64(time.Second))}
}

// Read implements hal.Sensor.
func (s *Sensor) Read(ctx context.Context, buf []float32) (hal.Block, error) {
	if s.dev == nil {
		if err := s.open(ctx); err != nil {
			return hal.Block{}, err
		}
	}
	width := len(s.plan.names)
	var b hal.Block
	var end time.Time
	for b.Frames*width+width <= len(buf) {
		if s.at == s.held {
			if b.Frames > 0 && !s.next.Before(end) {
				break
			}
			if err := s.look(ctx); err != nil {
				if b.Frames > 0 {
					break // the next Read tells
				}
				return hal.Block{}, err
			}
			continue
		}
		if b.Frames == 0 {
			s.mu.Lock()
			b.Time, b.Lost = s.meter.timeOf(s.held-1-s.at), s.lost
			s.mu.Unlock()
			s.lost = 0
			end = s.wait.Now().Add(blockTime)
		} else if s.lost > 0 {
			break // losses come before a block
		}
		n := copy(buf[b.Frames*width:len(buf)/width*width], s.ring[s.at*width:s.held*width]) / width
		b.Frames, s.at = b.Frames+n, s.at+n
	}
	return b, nil
}

// look waits until it is time and empties the FIFO into the ring.
func (s *Sensor) look(ctx context.Context) error {
	if err := s.wait.Wait(ctx, s.next.Sub(s.wait.Now())); err != nil {
		s.close()
		return err
	}
	now := s.wait.Now()
	if s.next = s.next.Add(s.poll); s.next.Before(now) {
		s.next = now
	}
	d, err := s.dev.drain(s.ring)
	s.at, s.held = 0, d.frames
	if d.gap {
		s.gap, s.data = true, now // it was full, so it does not stand still
	}
	if err != nil {
		if s.miss++; s.miss >= patience {
			return s.gone(err)
		}
		return nil
	}
	s.miss = 0
	if d.left > 0 {
		s.next = now
	}
	if d.frames == 0 {
		period := time.Duration(float64(time.Second) / s.cfg.RateHz)
		if quiet := now.Sub(s.data); quiet > stallTime+stallFrames*period {
			return s.gone(fmt.Errorf("no sample for %s: it stopped, or lost its settings", quiet.Round(time.Millisecond)))
		}
		return nil
	}
	s.count(now, d)
	return nil
}

// count gives the ring's frames their places in time.
func (s *Sensor) count(now time.Time, d drained) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = now
	lost := uint64(0)
	if s.gap {
		lost = s.meter.missing(now, d.frames+d.left)
		if d.gap && s.meter.began { // before that nothing was expected
			lost = max(lost, 1)
		}
		s.gap = false
	}
	s.meter.seen(now.Add(-time.Duration(d.left)*s.meter.period), d.frames, lost)
	s.lost += lost
}

func (s *Sensor) open(ctx context.Context) error {
	if err := s.wait.Wait(ctx, 0); err != nil {
		return err
	}
	l, err := openLink(s.cfg.Buses, s.cfg.Bus, uint16(s.cfg.Address), s.model.spi)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", hal.ErrAbsent, s.model.name, err)
	}
	s.link, s.dev = l, s.model.device(l, &s.plan)
	if err := s.dev.start(); err != nil {
		return s.gone(err)
	}
	s.at, s.held, s.miss, s.gap = 0, 0, 0, false
	s.next = s.wait.Now().Add(s.poll)
	s.data = s.next
	s.mu.Lock()
	s.meter.restart()
	s.mu.Unlock()
	return nil
}

// gone closes the chip and words what happened to it.
func (s *Sensor) gone(err error) error {
	place := s.cfg.Bus
	if s.link.i2c != nil {
		place = fmt.Sprintf("%s, address 0x%02x", place, s.cfg.Address)
	}
	err = fmt.Errorf("%w: %s on %s: %w%s", hal.ErrAbsent, s.model.name, place, err, s.link.why(err))
	s.close()
	return err
}

func (s *Sensor) close() {
	if s.link != nil {
		s.link.close()
		s.link, s.dev = nil, nil
	}
}

// Halt implements hal.Sensor. The bus is closed by the Read that it ends.
func (s *Sensor) Halt() error {
	s.wait.Halt()
	return nil
}

// Models lists the chips.
func Models() []string {
	var all []string
	for _, m := range models() {
		all = append(all, m.name)
	}
	return all
}

func find(name string) *model {
	all := models()
	if i := slices.IndexFunc(all, func(m model) bool { return m.name == name }); i >= 0 {
		return &all[i]
	}
	return nil
}
