package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/agent/uplink"
	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/telemetry"
	"github.com/dunlin-edge/dunlin/telemetry/ship"
)

// meterFile counts the bytes of the month, beside the telemetry store.
const meterFile = "bytes.json"

// membership is what an agent of a fleet has besides its pipelines. A nil one
// is an agent on its own.
type membership struct {
	up      *uplink.Uplink
	shipper *ship.Shipper // nil where no records are kept
	spent   *traffic      // likewise
}

// join prepares the link. An agent that is not enrolled yet works on its own:
// its pipelines come first, and the log says what to do.
func (a *Agent) join() (*membership, error) {
	if a.cfg.Fleet.Dir == "" {
		return nil, nil
	}
	id, err := uplink.Load(a.cfg.Fleet.Dir)
	if errors.Is(err, uplink.ErrNotEnrolled) {
		if a.cfg.Fleet.URL == "" {
			a.opts.Log.Warn("not enrolled, working alone", "err", err, "hint", "dunlin enroll URL TOKEN, then restart the agent")
		}
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("fleet: %w", err)
	}
	m := &membership{}
	if err := a.shipRecords(m); err != nil {
		return nil, fmt.Errorf("fleet: %w", err)
	}
	if a.updates, err = a.newUpdater(id, m.spent); err != nil {
		if a.opts.Repository != nil {
			return nil, fmt.Errorf("fleet: %w", err) // updating is what this agent is for
		}
		a.opts.Log.Error("no updates", "err", err) // pipelines run all the same
	}
	cfg := uplink.Config{
		Dir: a.cfg.Fleet.Dir, Identity: id, Describe: m.spent.reports(a.describe), Unsigned: a.cfg.Fleet.Unsigned, Log: a.opts.Log,
		Commands: a.commands(),
	}
	cfg.Commands["upload"] = uplink.Command{Do: a.uploadCapture(id, m.spent), Time: uploadTime, Beside: true}
	if a.cfg.Fleet.Metered {
		cfg.Link = ship.Metered // where every chunk costs, who looks has to wait
	} else {
		cfg.Watched = a.records.hasten
	}
	if m.shipper != nil {
		cfg.Records = m.shipper
	}
	if a.updates != nil {
		cfg.Updates = a.updates
	}
	if m.up, err = uplink.New(cfg); err != nil {
		return nil, fmt.Errorf("fleet: %w", err)
	}
	if a.updates != nil {
		a.updates.report = m.up.Report
	}
	return m, nil
}

// A Member is a device of a fleet, as its folder says.
type Member struct {
	Device, Fleet string
	NotAfter      time.Time // of its certificate; zero where that cannot be read
	Updates       bool      // it has a root of trust for them
}

// Membership reads what enrolment left for a configuration.
func Membership(cfg *config.Config) (Member, error) {
	id, err := uplink.Load(cfg.Fleet.Dir)
	if err != nil {
		return Member{}, err
	}
	return Member{id.Device, id.Fleet, id.Ends(), len(id.Root) > 0}, nil
}

// shipRecords prepares the delivery of what the store keeps.
func (a *Agent) shipRecords(m *membership) error {
	if a.records == nil {
		return nil
	}
	if err := os.MkdirAll(a.cfg.Telemetry.Dir, 0o700); err != nil {
		a.opts.Log.Error("telemetry folder", "err", err) // pipelines run all the same
	}
	var err error
	if m.spent, err = newTraffic(a.cfg, filepath.Join(a.cfg.Telemetry.Dir, meterFile), a.records.clock); err != nil {
		a.opts.Log.Warn("byte counts of the month are lost", "err", err)
	}
	m.shipper, err = ship.New(ship.Config{Store: kept{a.records}, Transport: m, Meter: m.spent.meter, Clock: a.records.clock, Logger: a.opts.Log})
	return err
}

// Publish implements ship.Transport.
func (m *membership) Publish(ctx context.Context, chunk []byte) error {
	return m.up.Publish(ctx, chunk)
}

// run keeps the link until ctx ends.
func (m *membership) run(ctx context.Context) {
	if m == nil {
		return
	}
	var all sync.WaitGroup
	if m.shipper != nil {
		all.Go(func() { _ = m.shipper.Run(ctx) }) // ends with ctx and no other way
	}
	_ = m.up.Run(ctx) // what goes wrong on the way is in the log and in the status
	all.Wait()
}

func (m *membership) status() *uplink.Status {
	if m == nil {
		return nil
	}
	s := m.up.Status()
	return &s
}

// kept is the store as the shipper sees it: there may be none for a while.
type kept struct{ *recorder }

var errNoStore = errors.New("there is no telemetry store now")

func (k kept) Pending(most int, lowest telemetry.Kind, skip func(telemetry.Sealed) bool) ([]telemetry.Sealed, error) {
	if l := k.store.Load(); l != nil {
		return l.Pending(most, lowest, skip)
	}
	return nil, errNoStore
}

func (k kept) Ack(ack telemetry.Ack) error {
	if l := k.store.Load(); l != nil {
		return l.Ack(ack)
	}
	return errNoStore
}

func (k kept) Account() (telemetry.Account, error) {
	if l := k.store.Load(); l != nil {
		return l.Account()
	}
	return telemetry.Account{}, errNoStore
}

func (k kept) Sealed() <-chan struct{} {
	if l := k.store.Load(); l != nil {
		return l.Sealed()
	}
	return nil
}

// describe is what the controller is told of this device.
func (a *Agent) describe() fleet.Reported {
	s := a.Status()
	r := fleet.Reported{Version: a.opts.Version, Board: board(), Labels: s.Labels, Canary: a.cfg.Fleet.Canary}
	r.Seq, r.Slots = a.updates.status()
	r.Tunable = a.tunable()
	for _, p := range s.Pipelines {
		if p.Bundle == "" {
			continue // its slot tells
		}
		name, version, _ := strings.Cut(p.Bundle, "@")
		r.Simulated = r.Simulated || p.Simulated
		r.Pipelines = append(r.Pipelines, fleet.PipelineReported{
			Name: p.Name, Bundle: name, Version: version, Digest: p.Digest, State: string(p.State), Reason: clip(p.Reason),
			Rate: p.PerSecond, P95: p.P95US, Label: p.Label, Windows: p.Windows, Lost: p.Lost, Labels: len(p.Labels),
		})
		if x := p.Server; x != nil && !x.OnServer {
			r.Problems = append(r.Problems, clip(p.Name+" runs on the CPU instead of its server: "+x.Reason))
		}
	}
	if t := s.Telemetry; t != nil && t.Error != "" {
		r.Problems = append(r.Problems, clip("telemetry is not kept: "+t.Error))
	}
	return r
}

func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), 500)], "") }

// board reads what the agent runs on.
func board() fleet.Board {
	b := fleet.Board{Arch: programArch(), CPUs: runtime.NumCPU(), Memory: totalMemory(), Tier: inference.Tier()}
	for _, path := range []string{"/sys/firmware/devicetree/base/model", "/sys/class/dmi/id/product_name"} {
		if data, err := os.ReadFile(path); err == nil {
			b.Model = clip(strings.TrimRight(string(data), "\x00\n "))
			break
		}
	}
	return b
}
