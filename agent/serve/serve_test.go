package serve

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/inference"
)

// one is a catalog of a single model, which may be swapped.
type one struct{ now atomic.Pointer[Servable] }

func (o *one) Models() []Entry { return []Entry{{Name: "m", Version: "1", Reason: "taken out"}} }
func (o *one) Current(name string) *Servable {
	if name != "m" {
		return nil
	}
	return o.now.Load()
}
func (o *one) Load(context.Context, string, string) error { return nil }
func (o *one) Unload(string) error                        { o.now.Store(nil); return nil }

// slow is a backend that runs until it is let go.
type slow struct {
	going, gate chan struct{}
	panics      *atomic.Bool
}

func (s slow) NewRunner() (inference.Runner, error) { return s, nil }
func (s slow) Reset() error                         { return nil }
func (s slow) Run(ctx context.Context, _, _ []*inference.Tensor) error {
	if s.panics.Load() {
		panic("the model broke")
	}
	s.going <- struct{}{}
	select {
	case <-s.gate:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// arena is what a session of the tests' model takes.
const arena = 128

func newSlow(t *testing.T, version string) (*Servable, slow) {
	t.Helper()
	s := slow{make(chan struct{}, 64), make(chan struct{}), new(atomic.Bool)}
	info := []inference.TensorInfo{{Name: "x", DType: inference.Int8, Shape: []int{1}}}
	m, err := inference.OpenBackend(s, info, info, [32]byte{})
	if err != nil {
		t.Fatal(err)
	}
	if n := m.Footprint().ArenaBytes; n != arena {
		t.Fatalf("arena of %d bytes, the tests count on %d", n, arena)
	}
	return &Servable{Name: "m", Version: version, Model: m}, s
}

func newServer(t *testing.T, c Config) (*Server, *one, slow) {
	t.Helper()
	v, s := newSlow(t, "1")
	catalog := &one{}
	catalog.now.Store(v)
	c.Catalog = catalog
	return New(c), catalog, s
}

func use(s *Server) (*Servable, error) {
	return s.Use(context.Background(), "m", "", func(ctx context.Context, r *Run) error { return r.Session.Run(ctx) })
}

func kind(t *testing.T, err error) Kind {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is no *Error", err)
	}
	return e.Kind
}

// TestQueue: so many run, so many wait, further ones are refused at once.
func TestQueue(t *testing.T) {
	s, _, m := newServer(t, Config{Workers: 2, Queue: 3})
	var working sync.WaitGroup
	ended := make(chan error, 5)
	start := func() {
		working.Go(func() {
			_, err := use(s)
			ended <- err
		})
	}
	start()
	start()
	<-m.going
	<-m.going
	if s.Full() != nil {
		t.Error("full with an empty queue")
	}
	for range 3 {
		start()
	}
	for deadline := time.Now().Add(10 * time.Second); s.Full() == nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never full")
		}
	}
	if _, err := use(s); !errors.Is(err, errFull) || len(m.going) != 0 {
		t.Errorf("the sixth: %v", err)
	}
	close(m.gate)
	working.Wait()
	for range 5 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if got := s.Stats(); len(got) != 1 || got[0].Done != 5 || got[0].Refused != 1 {
		t.Errorf("%+v", got)
	}
}

// TestDeadline ends both who runs and who waits.
func TestDeadline(t *testing.T) {
	s, _, m := newServer(t, Config{Workers: 1, Queue: 1, Timeout: 20 * time.Millisecond})
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if _, err := use(s); kind(t, err) != Overload {
				t.Errorf("%v", err)
			}
		})
	}
	both.Wait()
	close(m.gate)
	if _, err := use(s); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestSwapKeepsRunning: a request ends on the version it began with, the next
// gets the new one, and the memory of the old one comes back.
func TestSwapKeepsRunning(t *testing.T) {
	s, catalog, first := newServer(t, Config{Workers: 2, Memory: 2 * arena})
	got := make(chan string, 1)
	go func() {
		v, err := use(s)
		if err != nil {
			t.Error(err)
		}
		got <- v.Version
	}()
	<-first.going
	v, second := newSlow(t, "2")
	catalog.now.Store(v)
	close(second.gate)
	if used, err := use(s); err != nil || used.Version != "2" {
		t.Errorf("%v %v", used, err)
	}
	close(first.gate)
	if v := <-got; v != "1" {
		t.Errorf("a request that began on 1 ended on %s", v)
	}
	if n := s.budget.Load(); n != arena {
		t.Errorf("%d bytes are left of %d with one session alive", n, 2*arena)
	}
	if err := s.Unload("m"); err != nil {
		t.Fatal(err)
	}
	if n := s.budget.Load(); n != 2*arena {
		t.Errorf("%d bytes are left of %d with none alive", n, 2*arena)
	}
	if _, err := use(s); kind(t, err) != NotReady {
		t.Errorf("unloaded: %v", err)
	}
}

// TestPanic: a model that breaks takes its session along, and nothing else.
func TestPanic(t *testing.T) {
	s, _, m := newServer(t, Config{Workers: 1, Memory: arena})
	m.panics.Store(true)
	for range 3 {
		if _, err := use(s); err == nil {
			t.Fatal("a panic passed for an answer")
		}
	}
	m.panics.Store(false)
	close(m.gate)
	if _, err := use(s); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if got := s.Stats(); got[0].Failed != 3 || got[0].Done != 1 {
		t.Errorf("%+v", got)
	}
}

func TestFind(t *testing.T) {
	s, _, _ := newServer(t, Config{Memory: 1})
	if _, err := s.Find("m", "2"); kind(t, err) != NotFound {
		t.Errorf("another version: %v", err)
	}
	if _, err := s.Find("n", ""); kind(t, err) != NotFound {
		t.Errorf("another model: %v", err)
	}
	if _, err := use(s); kind(t, err) != Memory {
		t.Errorf("no room: %v", err)
	}
	if _, err := s.Classify(context.Background(), "m", "", nil); kind(t, err) != Invalid {
		t.Errorf("no pipeline: %v", err)
	}
}

func TestFolderOfNothing(t *testing.T) {
	if _, err := NewFolder(context.Background(), filepath.Join(t.TempDir(), "gone"), inference.Options{}, nil); err == nil {
		t.Error("a folder that is not there")
	}
	f, err := NewFolder(context.Background(), t.TempDir(), inference.Options{}, nil)
	if err != nil || len(f.Models()) != 0 || f.Current("x") != nil {
		t.Errorf("%v", err)
	}
	if err := f.Load(context.Background(), "x", ""); kind(t, err) != NotFound {
		t.Errorf("%v", err)
	}
	if err := f.Unload("x"); kind(t, err) != NotFound {
		t.Errorf("%v", err)
	}
}
