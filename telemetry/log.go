package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	maxRecords = 500  // of a chunk
	clockStep  = 1000 // ms that make an event
	maxAcks    = 64
	retryAfter = 5 * time.Second
	soonAge    = 5 * time.Second
)

// spares is how many chunks of each kind may wait in RAM for the disk, beside
// the open one: some 3,400 results.
var spares = [stored]int{3, 7, 2, 2}

// Log takes records and keeps them. Its methods may be called concurrently;
// those that take records neither allocate nor wait for the disk.
type Log struct {
	cfg   Config
	store *store
	wake  chan struct{}

	sealed chan struct{}

	writing sync.Mutex // one step at a time

	mu     sync.Mutex // never held over the disk
	open   [stored]*builder
	since  [stored]time.Duration // of the open chunk's first record
	free   [stored][]*builder
	full   []*builder
	lost   uint64
	acks   []Ack
	soon   time.Duration // until then no record waits longer than soonAge
	offset int64         // ms, of the last eventClock
	synced bool
}

// New opens the store, or begins a new one when there is none or it cannot be
// used; Account tells which. Unless it ends with Close or by Run's context,
// the next New declares a gap of unknown size.
func New(cfg Config) (*Log, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s, err := openStore(cfg)
	if err != nil {
		return nil, err
	}
	l := &Log{cfg: cfg, store: s, wake: make(chan struct{}, 1), sealed: make(chan struct{}, 1)}
	for k := range stored {
		l.open[k] = newBuilder(Kind(k), chunkBytes)
		for range spares[k] {
			l.free[k] = append(l.free[k], newBuilder(Kind(k), chunkBytes))
		}
	}
	l.full = make([]*builder, 0, 2*maxColumns*stored)
	return l, nil
}

// Result takes a decision.
func (l *Log) Result(r Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.room(KindResult); b != nil {
		r.Time = l.begin(b)
		b.result(&r)
		l.added(b)
	}
}

// Health takes a reading.
func (l *Log) Health(h Health) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.room(KindHealth); b != nil {
		h.Time = l.begin(b)
		b.health(&h)
		l.added(b)
	}
}

// Event takes an event, which is written at once.
func (l *Log) Event(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.event(e)
}

func (l *Log) event(e Event) {
	if b := l.room(KindEvent); b != nil {
		e.Time = l.begin(b)
		b.event(&e)
		l.added(b)
	}
}

// Capture takes a reference to a recorded input.
func (l *Log) Capture(c Capture) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b := l.room(KindCapture); b != nil {
		c.Time = l.begin(b)
		b.capture(&c)
		l.added(b)
	}
}

// room returns the open chunk with room for a record. Without any, the record
// is counted as lost.
func (l *Log) room(kind Kind) *builder {
	b := l.open[kind]
	if b.n >= maxRecords || !b.fits(chunkBytes) {
		if !l.rotate(kind) {
			l.lost++
			return nil
		}
	}
	return l.open[kind]
}

// rotate puts the open chunk up for writing if there is another to open.
func (l *Log) rotate(kind Kind) bool {
	n := len(l.free[kind])
	if n == 0 {
		return false
	}
	l.full = append(l.full, l.open[kind])
	l.open[kind] = l.free[kind][n-1]
	l.free[kind] = l.free[kind][:n-1]
	return true
}

// begin returns the time of a record that b is about to take.
func (l *Log) begin(b *builder) time.Duration {
	now := l.cfg.Clock.Mono()
	if b.n == 0 {
		l.since[b.kind] = now
	}
	return now
}

// added wakes the writer when a chunk was begun or is due.
func (l *Log) added(b *builder) {
	if b.n > 1 && b.kind != KindEvent && b.n < maxRecords && b.fits(chunkBytes) {
		return
	}
	l.nudge()
}

func (l *Log) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Lost counts records that were never taken, such as while there was no store.
// The next write declares them.
func (l *Log) Lost(n uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost += n
}

// Unsaved returns how many records are in RAM only, or lost and not yet
// declared.
func (l *Log) Unsaved() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lost
	for _, b := range l.open {
		n += uint64(b.n)
	}
	for _, b := range l.full {
		n += uint64(b.n)
	}
	return n
}

// Run writes what is due until ctx ends, then the rest, and closes the store.
// A disk that fails does not end it: records wait in RAM, and beyond that are
// counted as lost. A store that is found damaged does, with ErrDamaged: the
// next New sets it aside.
func (l *Log) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return l.Close()
		case <-l.wake:
		case <-timer.C:
		}
		err := l.step(false)
		if errors.Is(err, ErrDamaged) {
			return errors.Join(err, l.store.close())
		}
		if (err != nil) != failing {
			failing = err != nil
			l.cfg.Logger.Warn("telemetry store", slog.Bool("writing", !failing), slog.Any("error", err))
		}
		wait := l.delay()
		if failing {
			wait = max(wait, retryAfter)
		}
		timer.Reset(wait)
	}
}

