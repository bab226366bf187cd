// Package sink tells a plant's or a home's own MQTT broker what the agent
// decides: plain JSON for whoever listens, Home Assistant's discovery, and
// Sparkplug B. It has nothing to do with the fleet: other broker, other
// connection, and nothing is taken from there but a wish to hear all again.
//
// Start with [Run]. Pipelines never wait for it: it looks at the agent's status
// twice a second, which holds their last eight events, so that none is missed
// unless more than 16 a second come.
//
//	BASE/DEVICE/status            online, offline (the will); retained
//	BASE/DEVICE/PIPELINE/state    the last decision as JSON; retained, at every
//	                              event and at least every 10 s
//	BASE/DEVICE/PIPELINE/event    each event as JSON, as action.Record
package sink

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/action"
	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/fleet"
)

// Times between looks at the status, between states without an event, and
// between tries to connect.
const (
	lookEvery  = 500 * time.Millisecond
	stateEvery = 10 * time.Second
	firstWait  = time.Second
	lastWait   = 2 * time.Minute
)

// An Agent is what sinks tell about.
type Agent interface{ Status() agent.Status }

// Run keeps the configured sinks connected until ctx ends. What goes wrong is
// logged and tried again.
func Run(ctx context.Context, cfg config.Plant, a Agent, version string, log *slog.Logger) {
	var all sync.WaitGroup
	start := func(name string, connect func(ctx context.Context, link fleet.LinkConfig) error) {
		all.Go(func() { keep(ctx, cfg, log.With("sink", name), name, connect) })
	}
	start("mqtt", func(ctx context.Context, link fleet.LinkConfig) error {
		return (&plain{cfg: cfg, agent: a, version: version}).run(ctx, link)
	})
	if cfg.Sparkplug.Group != "" {
		deaths := uint64(0)
		start("sparkplug", func(ctx context.Context, link fleet.LinkConfig) error {
			deaths = (deaths + 1) % 256
			return (&node{cfg: cfg.Sparkplug, agent: a, version: version, bdSeq: deaths}).run(ctx, link)
		})
	}
	all.Wait()
}

// keep connects again after each loss, after a random wait that grows.
func keep(ctx context.Context, cfg config.Plant, log *slog.Logger, name string, connect func(context.Context, fleet.LinkConfig) error) {
	wait := firstWait
	for ctx.Err() == nil {
		link, err := linkConfig(cfg, name)
		began := time.Now()
		if err == nil {
			err = connect(ctx, link)
		}
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > lastWait {
			wait = firstWait
		}
		log.Warn("broker is not told", "broker", cfg.Broker, "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(wait/2 + rand.N(wait)):
		}
		wait = min(2*wait, lastWait)
	}
}

// linkConfig reads what a connection needs; secrets are read for each, so that
// a changed password needs no restart.
func linkConfig(cfg config.Plant, name string) (fleet.LinkConfig, error) {
	link := fleet.LinkConfig{Broker: cfg.Broker, ClientID: "dunlin-" + cfg.Device + "-" + name, Username: cfg.User, Plain: cfg.AllowPlain}
	if cfg.Password != "" {
		data, err := os.ReadFile(cfg.Password)
		if err != nil {
			return link, fmt.Errorf("password: %w", err)
		}
		link.Password = strings.TrimRight(string(data), "\r\n")
	}
	if !strings.HasPrefix(cfg.Broker, "tcp:") {
		link.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		if cfg.CA != "" {
			pem, err := os.ReadFile(cfg.CA)
			if err != nil {
				return link, fmt.Errorf("ca: %w", err)
			}
			link.TLS.RootCAs = x509.NewCertPool()
			if !link.TLS.RootCAs.AppendCertsFromPEM(pem) {
				return link, fmt.Errorf("ca: no certificate in %s", cfg.CA)
			}
		}
	}
	return link, nil
}

// plain publishes JSON and Home Assistant's discovery.
type plain struct {
	cfg     config.Plant
	agent   Agent
	version string
	told    map[string]*told // by pipeline
	entries map[string]bool  // components that Home Assistant knows
}

// told is what the broker has of a pipeline.
type told struct {
	state string    // JSON without its time
	at    time.Time // when
	event time.Time // of the last event
}

