package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/telemetry"
)

// Codes of the agent's events. Value and Text are what the comment says.
const (
	eventStart  = telemetry.EventAgent + iota // Text: how the last run ended
	eventFailed                               // Value: restarts so far, Text: who and why
	eventDrift                                // Value: level, 1 warns, 2 alarms; Text: pipeline and features
	eventServer                               // Value: 1 where a model runs on a local server, 0 where on this CPU; Text: pipeline and why
)

// Waits between two tries to open the store.
const (
	firstOpenWait = time.Minute
	lastOpenWait  = 10 * time.Minute
)

// StoreFile is the store's name in telemetry.dir. What is set aside lies beside
// it, under names that begin with it.
const StoreFile = "telemetry.db"

// A recorder keeps records in the store, whatever happens to that. Pipelines
// give it records at any time; what comes while there is no store is counted
// and declared in the next. A nil recorder keeps nothing.
type recorder struct {
	cfg    config.Telemetry
	device string
	boot   [16]byte
	clock  telemetry.Clock
	ticks  hal.Clock // for waits
	check  func(string) error
	log    *slog.Logger

	store  atomic.Pointer[telemetry.Log]
	missed atomic.Uint64 // records without a store, not yet declared
	books  books
}

func newRecorder(cfg *config.Config, o Options) (*recorder, error) {
	if cfg.Telemetry.Dir == "" {
		return nil, nil
	}
	boot, err := bootID()
	if err != nil {
		return nil, err
	}
	clock, err := newBootClock()
	if err != nil {
		return nil, err
	}
	r := &recorder{cfg: cfg.Telemetry, device: cfg.Device.Name, boot: boot, clock: clock, ticks: o.Clock, check: o.CheckStore, log: o.Log}
	if r.check == nil {
		r.check = telemetry.Check
	}
	return r, nil
}

// Result takes a decision. It neither allocates nor waits.
func (r *recorder) result(res telemetry.Result) {
	if r == nil {
		return
	}
	if l := r.store.Load(); l != nil {
		l.Result(res)
		return
	}
	r.missed.Add(1)
}

func (r *recorder) health(h telemetry.Health) {
	if r == nil {
		return
	}
	if l := r.store.Load(); l != nil {
		l.Health(h)
		return
	}
	r.missed.Add(1)
}

func (r *recorder) event(e telemetry.Event) {
	if r == nil {
		return
	}
	if l := r.store.Load(); l != nil {
		l.Event(e)
		return
	}
	r.missed.Add(1)
}

func (r *recorder) capture(c telemetry.Capture) {
	if l := r.store.Load(); l != nil {
		l.Capture(c)
		return
	}
	r.missed.Add(1)
}

// hasten takes that somebody looks at the device for so long.
func (r *recorder) hasten(d time.Duration) {
	if r == nil {
		return
	}
	if l := r.store.Load(); l != nil {
		l.Hasten(d)
	}
}

// open opens the store and declares what was missed without it.
func (r *recorder) open() error {
	if err := os.MkdirAll(r.cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("open telemetry: %w", err)
	}
	l, err := telemetry.New(telemetry.Config{
		Path: filepath.Join(r.cfg.Dir, StoreFile), Identity: r.device, Boot: r.boot, Clock: r.clock,
		MaxBytes: r.cfg.MaxBytes, MaxAge: r.cfg.MaxAge, Logger: r.log, Check: r.check,
	})
	if err != nil {
		return err
	}
	account, err := l.Account()
	if err != nil {
		return errors.Join(err, l.Close())
	}
	l.Lost(r.missed.Swap(0))
	l.Event(telemetry.Event{Code: eventStart, Text: account.Start})
	r.store.Store(l)
	r.books.opened(account)
	if account.Start != "clean" && account.Start != "new" {
		r.log.Warn("telemetry store", "found", account.Start, "epoch", account.Epoch)
	}
	return nil
}

