package ship

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/telemetry"
)

// Store is what the shipper needs of a [telemetry.Log].
type Store interface {
	Pending(most int, lowest telemetry.Kind, skip func(telemetry.Sealed) bool) ([]telemetry.Sealed, error)
	Ack(telemetry.Ack) error
	Account() (telemetry.Account, error)
	Sealed() <-chan struct{}
}

// Transport sends a chunk towards the controller. That it returns without an
// error proves nothing. It returns soon after ctx ends.
type Transport interface {
	Publish(ctx context.Context, chunk []byte) error
}

// Config configures a Shipper.
type Config struct {
	Store     Store
	Transport Transport
	Meter     *Meter
	Clock     telemetry.Clock
	Window    int          // chunks in flight, 8 to 32; 0: 16
	Logger    *slog.Logger // nil: silent
}

func (cfg *Config) validate() error {
	if cfg.Window == 0 {
		cfg.Window = 16
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case cfg.Store == nil || cfg.Transport == nil || cfg.Meter == nil || cfg.Clock == nil:
		return errors.New("no store, transport, meter or clock")
	case cfg.Window < 8 || cfg.Window > 32:
		return fmt.Errorf("window of %d chunks, want 8 to 32", cfg.Window)
	}
	return nil
}

const (
	publishWait = 30 * time.Second // for one chunk
	answerWait  = 5 * time.Second  // for the controller's word after hello
	minResend   = 10 * time.Second
	maxResend   = 5 * time.Minute
	firstRetry  = time.Second // after a publish that failed
	idle        = time.Minute
	readRetry   = 5 * time.Second
)

// Shipper sends what waits. Its methods may be called concurrently; Run is
// called once.
type Shipper struct {
	cfg    Config
	wake   chan struct{}
	jitter func() float64 // 0 to 1

	mu      sync.Mutex
	flights map[flight]*sent
	link    Link
	hold    time.Duration // nothing is sent before: since boot
	fails   int           // publishes failed in a row
	rtt     time.Duration // 0: not known
	stats   Stats
	told    bool // a refused ack was logged
}

// flight names a chunk on its way.
type flight struct {
	kind  telemetry.Kind
	epoch uint32
	telemetry.Range
}

type sent struct {
	tries   int
	at, due time.Duration     // since boot
	holds   []telemetry.Range // what an ack must cover
}

// Stats count since the start.
type Stats struct {
	Sent     uint64        `json:"sent"`     // chunks, again included
	Again    uint64        `json:"again"`    // chunks sent more than once
	Acked    uint64        `json:"acked"`    // chunks in flight that an ack covered
	Refused  uint64        `json:"refused"`  // acks that could not be true
	Failed   uint64        `json:"failed"`   // publishes
	InFlight int           `json:"inflight"` // chunks now
	RTT      time.Duration `json:"rtt_ns"`   // smoothed, from sending a chunk to its ack
	Error    string        `json:"error,omitempty"`
}

// New returns a shipper that waits for the first Hello.
func New(cfg Config) (*Shipper, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("ship telemetry: %w", err)
	}
	return &Shipper{
		cfg: cfg, wake: make(chan struct{}, 1), jitter: rand.Float64,
		flights: map[flight]*sent{}, hold: never,
	}, nil
}

const never = 1<<63 - 1

// Standing is where the store stands; a connection's hello tells it.
type Standing struct {
	Epoch    uint32
	Lo, Next uint64 // first number that waits, number of the next record
}

// Hello begins a new connection over a link of the given kind and returns what
// its hello says. All that was in flight counts as lost; sending begins with
// the controller's answer, or without it after 5 s.
func (s *Shipper) Hello(l Link) (Standing, error) {
	a, err := s.cfg.Store.Account()
	if err != nil {
		return Standing{}, fmt.Errorf("hello: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.flights)
	s.link, s.fails, s.hold = l, 0, s.cfg.Clock.Mono()+answerWait
	s.nudge()
	return Standing{a.Epoch, a.Lo, a.Epochs[a.Epoch].Next}, nil
}

// Offline stops sending until the next Hello. Without it, a connection that
// is gone shows by publishes that fail.
func (s *Shipper) Offline() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.flights)
	s.hold = never
}

// Ack takes an ack whose signature was verified. One that cannot be true is
// refused, counted and logged once.
func (s *Shipper) Ack(a telemetry.Ack) {
	err := s.cfg.Store.Ack(a)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.refuse(err)
		return
	}
	now := s.cfg.Clock.Mono()
	for f, x := range s.flights {
		if !covered(a, f.epoch, x.holds) {
			continue
		}
		if x.tries == 1 { // after a resend nobody knows which one was answered
			s.measure(now - x.at)
		}
		s.stats.Acked++
		delete(s.flights, f)
	}
	if s.hold != never && s.fails == 0 {
		s.hold = min(s.hold, now) // the answer to hello
	}
	s.nudge()
}

func (s *Shipper) refuse(err error) {
	s.stats.Refused++
	s.stats.Error = err.Error()
	if !s.told {
		s.told = true
		s.cfg.Logger.Warn("telemetry ack refused; later ones are only counted", slog.Any("error", err))
	}
}

func covered(a telemetry.Ack, epoch uint32, all []telemetry.Range) bool {
	for _, r := range all {
		if !a.Covers(epoch, r) {
			return false
		}
	}
	return true
}

// measure smooths the round trip as TCP does (RFC 6298).
func (s *Shipper) measure(d time.Duration) {
	if s.rtt == 0 {
		s.rtt = d
	}
	s.rtt += (d - s.rtt) / 8
}

func (s *Shipper) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Stats returns the counts.
func (s *Shipper) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.RTT, st.InFlight = s.rtt, s.inFlight(s.cfg.Clock.Mono())
	return st
}

// Run sends until ctx ends.
func (s *Shipper) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-s.cfg.Store.Sealed():
		case <-timer.C:
		}
		timer.Reset(s.step(ctx))
	}
}
