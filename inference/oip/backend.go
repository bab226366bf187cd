package oip

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunlin-edge/dunlin/inference"
)

// BackendConfig says where a model lives, and what takes its place.
type BackendConfig struct {
	Address string // as [NewClient] takes it
	Model   string
	Version string // "" is the server's choice
	// Fallback computes the same model on this CPU; tensors are described by it.
	Fallback *inference.Model
	// Samples are inputs, each of all the model's inputs, on which both must agree.
	Samples [][][]byte
	// Tolerance is how far outputs may be from the fallback's, in real values.
	Tolerance float64
	Timeout   time.Duration // of one run on the server, before the CPU has its turn
	Now       func() time.Time
	// Changed hears where runs go from now on; it must be quick.
	Changed func(Status)
}

// Status says where a backend's runs go.
type Status struct {
	OnServer bool    `json:"on_server"`
	Reason   string  `json:"reason,omitempty"` // why they do not go to the server
	Version  string  `json:"version,omitempty"`
	Samples  int     `json:"samples"` // that came out within the tolerance, at the last check
	Worst    float64 `json:"worst"`   // difference among them
}

// Backend runs a model on a local server of the protocol, and on this CPU while
// that is away, slow or wrong. It implements [inference.Backend]. Call Watch
// again and again: it lets runs go to the server, once its answers to the samples
// are near enough, and takes them away.
type Backend struct {
	cfg    BackendConfig
	client *Client
	model  *inference.Model
	up     atomic.Bool

	mu      sync.Mutex
	status  Status
	checked time.Time
	wait    time.Duration
}

// Waits between checks: of a server in use, and of one that is not, from the
// first to the last.
const (
	checkEvery   = time.Minute
	firstRecheck = time.Second
	lastRecheck  = 30 * time.Second
	checkTimeout = 5 * time.Second
)

// NewBackend makes a backend whose runs stay on the CPU until Watch has seen the
// server. A model that keeps state cannot change places, and is refused.
func NewBackend(cfg BackendConfig) (*Backend, error) {
	client, err := NewClient(cfg.Address)
	if err != nil {
		return nil, err
	}
	s, err := cfg.Fallback.NewSession()
	if err != nil {
		return nil, err
	}
	if len(s.State()) > 0 {
		return nil, fmt.Errorf("the model keeps state from run to run, which a server would not share with this CPU")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Changed == nil {
		cfg.Changed = func(Status) {}
	}
	b := &Backend{cfg: cfg, client: client, wait: firstRecheck, status: Status{Reason: "not asked yet"}}
	b.model, err = inference.OpenBackend(b, cfg.Fallback.Inputs(), cfg.Fallback.Outputs(), cfg.Fallback.Digest())
	return b, err
}

// Model is what runs on the server or on the CPU.
func (b *Backend) Model() *inference.Model { return b.model }

// Status says where runs go now.
func (b *Backend) Status() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.status
}

// OnServer tells whether runs go to the server now.
func (b *Backend) OnServer() bool { return b.up.Load() }

// Watch looks at the server, if it is time.
func (b *Backend) Watch(ctx context.Context) {
	b.mu.Lock()
	wait := b.wait
	if b.status.OnServer {
		wait = checkEvery
	}
	now := b.cfg.Now()
	due := b.checked.IsZero() || now.Sub(b.checked) >= wait
	if due {
		b.checked = now
	}
	b.mu.Unlock()
	if !due {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	b.set(b.check(ctx))
}

// set takes up a new status.
func (b *Backend) set(s Status) {
	b.mu.Lock()
	changed := s.OnServer != b.status.OnServer || s.Reason != b.status.Reason
	b.status = s
	b.wait = min(2*b.wait, lastRecheck)
	if s.OnServer || changed {
		b.wait = firstRecheck
	}
	b.up.Store(s.OnServer)
	b.mu.Unlock()
	if changed {
		b.cfg.Changed(s)
	}
}

// fail takes runs away from the server.
func (b *Backend) fail(err error) {
	if b.up.CompareAndSwap(true, false) {
		b.set(Status{Reason: err.Error()})
	}
}

// check asks for the metadata and the samples.
func (b *Backend) check(ctx context.Context) Status {
	m, err := b.client.Metadata(ctx, b.cfg.Model, b.cfg.Version)
	if err != nil {
		return Status{Reason: err.Error()}
	}
	r, err := b.newRunner()
	if err != nil {
		return Status{Reason: err.Error()}
	}
	if err := r.learn(m); err != nil {
		return Status{Reason: err.Error()}
	}
	if err := r.warm(ctx); err != nil {
		return Status{Reason: err.Error()}
	}
	s := Status{OnServer: true}
	for i, sample := range b.cfg.Samples {
		diff, version, err := r.compare(ctx, sample)
		if err == nil && !(diff <= b.cfg.Tolerance) {
			err = fmt.Errorf("the outputs are off by %.3g, at most %.3g", diff, b.cfg.Tolerance)
		}
		if err != nil {
			return Status{Reason: fmt.Sprintf("sample %d: %v", i, err), Samples: s.Samples, Worst: s.Worst}
		}
		s.Samples, s.Worst, s.Version = s.Samples+1, max(s.Worst, diff), version
	}
	return s
}

// NewRunner implements inference.Backend.
func (b *Backend) NewRunner() (inference.Runner, error) { return b.newRunner() }

func (b *Backend) newRunner() (*runner, error) {
	s, err := b.cfg.Fallback.NewSession()
	if err != nil {
		return nil, err
	}
	return &runner{b: b, cpu: s}, nil
}

// difference is the largest between real values of two outputs; NaN counts as
// endless.
func difference(a, b []float32) float64 {
	worst := 0.0
	for i := range a {
		d := math.Abs(float64(a[i]) - float64(b[i]))
		if !(d <= math.MaxFloat64) {
			return math.Inf(1)
		}
		worst = max(worst, d)
	}
	return worst
}
