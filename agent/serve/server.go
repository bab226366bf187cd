package serve

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/inference"
)

// Defaults of a Config.
const (
	defaultTimeout = 10 * time.Second
	defaultMemory  = 64 << 20
	queuePerWorker = 1
)

// Config says how much may be asked for at a time. Zeros have defaults.
type Config struct {
	Catalog Catalog
	Workers int           // requests that run at a time; 0: one CPU less than there are, and at least one
	Queue   int           // requests that wait for a worker; 0: one for each
	Timeout time.Duration // from a request to its answer; 0: 10 s
	Memory  int64         // bytes that sessions take together, beside the models; 0: 64 MiB
}

// Server runs models for requests.
type Server struct {
	catalog Catalog
	gate    *gate
	timeout time.Duration
	budget  atomic.Int64

	mu       sync.RWMutex
	inUse    map[string]*version
	counters map[[2]string]*counter // by model and version
}

// New makes a server of a catalog's models.
func New(cfg Config) *Server {
	if cfg.Workers <= 0 {
		cfg.Workers = max(1, runtime.GOMAXPROCS(0)-1)
	}
	if cfg.Queue <= 0 {
		cfg.Queue = queuePerWorker * cfg.Workers
	}
	s := &Server{catalog: cfg.Catalog, gate: newGate(cfg.Workers, cfg.Queue), timeout: cfg.Timeout, inUse: map[string]*version{}, counters: map[[2]string]*counter{}}
	if s.timeout <= 0 {
		s.timeout = defaultTimeout
	}
	if cfg.Memory <= 0 {
		cfg.Memory = defaultMemory
	}
	s.budget.Store(cfg.Memory)
	return s
}

// Full tells that a request that came now would be refused, so that nobody
// reads its body first.
func (s *Server) Full() error {
	if s.gate.full() {
		return errFull
	}
	return nil
}

// Models lists what is installed.
func (s *Server) Models() []Entry { return s.catalog.Models() }

// Load brings a version of a model into use.
func (s *Server) Load(ctx context.Context, name, version string) error {
	return s.catalog.Load(ctx, name, version)
}

// Unload takes a model out of use; its sessions go.
func (s *Server) Unload(name string) error {
	err := s.catalog.Unload(name)
	if err == nil {
		s.drop(name)
	}
	return err
}

// Find returns the version of a model that is in use; want "" takes any.
func (s *Server) Find(name, want string) (*Servable, error) {
	now := s.catalog.Current(name)
	if now == nil {
		return nil, s.missing(name)
	}
	if want != "" && want != now.Version {
		return nil, refuse(NotFound, "model %s: version %.64q is not in use, %s is", name, want, now.Version)
	}
	return now, nil
}

func (s *Server) missing(name string) error {
	for _, e := range s.catalog.Models() {
		if e.Name == name {
			return refuse(NotReady, "model %s is installed and not loaded: %s", name, e.Reason)
		}
	}
	return refuse(NotFound, "no model is named %.64q", name)
}

// find returns the sessions of the version in use.
func (s *Server) find(name, want string) (*version, error) {
	now, err := s.Find(name, want)
	if err != nil {
		return nil, err
	}
	s.mu.RLock()
	v := s.inUse[name]
	s.mu.RUnlock()
	if v != nil && v.Servable == now {
		return v, nil
	}
	return s.swap(now), nil
}

// swap puts new sessions in the place of those of another version.
func (s *Server) swap(now *Servable) *version {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.inUse[now.Name]
	if old != nil && old.Servable == now {
		return old
	}
	v := &version{Servable: now, budget: &s.budget, counter: s.counter(now)}
	s.inUse[now.Name] = v
	if old != nil {
		old.retire()
	}
	return v
}

func (s *Server) drop(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.inUse[name]; old != nil {
		delete(s.inUse, name)
		old.retire()
	}
}

// A Run is what a request may work with: until its function returns.
type Run struct {
	*Servable
	Session *inference.Session
}

// Use gives f a session of a model for as long as it needs one: alone, with
// inputs of any contents and variables in their initial state. Errors of the
// model and panics come back as an *Error.
func (s *Server) Use(ctx context.Context, model, want string, f func(context.Context, *Run) error) (*Servable, error) {
	var used *Servable
	err := s.work(ctx, model, want, func(ctx context.Context, v *version) error {
		used = v.Servable
		session, err := v.session()
		if err != nil {
			return err
		}
		if len(session.State()) > 0 {
			session.Reset()
		}
		err = guard(func() error { return f(ctx, &Run{v.Servable, session}) })
		if _, panicked := err.(*panicError); panicked {
			v.budget.Add(v.arena()) // it is not used again
			return err
		}
		v.giveBack(session)
		return err
	})
	return used, err
}

// Classify gives f a model's whole pipeline.
func (s *Server) Classify(ctx context.Context, model, want string, f func(context.Context, *agent.Classifier) error) (*Servable, error) {
	var used *Servable
	err := s.work(ctx, model, want, func(ctx context.Context, v *version) error {
		used = v.Servable
		c, err := v.classifier()
		if err != nil {
			return err
		}
		err = guard(func() error { return f(ctx, c) })
		if _, panicked := err.(*panicError); panicked {
			v.budget.Add(v.arena())
			return err
		}
		v.giveBackClassifier(c)
		return err
	})
	return used, err
}

// work waits for its turn and counts.
func (s *Server) work(ctx context.Context, model, want string, f func(context.Context, *version) error) error {
	v, err := s.find(model, want)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	came := time.Now()
	if err := s.gate.enter(ctx); err != nil {
		v.counter.refused()
		return err
	}
	defer s.gate.leave()
	if v, err = s.find(model, want); err != nil { // it may have been swapped meanwhile
		return err
	}
	began := time.Now()
	err = f(ctx, v)
	if err != nil && ctx.Err() != nil {
		err = errDeadline
	}
	v.counter.add(came, began, err)
	return err
}

// panicError is a panic of a model.
type panicError struct{ err error }

func (e *panicError) Error() string { return e.err.Error() }

// guard turns a panic into an error.
func guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &panicError{fmt.Errorf("panic: %v\n%s", r, debug.Stack())}
		}
	}()
	return f()
}
