package action

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
)

// lamp is an actuator that keeps what was done to it.
type lamp struct {
	mu     sync.Mutex
	did    []string
	broken error
}

func (l *lamp) note(what string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.did = append(l.did, what)
	return l.broken
}
func (l *lamp) Set(_ context.Context, v float64) error {
	if v != 1 {
		return errors.New("not on")
	}
	return l.note("on")
}
func (l *lamp) Halt() error  { return l.note("off") }
func (l *lamp) Close() error { return l.note("close") }

func (l *lamp) history() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := ""
	for _, d := range l.did {
		s += d + " "
	}
	return s
}

// handClock moves when told.
type handClock struct {
	mu    sync.Mutex
	now   time.Time
	waits map[chan time.Time]time.Time
}

func (c *handClock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
func (c *handClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := make(chan time.Time, 1)
	c.waits[ch] = c.now.Add(d)
	return ch
}
func (c *handClock) step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	for ch, at := range c.waits {
		if !at.After(c.now) {
			ch <- c.now
			delete(c.waits, ch)
		}
	}
}

func newOutput(pulse, minOff time.Duration) (*output, *lamp, *handClock) {
	l, c := &lamp{}, &handClock{now: time.Unix(1000, 0), waits: map[chan time.Time]time.Time{}}
	return &output{label: "fault", pulse: pulse, minOff: minOff, clock: c, device: l}, l, c
}

func (o *output) see(label, event string) error {
	return o.do(context.Background(), &Record{Label: label, Event: event}, nil)
}

// eventually waits for what a goroutine does.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(what)
		}
	}
}

func TestFollows(t *testing.T) {
	o, l, _ := newOutput(0, 0)
	for _, s := range [][2]string{{"normal", "enter"}, {"fault", "enter"}, {"fault", ""}, {"fault", "leave"}, {"fault", "enter"}, {"normal", "enter"}, {"normal", ""}} {
		if err := o.see(s[0], s[1]); err != nil {
			t.Fatal(err)
		}
	}
	if got := l.history(); got != "on off on off " {
		t.Errorf("%s", got)
	}
}

func TestPulse(t *testing.T) {
	o, l, c := newOutput(2*time.Second, 0)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(o.see("fault", "enter"))
	must(o.see("normal", "enter")) // a pulse has its length
	c.step(time.Second)
	must(o.see("fault", "enter")) // and begins anew
	c.step(1500 * time.Millisecond)
	time.Sleep(20 * time.Millisecond) // the old one's end must do nothing
	if got := l.history(); got != "on " {
		t.Errorf("%s", got)
	}
	c.step(time.Second)
	eventually(t, "it stays on", func() bool { return l.history() == "on off " })
}

func TestMinOff(t *testing.T) {
	o, l, c := newOutput(0, 5*time.Second)
	_ = o.see("fault", "enter")
	_ = o.see("normal", "enter")
	c.step(4 * time.Second)
	if err := o.see("fault", "enter"); !errors.Is(err, errTooSoon) {
		t.Errorf("%v", err)
	}
	c.step(time.Second)
	if err := o.see("fault", "enter"); err != nil || l.history() != "on off on " {
		t.Errorf("%v, %s", err, l.history())
	}
}

func TestSafeState(t *testing.T) {
	o, l, _ := newOutput(0, 0)
	_ = o.see("fault", "enter")
	if err := o.halt(); err != nil || l.history() != "on off " {
		t.Errorf("halt: %v %s", err, l.history())
	}
	_ = o.see("fault", "") // it decides again
	l.broken = errors.New("the line is gone")
	if err := o.see("normal", ""); err == nil {
		t.Error("a failure passed")
	}
	l.broken = nil
	_ = o.halt() // tried again, since nobody knows
	o.close()
	o.close()
	if err := o.see("fault", "enter"); err == nil {
		t.Error("on after it was closed")
	}
	if got := l.history(); got != "on off on off off close " {
		t.Errorf("%s", got)
	}
	p, l, c := newOutput(time.Second, 0)
	_ = p.see("fault", "enter")
	p.close()
	c.step(2 * time.Second)
	time.Sleep(10 * time.Millisecond)
	if got := l.history(); got != "on close " {
		t.Errorf("a pulse outlived its output: %s", got)
	}
}

// TestOutputOfAnAction: through the queue, and safe when Run ends, also by a
// panic.
func TestOutputOfAnAction(t *testing.T) {
	o, l, _ := newOutput(0, 0)
	a := &Action{cfg: config.Action{Kind: config.GPIO, On: "event"}, log: slog.New(slog.DiscardHandler), queue: make(chan Record, 8), output: o, sink: o}
	s := carryOut(t, a, event("fault", 0))
	if s.Done != 1 || l.history() != "on close " {
		t.Errorf("%+v %s", s, l.history())
	}
	o, l, _ = newOutput(0, 0)
	a = &Action{cfg: config.Action{Kind: config.GPIO, On: "event"}, log: slog.New(slog.DiscardHandler), queue: make(chan Record, 8), output: o, sink: panics{o}}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		carryOut(t, a, event("fault", 0))
	}()
	if l.history() != "on close " {
		t.Errorf("after a panic: %s", l.history())
	}
}

type panics struct{ *output }

func (p panics) do(ctx context.Context, rec *Record, line []byte) error {
	_ = p.output.do(ctx, rec, line)
	panic("boom")
}

func TestNoLine(t *testing.T) {
	if _, err := New(config.Action{Kind: config.GPIO, Label: "x", Output: config.Output{Line: "gpiochip99/1"}}, NewFiles(nil), quiet); err == nil {
		t.Error("a line that is not there was opened")
	}
}

// panel is a display that keeps what it shows.
type panel struct{ lamp }

func (p *panel) Show(lines ...string) error { return p.note(strings.Join(lines, "|")) }

// TestScreen: it shows decisions, and nothing where none holds.
func TestScreen(t *testing.T) {
	p := &panel{}
	s := &screen{text: p}
	rec := Record{Pipeline: "machine", Label: "bearing", Score: 0.996, Event: "enter", Bundle: "machine@1.0.0", Time: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
	if err := s.do(t.Context(), &rec, nil); err != nil {
		t.Fatal(err)
	}
	rec.Simulated = true
	if err := s.do(t.Context(), &rec, nil); err != nil {
		t.Fatal(err)
	}
	rec.Event = leave
	if err := s.do(t.Context(), &rec, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.halt(); err != nil {
		t.Fatal(err)
	}
	s.close()
	s.close()
	if err := s.halt(); err != nil {
		t.Error(err)
	}
	if err := s.do(t.Context(), &rec, nil); !errors.Is(err, hal.ErrHalted) {
		t.Errorf("after its end: %v", err)
	}
	const want = "machine|bearing|99.6 %|12:00:00|machine@1.0.0 machine|bearing|99.6 %|12:00:00|simulated off off close "
	if got := p.history(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
