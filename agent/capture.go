package agent

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/telemetry"
	"github.com/dunlin-edge/dunlin/telemetry/capture"
)

// CaptureFolder is the name of the captures' folder in telemetry.dir.
const CaptureFolder = "captures"

// captures writes the windows that taps hand over. A nil one keeps none, nor does
// one without a store.
type captures struct {
	cfg     *config.Config
	store   atomic.Pointer[capture.Store]
	records *recorder
	ticks   hal.Clock
	log     *slog.Logger
	queue   chan *slot

	busy, limited atomic.Uint64
	mu            sync.Mutex
	stats         CaptureStatus
	asked         bool // a pipeline wants captures, or wanted them
}

// CaptureStatus tells what became of the windows that were asked for.
type CaptureStatus struct {
	Kept    uint64 `json:"kept"`    // since start
	Limited uint64 `json:"limited"` // not kept: a cap or min_interval
	Busy    uint64 `json:"busy"`    // not kept: the disk was slower
	Failed  uint64 `json:"failed"`  // not kept: the disk said no
	Files   int    `json:"files"`   // there now
	Bytes   int64  `json:"bytes"`
	Error   string `json:"error,omitempty"` // of the last that failed
}

// CaptureStore opens the captures of a configuration, with their key where
// there is one; create makes it where it is missing.
func CaptureStore(cfg *config.Config, create bool) (*capture.Store, error) {
	c := cfg.Telemetry.Captures
	var key *capture.Key
	if c.Key != "" {
		var err error
		if key, err = capture.LoadKey(c.Key, create); err != nil {
			return nil, err
		}
	}
	return capture.New(capture.Config{
		Dir: filepath.Join(cfg.Telemetry.Dir, CaptureFolder), Key: key,
		MaxBytes: c.MaxBytes, MaxAge: c.MaxAge, DayBytes: c.DayBytes, DayFiles: c.DayFiles,
	}), nil
}

// maxWaiting is how many windows of all pipelines may wait for the disk.
const maxWaiting = 256

// newCaptures prepares for the captures that pipelines ask for.
func newCaptures(cfg *config.Config, records *recorder, o Options) *captures {
	if records == nil {
		return nil
	}
	return &captures{cfg: cfg, records: records, ticks: o.Clock, log: o.Log, queue: make(chan *slot, maxWaiting)}
}

// open opens the store for the first pipeline that asks for captures. Without
// the key they are to be encrypted with there are none, and the pipelines run
// all the same.
func (c *captures) open() *capture.Store {
	if s := c.store.Load(); s != nil {
		return s
	}
	s, err := CaptureStore(c.cfg, true)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = true
	if err != nil {
		c.log.Error("nothing is captured", "err", err)
		c.stats.Error = err.Error()
		return nil
	}
	c.store.Store(s)
	return s
}

// start writes what comes. The function it returns writes what is left once the
// pipelines have ended, and tells false if it gave up because hard ended.
func (c *captures) start(hard context.Context) (end func() bool) {
	if c == nil {
		return func() bool { return true }
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.run()
	}()
	return func() bool {
		close(c.queue)
		select {
		case <-done:
			return true
		case <-hard.Done():
			return false
		}
	}
}

// sweepEvery is the time between two looks for captures that are too old.
const sweepEvery = time.Hour

func (c *captures) run() {
	c.sweep()
	again := c.ticks.After(sweepEvery)
	for {
		select {
		case s, open := <-c.queue:
			if !open {
				return
			}
			c.write(s)
			s.free <- s
		case <-again:
			c.sweep()
			again = c.ticks.After(sweepEvery)
		}
	}
}

func (c *captures) sweep() {
	if s := c.store.Load(); s != nil {
		c.note(s.Sweep(), "sweep captures")
	}
}

// write keeps one window, and then the record that refers to it.
func (c *captures) write(s *slot) {
	id, size, err := c.add(s)
	s.answer(captured{id, size, err})
}

// answer tells whoever asked for a window, if somebody did.
func (s *slot) answer(c captured) {
	if s.tell != nil {
		s.tell <- c // has room
	}
}

func (c *captures) add(s *slot) (id string, bytes int64, err error) {
	wall, synced := c.records.clock.Wall()
	m := s.about
	m.Time, m.Synced, m.Device = wall, synced, c.cfg.Device.Name
	m.State, m.Input, m.Output = s.snap.State, s.snap.Input, s.snap.Output
	e, size, err := c.store.Load().Add(&m)
	if errors.Is(err, capture.ErrLimit) {
		c.limited.Add(1)
		return "", 0, err
	}
	c.note(err, "keep capture")
	if err != nil {
		return "", 0, err
	}
	var sum [32]byte
	if _, err := hex.Decode(sum[:], []byte(e.ID)); err != nil {
		panic(err) // the store made it
	}
	c.records.capture(telemetry.Capture{Digest: sum, Size: uint32(size), Why: uint8(m.Why)})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Kept++
	return e.ID, int64(size), nil
}

// note counts a failure, logs the first of a row, and looks what is there.
func (c *captures) note(err error, what string) {
	all, lerr := c.store.Load().List()
	c.mu.Lock()
	defer c.mu.Unlock()
	if lerr == nil {
		c.stats.Files, c.stats.Bytes = len(all), 0
		for _, e := range all {
			c.stats.Bytes += e.Bytes
		}
	}
	if err == nil {
		c.stats.Error = ""
		return
	}
	c.stats.Failed++
	if c.stats.Error == "" {
		c.log.Error(what, "err", err)
	}
	c.stats.Error = err.Error()
}

func (c *captures) status() *CaptureStatus {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.asked {
		return nil
	}
	s := c.stats
	s.Limited, s.Busy = c.limited.Load(), c.busy.Load()
	return &s
}
