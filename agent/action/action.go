package action

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
)

// sink is the far side of an action.
type sink interface {
	// do hands over one record and its JSON line, which ends in a newline.
	do(ctx context.Context, rec *Record, line []byte) error
}

// driven is what has to be safe when nobody says anything any more.
type driven interface {
	halt() error
	close()
}

// Action filters, queues and carries out. Offer belongs to one goroutine;
// everything else may be called concurrently.
type Action struct {
	cfg    config.Action
	log    *slog.Logger
	sink   sink
	output driven // nil unless it drives something
	waits  bool   // Offer waits for room instead of dropping
	queue  chan Record
	close  sync.Once

	last    time.Time // of the last record taken, for MinInterval
	done    atomic.Uint64
	failed  atomic.Uint64
	dropped atomic.Uint64
	reason  atomic.Pointer[string] // of the last failure; nil after success
}

// Stats counts what became of the records an action took.
type Stats struct {
	Kind    config.ActionKind `json:"kind"`
	Done    uint64            `json:"done"`
	Failed  uint64            `json:"failed"`
	Dropped uint64            `json:"dropped"` // the queue was full
	Waiting int               `json:"waiting"`
	Reason  string            `json:"reason,omitempty"` // why the last one failed
}

// New prepares an action and finds out now what would fail later: a file that
// cannot be opened, a program that is not there.
func New(cfg config.Action, files *Files, log *slog.Logger) (*Action, error) {
	a := &Action{cfg: cfg, log: log, queue: make(chan Record, max(1, cfg.Queue))}
	var err error
	switch cfg.Kind {
	case config.JSON:
		a.waits = true
		a.sink, err = files.open(cfg.File)
	case config.Exec:
		a.sink, err = newProgram(cfg)
	case config.Webhook:
		a.sink = newWebhook(cfg)
	case config.GPIO, config.PWM, config.LED:
		a.cfg.Label = "" // it has to hear of the other labels too
		var o *output
		if o, err = openOutput(cfg); err == nil {
			a.output, a.sink = o, o
		}
	case config.Display:
		var s *screen
		if s, err = openScreen(cfg); err == nil {
			a.output, a.sink = s, s
		}
	default:
		err = fmt.Errorf("unknown kind %q", cfg.Kind)
	}
	if err != nil {
		return nil, fmt.Errorf("action %s: %w", cfg.Kind, err)
	}
	return a, nil
}

// Offer takes a copy of a record if the action wants it. It does not allocate,
// and does not wait unless the action is json.
func (a *Action) Offer(ctx context.Context, rec *Record) {
	if !a.wants(rec) {
		return
	}
	if a.waits {
		select {
		case a.queue <- *rec:
		case <-ctx.Done():
			a.dropped.Add(1)
		}
		return
	}
	select {
	case a.queue <- *rec:
	default:
		a.dropped.Add(1)
	}
}

func (a *Action) wants(rec *Record) bool {
	if rec.Kind != a.cfg.On || a.cfg.Label != "" && rec.Label != a.cfg.Label {
		return false
	}
	if a.cfg.MinInterval > 0 && !a.last.IsZero() && rec.Time.Sub(a.last) < a.cfg.MinInterval {
		return false
	}
	a.last = rec.Time
	return true
}

// Close ends the queue: Run finishes what waits and returns. No Offer may
// follow.
func (a *Action) Close() { a.close.Do(func() { close(a.queue) }) }

// Halt puts what the action drives into its safe state, until the next record.
func (a *Action) Halt() {
	if a.output == nil {
		return
	}
	if err := a.output.halt(); err != nil {
		a.note(err)
	}
}

// Discard gives up an action that was never Run.
func (a *Action) Discard() {
	if a.output != nil {
		a.output.close()
	}
}

// Run carries out until Close, or until ctx ends; what then still waits is
// dropped and counted. What it drives is safe when Run returns, also by a panic.
func (a *Action) Run(ctx context.Context) {
	defer a.Discard()
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	for rec := range a.queue {
		if ctx.Err() != nil {
			a.dropped.Add(1)
			continue
		}
		buf.Reset()
		err := enc.Encode(&rec)
		if err == nil {
			err = a.sink.do(ctx, &rec, buf.Bytes())
		}
		a.note(err)
	}
}

// note counts, and logs when it begins to fail and when it works again.
func (a *Action) note(err error) {
	before := a.reason.Load()
	if err == nil {
		a.done.Add(1)
		a.reason.Store(nil)
		if before != nil {
			a.log.Info("action works again", "action", a.cfg.Kind)
		}
		return
	}
	a.failed.Add(1)
	text := err.Error()
	a.reason.Store(&text)
	if before == nil {
		a.log.Warn("action fails", "action", a.cfg.Kind, "at", a.cfg.At.String(), "err", err)
	}
}

// Stats returns the counts so far.
func (a *Action) Stats() Stats {
	s := Stats{
		Kind: a.cfg.Kind, Done: a.done.Load(), Failed: a.failed.Load(),
		Dropped: a.dropped.Load(), Waiting: len(a.queue),
	}
	if r := a.reason.Load(); r != nil {
		s.Reason = *r
	}
	return s
}