// delay returns the time until the oldest open chunk is due.
func (l *Log) delay() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.cfg.Clock.Mono()
	age := l.age(now)
	d := age
	for k, b := range l.open {
		if b.n > 0 {
			d = min(d, l.since[k]+age-now)
		}
	}
	return max(d, 100*time.Millisecond)
}

// Hasten bounds for a while how long a record waits in RAM by 5 s, because
// somebody looks at what is decided. It writes more often, but no more records.
func (l *Log) Hasten(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.soon = max(l.soon, l.cfg.Clock.Mono()+d)
	l.nudge()
}

func (l *Log) age(now time.Duration) time.Duration {
	if now < l.soon {
		return min(l.cfg.MaxAge, soonAge)
	}
	return l.cfg.MaxAge
}

// Flush writes all that waits in RAM.
func (l *Log) Flush() error { return l.step(true) }

// step writes the chunks that are full or due, all of them when forced.
func (l *Log) step(force bool) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	for wrote := false; ; wrote = true {
		if more, err := l.once(force); err != nil || !more {
			if wrote {
				l.store.release()
			}
			return err
		}
	}
}

// once is one transaction. It tells whether there was anything to write. An
// open chunk goes along unless one of its kind waits already: while the disk
// fails, chunks fill up instead.
func (l *Log) once(force bool) (wrote bool, err error) {
	l.mu.Lock()
	b := batch{head: l.clock()}
	now := l.cfg.Clock.Mono()
	age := l.age(now)
	for k, open := range l.open {
		due := force || Kind(k) == KindEvent || open.n >= maxRecords || !open.fits(chunkBytes) || now-l.since[k] >= age
		if open.n > 0 && due && len(l.free[k]) == spares[k] {
			l.rotate(Kind(k))
		}
	}
	b.chunks, b.lost, b.acks = append(b.chunks, l.full...), l.lost, l.acks
	l.mu.Unlock()
	if len(b.chunks) == 0 && b.lost == 0 && len(b.acks) == 0 {
		return false, nil
	}
	if err := l.store.write(b); err != nil {
		return false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.full = append(l.full[:0], l.full[len(b.chunks):]...)
	l.acks = append([]Ack(nil), l.acks[len(b.acks):]...)
	l.lost -= b.lost
	for _, c := range b.chunks {
		c.reset()
		l.free[c.kind] = append(l.free[c.kind], c)
	}
	select {
	case l.sealed <- struct{}{}:
	default:
	}
	return true, nil
}

// clock returns the head of chunks sealed now. When the wall clock became
// true, or stepped by more than a second, an event tells.
func (l *Log) clock() head {
	wall, synced := l.cfg.Clock.Wall()
	h := head{boot: l.cfg.Boot, offset: wall.UnixMilli() - millis(l.cfg.Clock.Mono()), synced: synced}
	h.offset = min(max(h.offset, -maxOffset), maxOffset)
	moved := h.offset - l.offset
	if synced && (!l.synced || moved > clockStep || moved < -clockStep) {
		l.offset = h.offset
		l.event(Event{Code: eventClock, Value: h.offset})
	}
	l.synced = l.synced || synced
	return h
}

// Ack takes what the controller has committed. It is applied with the next
// write; while the disk fails, acks beyond 64 are let go, and what they were
// for is sent again. An ack that cannot be true gives errAck.
func (l *Log) Ack(a Ack) error {
	if err := l.store.check(a); err != nil {
		return fmt.Errorf("take ack: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.acks) < maxAcks {
		l.acks = append(l.acks, a)
	}
	if len(l.acks) > 8 {
		l.nudge()
	}
	return nil
}

// Pending returns up to most sealed chunks of the kinds down to lowest, and of
// gaps, by priority and then by age, without those that skip (if any) names:
// the ones in flight. It reads the disk.
func (l *Log) Pending(most int, lowest Kind, skip func(Sealed) bool) ([]Sealed, error) {
	l.mu.Lock()
	h := l.clock()
	acks := l.acks // never written to, only replaced or appended to
	l.mu.Unlock()
	return l.store.pending(most, lowest, h, func(s Sealed) bool {
		for _, a := range acks {
			if a.Covers(s.Epoch, s.Range) {
				return true
			}
		}
		return skip != nil && skip(s)
	})
}

// Sealed tells, at most once, that chunks were sealed since it last did. It
// has one reader.
func (l *Log) Sealed() <-chan struct{} { return l.sealed }

// Account returns the counters of the sealed records. It reads the disk.
func (l *Log) Account() (Account, error) { return l.store.account() }

// Close writes all that waits in RAM and closes the store. It is idempotent.
func (l *Log) Close() error {
	if l.store.closed() {
		return nil
	}
	err := l.step(true)
	if cerr := l.store.close(); err == nil {
		err = cerr
	}
	return err
}
