package ship

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/telemetry"
)

// clock is a clock that tests move.
type clock struct {
	mono   time.Duration
	wall   time.Time
	synced bool
}

func (c *clock) Mono() time.Duration     { return c.mono }
func (c *clock) Wall() (time.Time, bool) { return c.wall.Add(c.mono), c.synced }

// message is on its way, up or down.
type message struct {
	at    time.Duration
	chunk []byte
	ack   *telemetry.Ack
}

// air is a transport that loses, repeats, delays (and so reorders) and
// refuses, each as often as bad says, and a controller at its other end.
type air struct {
	clock *clock
	r     *rand.Rand
	bad   float64
	wire  []message
	desk  *reader
	ups   int
}

var errCut = errors.New("connection cut")

func (a *air) Publish(_ context.Context, chunk []byte) error {
	a.ups++
	a.carry(message{chunk: slices.Clone(chunk)})
	if a.r.Float64() < a.bad/4 {
		return errCut // and yet it may arrive
	}
	return nil
}

func (a *air) carry(m message) {
	for copies := 1; copies > 0; copies-- {
		if a.r.Float64() < a.bad/4 {
			copies++
		}
		if a.r.Float64() < a.bad {
			continue
		}
		m.at = a.clock.mono + time.Duration(a.r.Float64()*(0.05+40*a.bad)*float64(time.Second))
		a.wire = append(a.wire, m)
	}
}

// arrive delivers what is due, in no order, and cuts what is left if told to.
func (a *air) arrive(t *testing.T, s *Shipper, cut bool) {
	now := a.wire
	a.wire = nil
	a.r.Shuffle(len(now), func(i, j int) { now[i], now[j] = now[j], now[i] })
	for _, m := range now {
		switch {
		case m.at > a.clock.mono:
			if !cut {
				a.wire = append(a.wire, m)
			}
		case m.ack != nil:
			s.Ack(*m.ack)
		default:
			epoch := a.desk.take(t, m.chunk)
			ack := a.desk.ack(epoch)
			a.carry(message{ack: &ack})
		}
	}
}

// reader is the other end. It trusts nothing but the numbers in the chunks and
// the numbers that the generator put inside the records.
type reader struct {
	has   map[uint32][]telemetry.Range // by epoch: committed, rising, apart
	seen  map[int64]int                // the generator's numbers
	lost  map[string]uint64            // by reason
	clock uint64                       // records that the store made itself
	again int
}

func newReader() *reader {
	return &reader{has: map[uint32][]telemetry.Range{}, seen: map[int64]int{}, lost: map[string]uint64{}}
}

// take commits a chunk, but for what is known of it.
func (d *reader) take(t *testing.T, data []byte) uint32 {
	t.Helper()
	c, err := telemetry.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range c.Gaps {
		d.lost[g.Reason.String()] += d.commit(c.Epoch, g.Range)
	}
	if len(c.Gaps) > 0 || d.commit(c.Epoch, telemetry.Range{First: c.First, Count: uint64(c.Len())}) == 0 {
		return c.Epoch
	}
	for _, e := range c.Events {
		if e.Code == telemetry.EventAgent {
			d.seen[e.Value]++
		} else {
			d.clock++
		}
	}
	for _, h := range c.Health {
		d.seen[int64(h.Value)]++
	}
	for _, r := range c.Results {
		d.seen[r.Latency.Microseconds()/10]++
	}
	return c.Epoch
}

// commit adds numbers and returns how many were new.
func (d *reader) commit(epoch uint32, r telemetry.Range) uint64 {
	fresh := r.Count
	var all []telemetry.Range
	for _, o := range d.has[epoch] {
		if o.First < r.End() && r.First < o.End() {
			fresh -= min(o.End(), r.End()) - max(o.First, r.First)
		}
		if o.First <= r.End() && r.First <= o.End() {
			first := min(o.First, r.First)
			r = telemetry.Range{First: first, Count: max(o.End(), r.End()) - first}
		} else {
			all = append(all, o)
		}
	}
	all = append(all, r)
	slices.SortFunc(all, func(a, b telemetry.Range) int { return cmp.Compare(a.First, b.First) })
	d.has[epoch] = all
	if fresh == 0 {
		d.again++
	}
	return fresh
}