// start opens the store, so that the first records find it. Without one the
// pipelines run all the same.
func (r *recorder) start() {
	if err := r.open(); err != nil {
		r.complain(err)
	}
}

func (r *recorder) complain(err error) {
	r.books.failed(err)
	r.log.Error("telemetry is not kept", "err", err)
}

// run writes until ctx ends, and opens the store again where it must.
func (r *recorder) run(ctx context.Context) {
	wait := firstOpenWait
	for {
		if l := r.store.Load(); l != nil {
			err := l.Run(ctx)
			r.store.Store(nil)
			r.missed.Add(l.Unsaved())
			if err != nil {
				r.complain(err)
			}
			if ctx.Err() != nil {
				return
			}
		} else if !pause(ctx, r.ticks.After(wait)) {
			return
		}
		if err := r.open(); err != nil {
			r.complain(err)
			wait = min(2*wait, lastOpenWait)
			continue
		}
		wait = firstOpenWait
	}
}

// books are what status tells about the store, kept so that a disk that hangs
// holds up nobody who asks.
type books struct {
	mu      sync.Mutex
	busy    bool
	account telemetry.Account
	err     string
	size    int64
	read    chan struct{} // closed when the reading under way is over
}

func (b *books) opened(a telemetry.Account) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.account, b.err = a, ""
}

func (b *books) failed(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err.Error()
}

// refresh reads the counters again, waiting at most a while for them.
func (b *books) refresh(l *telemetry.Log, path string) {
	b.mu.Lock()
	if !b.busy {
		b.busy, b.read = true, make(chan struct{})
		go b.load(l, path, b.read)
	}
	read := b.read
	b.mu.Unlock()
	select {
	case <-read:
	case <-time.After(100 * time.Millisecond):
	}
}

func (b *books) load(l *telemetry.Log, path string, read chan struct{}) {
	defer close(read)
	a, err := l.Account()
	info, serr := os.Stat(path)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.busy = false
	if err == nil {
		b.account = a
	}
	if serr == nil {
		b.size = info.Size()
	}
}

// TelemetryStatus accounts for the records of this device:
// Produced = Delivered + Waiting + all of Dropped, of records that are sealed.
type TelemetryStatus struct {
	Keeping   bool              `json:"keeping"` // there is a store
	Epoch     uint32            `json:"epoch"`
	Found     string            `json:"found"` // at the last opening: clean, unclean, new, damaged, copied or foreign
	Produced  uint64            `json:"produced"`
	Delivered uint64            `json:"delivered"`
	Waiting   uint64            `json:"waiting"`
	Dropped   map[string]uint64 `json:"dropped"`  // by reason
	Unsealed  uint64            `json:"unsealed"` // in RAM, or lost and not yet declared
	FileBytes int64             `json:"file_bytes"`
	MaxBytes  int64             `json:"max_bytes"`
	Error     string            `json:"error,omitempty"` // why there is no store
}

func (r *recorder) status() *TelemetryStatus {
	if r == nil {
		return nil
	}
	s := &TelemetryStatus{MaxBytes: r.cfg.MaxBytes, Unsealed: r.missed.Load(), Dropped: map[string]uint64{}}
	if l := r.store.Load(); l != nil {
		s.Keeping = true
		s.Unsealed += l.Unsaved()
		r.books.refresh(l, filepath.Join(r.cfg.Dir, StoreFile))
	}
	r.books.mu.Lock()
	defer r.books.mu.Unlock()
	s.Epoch, s.Found, s.FileBytes, s.Error = r.books.account.Epoch, r.books.account.Start, r.books.size, r.books.err
	for _, c := range r.books.account.Epochs {
		s.Produced += c.Next
		s.Delivered += c.Delivered
		s.Waiting += c.Waiting
		for why, n := range c.Dropped {
			if n > 0 {
				s.Dropped[telemetry.Reason(why).String()] += n
			}
		}
	}
	return s
}