func (p *plain) topic(parts ...string) string {
	return strings.Join(append([]string{p.cfg.Topic, p.cfg.Device}, parts...), "/")
}

// run tells until the connection or ctx ends.
func (p *plain) run(ctx context.Context, link fleet.LinkConfig) error {
	birth := make(chan struct{}, 1)
	link.WillTopic, link.Will = p.topic("status"), []byte("offline")
	link.Receive = func(m fleet.Message) {
		if string(m.Payload) != "online" {
			return
		}
		select {
		case birth <- struct{}{}:
		default:
		}
	}
	l, err := fleet.Dial(ctx, link)
	if err != nil {
		return err
	}
	defer l.Close()
	p.told, p.entries = map[string]*told{}, nil
	if ha := p.cfg.HomeAssistant.Prefix; ha != "" {
		if err := l.Subscribe(ctx, ha+"/status"); err != nil {
			return err
		}
	}
	if err := l.Publish(ctx, p.topic("status"), []byte("online"), true); err != nil {
		return err
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := p.tell(ctx, l); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-birth:
			p.entries = nil // told again, but not by every device at once
			select {
			case <-time.After(rand.N(5 * time.Second)):
			case <-ctx.Done():
			}
		case err := <-l.Lost():
			return err
		case <-ctx.Done():
			// A close may keep the will back, so the words are said.
			bye, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			return l.Publish(bye, p.topic("status"), []byte("offline"), true)
		}
	}
}

// tell publishes what changed.
func (p *plain) tell(ctx context.Context, l *fleet.Link) error {
	s := p.agent.Status()
	if err := p.discover(ctx, l, &s); err != nil {
		return err
	}
	for i := range s.Pipelines {
		if err := p.tellPipeline(ctx, l, &s.Pipelines[i], s.Time); err != nil {
			return err
		}
	}
	return nil
}

// State is the last decision of a pipeline, as its state topic has it.
type State struct {
	Time      time.Time `json:"time"`  // of the last window
	State     string    `json:"state"` // running, starting, waiting or ended
	Reason    string    `json:"reason,omitempty"`
	Label     string    `json:"label"`
	Score     float32   `json:"score"`
	PerSecond float64   `json:"per_second"`
	P95US     int64     `json:"p95_us"`
	Bundle    string    `json:"bundle"`
	Drift     string    `json:"drift,omitempty"`
	Simulated bool      `json:"simulated"`
}

func (p *plain) tellPipeline(ctx context.Context, l *fleet.Link, s *agent.PipelineStatus, now time.Time) error {
	t := p.told[s.Name]
	if t == nil {
		t = &told{}
		p.told[s.Name] = t
		if len(s.Events) > 0 {
			t.event = s.Events[0].Time // what was before is over
		}
	}
	fresh := newer(s.Events, t.event)
	for _, e := range fresh {
		if err := p.publish(ctx, l, e, false, s.Name, "event"); err != nil {
			return err
		}
		t.event = e.Time
	}
	key := fmt.Sprint(s.State, s.Label, s.Bundle, s.Reason, s.Drift.Level)
	if key == t.state && len(fresh) == 0 && now.Sub(t.at) < stateEvery {
		return nil
	}
	t.state, t.at = key, now
	return p.publish(ctx, l, State{
		Time: s.Updated, State: string(s.State), Reason: s.Reason, Label: s.Label, Score: s.Score, PerSecond: s.PerSecond,
		P95US: s.P95US, Bundle: s.Bundle, Drift: s.Drift.Level, Simulated: s.Simulated,
	}, true, s.Name, "state")
}

// newer are the events after a time, oldest first.
func newer(newestFirst []action.Record, than time.Time) (out []action.Record) {
	for i := len(newestFirst) - 1; i >= 0; i-- {
		if newestFirst[i].Time.After(than) {
			out = append(out, newestFirst[i])
		}
	}
	return out
}

func (p *plain) publish(ctx context.Context, l *fleet.Link, v any, retained bool, topic ...string) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return publish(ctx, l, p.topic(topic...), data, retained)
}

// publish waits for the broker a while, not for ever.
func publish(ctx context.Context, l *fleet.Link, topic string, data []byte, retained bool) error {
	wait, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	err := l.Publish(wait, topic, data, retained)
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("the broker took a message and never said so")
	}
	return err
}