func (d *reader) ack(epoch uint32) telemetry.Ack {
	a := telemetry.Ack{Epoch: epoch, Ranges: d.has[epoch]}
	if len(a.Ranges) > 0 && a.Ranges[0].First == 0 {
		a.Hi, a.Ranges = a.Ranges[0].Count, a.Ranges[1:]
	}
	a.Ranges = slices.Clone(a.Ranges[:min(len(a.Ranges), 1024)])
	return a
}

func mustLog(t *testing.T, dir string, c *clock) *telemetry.Log {
	t.Helper()
	l, err := telemetry.New(telemetry.Config{
		Path: filepath.Join(dir, "store"), Identity: "d", Clock: c, MaxBytes: 1 << 20, Check: telemetry.Check,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func mustShipper(t *testing.T, l Store, tr Transport, c *clock, m *Meter) *Shipper {
	t.Helper()
	if m == nil {
		m, _ = NewMeter(filepath.Join(t.TempDir(), "spent"), c, Budget{}, Budget{})
	}
	s, err := New(Config{Store: l, Transport: tr, Meter: m, Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustHello(t *testing.T, s *Shipper, l Link) Standing {
	t.Helper()
	at, err := s.Hello(l)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestBadTransport: over a transport that loses, repeats, reorders, delays,
// cuts and lies about what arrived, through restarts and a full store, every
// number arrives as a record or as a declared gap, and none twice in effect.
func TestBadTransport(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { badTransport(t, seed) })
	}
}

func badTransport(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 7))
	c := &clock{wall: time.Unix(1.8e9, 0), synced: true}
	dir := t.TempDir()
	l := mustLog(t, dir, c)
	a := &air{clock: c, r: r, bad: 0.3, desk: newReader()}
	s := mustShipper(t, l, a, c, nil)
	var made int64
	for round := range 1200 {
		for range r.IntN(150) {
			made++
			switch r.IntN(30) {
			case 0:
				l.Event(telemetry.Event{Code: telemetry.EventAgent, Value: made})
			case 1, 2, 3:
				l.Health(telemetry.Health{Name: "n", Value: float32(made)})
			default:
				l.Result(telemetry.Result{Latency: time.Duration(made) * 10 * time.Microsecond})
			}
		}
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
		c.mono += time.Duration(r.Float64() * float64(4*time.Second))
		switch p := r.IntN(100); {
		case p == 0: // restart
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = mustLog(t, dir, c)
			s = mustShipper(t, l, a, c, nil)
			fallthrough
		case p < 6 || round == 0:
			mustHello(t, s, Unmetered)
		case p < 8:
			s.Offline()
		}
		if round%300 > 200 {
			s.Offline() // long enough to fill the store
		}
		s.step(t.Context())
		a.arrive(t, s, r.IntN(50) == 0)
	}
	a.bad = 0
	mustHello(t, s, Unmetered)
	for range 3000 {
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
		c.mono += time.Second
		s.step(t.Context())
		a.arrive(t, s, false)
	}
	prove(t, l, a.desk, made)
	if a.desk.again == 0 || a.desk.lost["full"] == 0 || s.Stats().RTT == 0 {
		t.Errorf("nothing hard happened: %d duplicates, lost %v, %+v", a.desk.again, a.desk.lost, s.Stats())
	}
	t.Logf("%d records, %d publishes, %d duplicates, lost %v", made, a.ups, a.desk.again, a.desk.lost)
}

// prove compares what the reader has with what the store gave out and what the
// generator made.
func prove(t *testing.T, l *telemetry.Log, d *reader, made int64) {
	t.Helper()
	acc, err := l.Account()
	if err != nil {
		t.Fatal(err)
	}
	at, has := acc.Epochs[acc.Epoch], d.has[acc.Epoch]
	if at.Waiting != 0 || acc.Lo != at.Next || len(acc.Epochs) != 1 {
		t.Errorf("not drained: %+v", acc)
	}
	if len(has) != 1 || has[0] != (telemetry.Range{Count: at.Next}) {
		t.Errorf("delivered and declared: %v, want all of %d", has, at.Next)
	}
	lost := d.lost["full"] + d.lost["overrun"]
	if got := uint64(len(d.seen)) + d.clock + lost; got != at.Next {
		t.Errorf("%d records, %d clock events, %d lost, want %d in all", len(d.seen), d.clock, lost, at.Next)
	}
	for n, times := range d.seen {
		if times != 1 || n < 1 || n > made {
			t.Errorf("record %d arrived %d times", n, times)
		}
	}
	if at.Next < uint64(made) {
		t.Errorf("%d numbers for %d records", at.Next, made)
	}
}
