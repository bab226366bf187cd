package chip

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/internal/tick"
)

// Bounds of reading.
const (
	blockTime   = 20 * time.Millisecond // that one Read waits for more
	stallTime   = 500 * time.Millisecond
	stallFrames = 3                    // and so many periods
	patience    = 3                    // failures in a row before the chip counts as gone
	promptly    = 2 * time.Millisecond // for a level: later nobody knows when it was true
)

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
	gap    bool // samples before them, or with an error the ones that were there, may be lost: what there is goes too
}

// A fifoSensor is a chip with a FIFO. It is opened by the first Read, and again
// after an error. One goroutine reads; Halt and Pace may be called from any.
type fifoSensor struct {
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

func openFIFO(m *model, cfg Config) (*fifoSensor, error) {
	p, err := m.plan(&cfg)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.name, err)
	}
	s := &fifoSensor{cfg: cfg, model: m, plan: p, wait: tick.NewWaiter(cfg.Clock), meter: newMeter(cfg.RateHz)}
	period := time.Duration(float64(time.Second) / cfg.RateHz)
	s.poll = pollTime(time.Duration(p.depth)*period, period)
	s.ring = make([]float32, p.depth*len(p.names))
	return s, nil
}

// pollTime is how long a FIFO that holds full is left alone: two fifths of it.
// From a millisecond on it is a whole number of them and a little more, because
// Go's timers round the kernel's sleep down to milliseconds, and what is left
// makes a second one.
func pollTime(full, period time.Duration) time.Duration {
	d := min(full*2/5, max(blockTime, period/2))
	if d > time.Millisecond {
		d = d.Truncate(time.Millisecond) + 20*time.Microsecond
	}
	return d
}

// Info implements hal.Sensor.
func (s *fifoSensor) Info() hal.StreamInfo {
	i := hal.StreamInfo{Kind: hal.KindSamples, Channels: len(s.plan.names), RateHz: s.cfg.RateHz, Names: s.plan.names, Unit: s.plan.unit()}
	if i.Unit == "g" {
		i.Kind = hal.KindVibration
	}
	return i
}

// Pace implements hal.Paced.
func (s *fifoSensor) Pace() hal.Pace {
	s.mu.Lock()
	defer s.mu.Unlock()
	return hal.Pace{RateHz: s.meter.rateHz(), Jitter: time.Duration(s.meter.jitter * float64(time.Second))}
}

// Read implements hal.Sensor.
func (s *fifoSensor) Read(ctx context.Context, buf []float32) (hal.Block, error) {
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
func (s *fifoSensor) look(ctx context.Context) error {
	if err := s.wait.Wait(ctx, s.next.Sub(s.wait.Now())); err != nil {
		s.close()
		return err
	}
	now := s.wait.Now()
	d, err := s.dev.drain(s.ring)
	// The machine may have been elsewhere for long, also in between.
	after := s.wait.Now()
	s.next = after.Add(s.poll)
	s.at, s.held = 0, 0
	if d.gap || d.frames > 0 { // what was full does not stand still
		s.gap, s.data = s.gap || d.gap, after
	}
	if err != nil {
		if s.miss++; s.miss >= patience {
			return s.gone(err)
		}
		return nil
	}
	s.miss = 0
	if d.left > 0 {
		s.next = after
	}
	if d.frames == 0 {
		period := time.Duration(float64(time.Second) / s.cfg.RateHz)
		if quiet := now.Sub(s.data); quiet > stallTime+stallFrames*period {
			return s.gone(fmt.Errorf("no sample for %s: it stopped, or lost its settings", quiet.Round(time.Millisecond)))
		}
		return nil
	}
	if !d.gap {
		s.count(now, d)
	}
	return nil
}

// count gives the ring's frames their places in time. After a gap that is a
// matter of the clock: frames whose level was not read promptly go too.
func (s *fifoSensor) count(now time.Time, d drained) {
	s.mu.Lock()
	defer s.mu.Unlock()
	prompt := s.link.levelAt.Sub(now) <= promptly
	if s.gap && !prompt {
		return
	}
	lost := s.meter.missing(now, d.frames+d.left)
	if s.gap && s.meter.began { // before that nothing was expected
		lost = max(lost, 1)
	} else if !prompt || lost <= uint64(s.plan.depth/2) { // the chip's clock, and the time of reading
		lost = 0
	}
	s.gap, s.held = false, d.frames
	s.meter.seen(now.Add(-time.Duration(d.left)*s.meter.period), d.frames, lost, prompt)
	s.lost += lost
}

func (s *fifoSensor) open(ctx context.Context) error {
	if err := s.wait.Wait(ctx, 0); err != nil {
		return err
	}
	l, err := openLink(s.cfg.Buses, s.cfg.Bus, uint16(s.cfg.Address), s.model.spi, s.wait.Now)
	if err != nil {
		return absent(s.model.name, err)
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
func (s *fifoSensor) gone(err error) error {
	err = s.link.explain(s.model.name, s.cfg.Bus, err)
	s.close()
	return err
}

func (s *fifoSensor) close() {
	if s.link != nil {
		s.link.close()
		s.link, s.dev = nil, nil
	}
}

// Halt implements hal.Sensor. The bus is closed by the Read that it ends.
func (s *fifoSensor) Halt() error {
	s.wait.Halt()
	return nil
}
