package agent

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/oip"
	"github.com/dunlin-edge/dunlin/ota/bundle"
	"github.com/dunlin-edge/dunlin/telemetry"
)

const (
	maxServerSamples = 4
	watchServerEvery = 500 * time.Millisecond
	// imagePeriod is that of pipelines whose bundle names no rate.
	imagePeriod = 100 * time.Millisecond
)

// ServerStatus says where the model of a pipeline with a server runs. Its golden
// samples are exact on this CPU, and within Tolerance on the server.
type ServerStatus struct {
	Server    string  `json:"server"`
	Tolerance float64 `json:"tolerance"`
	oip.Status
}

// An accelerator lets a pipeline's model run on a local server.
type accelerator struct {
	cfg     config.OIP
	name    string // of the pipeline
	now     atomic.Pointer[oip.Backend]
	changed func(oip.Status)
}

// newAccelerator returns nil for a pipeline without a server. A nil one leaves
// units as they are.
func (a *Agent) newAccelerator(p config.Pipeline) *accelerator {
	if p.OIP.Server == "" {
		return nil
	}
	x := &accelerator{cfg: p.OIP, name: p.Name}
	log := a.opts.Log.With("pipeline", p.Name, "server", p.OIP.Server)
	x.changed = func(s oip.Status) {
		text := p.Name + ": on the server"
		if s.OnServer {
			log.Info("the model runs on the server", "samples", s.Samples, "worst", s.Worst, "tolerance", p.OIP.Tolerance)
		} else {
			text = p.Name + ": on this CPU: " + s.Reason
			log.Warn("the model runs on this CPU", "reason", s.Reason)
		}
		if a.records != nil {
			var on int64
			if s.OnServer {
				on = 1
			}
			a.records.event(telemetry.Event{Code: eventServer, Value: on, Text: text})
		}
	}
	return x
}

// wrap makes a unit run on the server, with itself behind it.
func (x *accelerator) wrap(u *Unit) (*Unit, error) {
	if x == nil || u == nil {
		return u, nil
	}
	samples, err := u.samples()
	if err != nil {
		return nil, fmt.Errorf("pipeline %s: golden samples for its server: %w", x.name, err)
	}
	b, err := oip.NewBackend(oip.BackendConfig{
		Address: x.cfg.Server, Model: x.cfg.Model, Version: x.cfg.Version, Fallback: u.Model,
		Samples: samples, Tolerance: x.cfg.Tolerance, Timeout: x.timeout(u), Changed: x.changed,
	})
	if err != nil {
		return nil, setup(x.cfg.At, fmt.Errorf("pipeline %s: %w", x.name, err), "take oip: away from this pipeline, or change it")
	}
	v := *u
	v.Model, v.plain = b.Model(), u
	x.now.Store(b)
	return &v, nil
}

// timeout leaves the second half of a period to the CPU, so that a window whose
// server is late is still decided within it.
func (x *accelerator) timeout(u *Unit) time.Duration {
	if x.cfg.Timeout > 0 {
		return x.cfg.Timeout
	}
	return u.period() / 2
}

// period is the time from one window to the next.
func (u *Unit) period() time.Duration {
	rate, hop := u.source.Rate, 1
	if w := u.spec.Window; w != nil {
		if hop = w.Hop; hop == 0 {
			hop = w.Length
		}
	}
	if rate <= 0 {
		return imagePeriod
	}
	return time.Duration(math.Min(float64(hop)/rate*float64(time.Second), float64(time.Hour)))
}

// samples are inputs to compare a server with this CPU on: the golden ones, or
// one made up where there is none.
func (u *Unit) samples() ([][][]byte, error) {
	var all [][][]byte
	if len(u.Manifest.Golden) > 0 {
		b, err := bundle.Open(u.path)
		if err != nil {
			return nil, err
		}
		defer b.Close()
		for i := range min(len(u.Manifest.Golden), maxServerSamples) {
			in, _, err := b.Variant(u.variant).Golden(i)
			if err != nil {
				return nil, err
			}
			all = append(all, in)
		}
		return all, nil
	}
	h := fnv.New64a()
	h.Write([]byte(u.Digest))
	r := rand.New(rand.NewPCG(h.Sum64(), 0))
	s, err := u.Model.NewSession()
	if err != nil {
		return nil, err
	}
	var one [][]byte
	for i := range s.Inputs() {
		t := s.Input(i)
		if t.DType == inference.Float32 {
			for k := range t.Float32() {
				t.Float32()[k] = r.Float32()
			}
		} else {
			for k := range t.Bytes() {
				t.Bytes()[k] = byte(r.Uint32() & 1)
			}
		}
		one = append(one, t.Bytes())
	}
	return append(all, one), nil
}

// run watches the server until ctx ends.
func (x *accelerator) run(ctx context.Context) {
	if x == nil {
		return
	}
	tick := time.NewTicker(watchServerEvery)
	defer tick.Stop()
	for {
		if b := x.now.Load(); b != nil {
			b.Watch(ctx)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// serving tells whether runs go to the server now.
func (x *accelerator) serving() bool {
	if x == nil {
		return false
	}
	b := x.now.Load()
	return b != nil && b.OnServer()
}

func (x *accelerator) status() *ServerStatus {
	if x == nil {
		return nil
	}
	s := &ServerStatus{Server: x.cfg.Server, Tolerance: x.cfg.Tolerance}
	if b := x.now.Load(); b != nil {
		s.Status = b.Status()
	}
	return s
}
