package agent

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/agent/uplink"
	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/ota"
	"github.com/dunlin-edge/dunlin/ota/fetch"
)

// Waits before an install is tried again double from first to last.
const (
	firstInstallWait = 5 * time.Second
	lastInstallWait  = 10 * time.Minute
	progressEvery    = 5 * time.Second // between reports of a download
)

// An updater brings what the fleet wants onto the device: one assignment, the
// newest, whose items it installs until each is in use or refused. A nil one
// belongs to an agent that takes no updates.
type updater struct {
	client   *ota.Client
	fleet    string
	version  string // of this agent
	log      *slog.Logger
	engine   inference.Options
	now      func() (time.Time, bool)
	wake     chan struct{}
	report   func()                                     // tells the fleet soon
	runner   func(string) *runner                       // by pipeline; nil where the fleet may not choose its bundle
	assigned func() []string                            // pipelines whose bundle the fleet may choose
	first    time.Duration                              // wait before the second try
	tune     func(context.Context, *fleet.Tuning) error // nil where the fleet may not
	tuning   func() *fleet.Tuning                       // what it is tuned to
	program  *program                                   // nil where the agent's own program cannot be replaced

	taking sync.Mutex // one assignment at a time, so that the newest stays

	mu    sync.Mutex
	want  fleet.Desired // zero: none
	slots map[string]*slotState
	told  time.Time // last report of progress
}

// A slotState is what the client does not know of a slot.
type slotState struct {
	have, size int64
	note       string // what goes on, or what went wrong
	refused    string // digest of a tuning
}

// newUpdater opens the updates of an enrolled device. Damage on the disk
// leaves the agent without updates, never without its pipelines.
func (a *Agent) newUpdater(id *uplink.Enrolled, spent *traffic) (*updater, error) {
	if len(id.Root) == 0 {
		a.opts.Log.Warn("no updates: the controller had no repository when this device enrolled", "hint", "dunlin-fleet repository create, then enrol this device again")
		return nil, nil
	}
	dir := filepath.Join(a.cfg.Fleet.Dir, "updates")
	u := &updater{
		fleet: id.Fleet, version: a.opts.Version, log: a.opts.Log, engine: a.engineOptions(), now: machineTime,
		wake: make(chan struct{}, 1), report: func() {}, runner: a.assignable, assigned: a.assigned, first: firstInstallWait, slots: map[string]*slotState{},
	}
	if a.cfg.Fleet.Tune && a.opts.Configuration != nil {
		u.tune, u.tuning = a.tune, a.tuning.Load
	}
	source, err := a.repository(id, spent)
	if err != nil {
		return nil, err
	}
	if u.program, err = newProgram(a.opts.Guard, a.opts.Trial); err != nil {
		return nil, err
	}
	if p := u.program; p != nil {
		p.restart, p.works = a.startAgain, a.works
	}
	u.client, err = ota.Open(ota.Config{
		Dir: dir, Root: id.Root, Source: source, Clock: u.now, Build: a.opts.Built, Canary: a.cfg.Fleet.Canary, Arch: programArch(), Trial: u.trial, Note: u.progress, Logger: a.opts.Log,
	})
	if err != nil {
		return nil, err
	}
	if a.opts.Repository == nil {
		u.recall()
	}
	return u, nil
}

// repository is where updates come from; what comes over the network is counted.
func (a *Agent) repository(id *uplink.Enrolled, spent *traffic) (fetch.Source, error) {
	if a.opts.Repository != nil {
		return a.opts.Repository, nil
	}
	tls, err := id.TLS(id.Key)
	if err != nil {
		return nil, err
	}
	web, err := fetch.NewWeb(fetch.WebConfig{URL: id.URL + "/updates/", TLS: tls})
	return counted{web, spent}, err
}

// Update installs a released bundle on a pipeline, as somebody beside the
// device wants. Signatures, floors, pins and the trial count as they do for
// the fleet's assignments; a later one of those may bring another bundle. Run
// is at work meanwhile.
func (a *Agent) Update(ctx context.Context, pipeline, target string) error {
	if a.updates == nil {
		return &RequestError{Invalid, "this device takes no updates: it is not enrolled, or was when there was no repository"}
	}
	if pipeline == ota.ProgramSlot {
		return a.updates.updateProgram(ctx, target)
	}
	r := a.assignable(pipeline)
	if r == nil {
		return &RequestError{NotFound, fmt.Sprintf("no pipeline %q with assigned: true", pipeline)}
	}
	u := a.updates
	if err := u.client.Refresh(ctx); err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	t, err := u.client.Trust().Target(ctx, target)
	if err != nil {
		return err
	}
	if err := u.client.Install(ctx, ota.Order{Slot: pipeline, Target: target, Length: t.Length, SHA256: t.SHA256}); err != nil {
		return err
	}
	return u.use(ctx, r)
}

// machineTime is the clock and whether it is synchronized.
func machineTime() (time.Time, bool) {
	return time.Now(), synchronized()
}

// assignable is the runner of a pipeline whose bundle the fleet chooses.
func (a *Agent) assignable(name string) *runner {
	r, err := a.runner(name)
	if err != nil || !r.cfg.Assigned {
		return nil
	}
	return r
}

// assigned names the slots whose contents the fleet chooses.
func (a *Agent) assigned() []string {
	var names []string
	for _, p := range a.wired.Load().cfg.Pipelines {
		if p.Assigned {
			names = append(names, p.Name)
		}
	}
	if a.opts.Guard != "" {
		names = append(names, ota.ProgramSlot)
	}
	return names
}

// recall takes up the assignment of before a restart. One that is not the last
// accepted one is forgotten; the next hello asks for it.
func (u *updater) recall() {
	data, err := u.client.Assignment()
	var d fleet.Desired
	if err == nil && data != nil {
		err = json.Unmarshal(data, &d)
	}
	if err != nil {
		u.log.Warn("assignment lost, the controller is asked for it", "err", err)
		return
	}
	u.want = d
	u.poke()
}

func seqNumber(s fleet.Seq) uint64 { return uint64(s.Term)<<32 | uint64(s.N) }

// Seq implements uplink.Updates: the assignment that is worked towards. One
// that may not begin any more counts as none, so that a new one comes.
func (u *updater) Seq() fleet.Seq {
	u.mu.Lock()
	defer u.mu.Unlock()
	if now, synced := u.now(); synced && now.After(u.want.NotAfter) {
		return fleet.Seq{}
	}
	return u.want.Seq
}

// Desire implements uplink.Updates. The session has verified the signature and
// that the assignment is for this device.
func (u *updater) Desire(d fleet.Desired) {
	if err := u.accept(d); err != nil {
		u.log.Warn("assignment refused", "seq", d.Seq.String(), "err", err)
	}
}

func (u *updater) accept(d fleet.Desired) error {
	if d.Fleet != u.fleet {
		return fmt.Errorf("it is for fleet %.64q, this device is of %q", d.Fleet, u.fleet)
	}
	u.taking.Lock()
	defer u.taking.Unlock()
	u.mu.Lock()
	have := u.want
	u.mu.Unlock()
	if have.Seq == d.Seq && !d.NotAfter.After(have.NotAfter) {
		return nil // a repetition
	}
	data, err := json.Marshal(d)
	if err == nil {
		err = u.client.Assign(seqNumber(d.Seq), data)
	}
	if err != nil {
		return err // once the floor is raised, the next hello asks for it again
	}
	u.mu.Lock()
	u.want = d
	clear(u.slots)
	u.mu.Unlock()
	u.log.Info("assignment accepted", "seq", d.Seq.String(), "items", len(d.Items))
	u.report() // the fleet's patience with this device begins now
	u.poke()
	return nil
}

func (u *updater) poke() {
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

// run works towards the assignment until ctx ends.
func (u *updater) run(ctx context.Context) {
	if u == nil {
		return
	}
	var proving sync.WaitGroup
	proving.Go(func() { u.prove(ctx) })
	defer proving.Wait()
	wait := u.first
	for ctx.Err() == nil {
		var again <-chan time.Time
		if !u.reconcile(ctx) {
			again = time.After(wait/2 + rand.N(wait))
			wait = min(2*wait, lastInstallWait)
		}
		select {
		case <-ctx.Done():
		case <-again:
		case <-u.wake:
			wait = u.first
		}
	}
	if err := u.client.Close(); err != nil {
		u.log.Error("close updates", "err", err)
	}
}

// reconcile brings every item as far as it goes; false means that trying
// again may help.
func (u *updater) reconcile(ctx context.Context) bool {
	u.mu.Lock()
	want := u.want
	u.mu.Unlock()
	done := u.tuneTo(ctx, want.Tuning)
	for _, item := range want.Items {
		err := u.bring(ctx, want, item)
		var refused *ota.RefusedError
		switch {
		case err == nil:
			u.say(item.Slot, "")
			continue
		case ctx.Err() != nil:
			return false
		case errors.As(err, &refused):
			u.say(item.Slot, refused.Reason)
			u.log.Error("refused", "slot", item.Slot, "target", item.Target, "reason", refused.Reason)
			continue
		case errors.Is(err, errNotHere):
		default:
			done = false
		}
		u.say(item.Slot, err.Error())
		u.log.Warn("update", "slot", item.Slot, "target", item.Target, "err", err)
	}
	return done
}

// errNotHere marks what no second try changes.
var errNotHere = errors.New("not for this device")

func (u *updater) bring(ctx context.Context, d fleet.Desired, item fleet.Item) error {
	if item.Slot == ota.ProgramSlot {
		return u.bringProgram(ctx, d, item)
	}
	r := u.runner(item.Slot)
	if r == nil {
		return fmt.Errorf("%w: its configuration has no pipeline %s with assigned: true", errNotHere, item.Slot)
	}
	if now := r.unit.Load(); now != nil && now.Digest == item.SHA256 {
		if a, ok := u.client.Active(item.Slot); ok && a.SHA256 == item.SHA256 {
			return nil
		}
	}
	order, err := u.order(d, item)
	if err != nil {
		return err
	}
	if err := u.client.Refresh(ctx); err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	if err := u.client.Install(ctx, order); err != nil {
		return err
	}
	return u.use(ctx, r)
}

// order is an item that may still begin.
func (u *updater) order(d fleet.Desired, item fleet.Item) (ota.Order, error) {
	order := ota.Order{Slot: item.Slot, Target: item.Target, Length: item.Length}
	if now, synced := u.now(); synced && now.After(d.NotAfter) {
		return order, fmt.Errorf("%w: the assignment ended at %s", errNotHere, d.NotAfter.Format(time.RFC3339))
	}
	_, err := hex.Decode(order.SHA256[:], []byte(item.SHA256))
	return order, err
}

// use gives a pipeline the active bundle of its slot.
func (u *updater) use(ctx context.Context, r *runner) error {
	unit, err := u.load(ctx, r.cfg.Name)
	if err == nil {
		unit, err = r.server.wrap(unit)
	}
	if err != nil {
		return err
	}
	return r.turnTo(unit, func(err error) {
		if err != nil {
			u.log.Error("bundle does not run", "pipeline", r.cfg.Name, "digest", unit.Digest[:12], "err", err)
			if err := u.client.Rollback(r.cfg.Name, "it does not run: "+err.Error()); err != nil {
				u.log.Error("go back", "pipeline", r.cfg.Name, "err", err)
			}
		}
		u.report()
	})
}

// rollback lets a pipeline run what it ran before, and pins what it runs.
func (u *updater) rollback(ctx context.Context, r *runner) error {
	if err := u.client.Rollback(r.cfg.Name, "taken back by a command"); err != nil {
		return err
	}
	u.report()
	return u.use(ctx, r)
}

// load makes the active bundle of a slot ready, or the one before where flash
// has lost it.
func (u *updater) load(ctx context.Context, slot string) (*Unit, error) {
	for {
		active, ok := u.client.Active(slot)
		if !ok {
			return nil, fmt.Errorf("slot %s: nothing is installed: %w", slot, fs.ErrNotExist)
		}
		unit, err := LoadModel(ctx, active.Path, u.engine, active.Model)
		if err == nil && unit.Digest != active.SHA256 {
			err = fmt.Errorf("bundle %s: its digest is %.12s, %.12s was installed", active.Path, unit.Digest, active.SHA256)
		}
		if err == nil {
			return unit, nil
		}
		if ctx.Err() != nil {
			return nil, err
		}
		u.log.Error("installed bundle is lost, going back", "pipeline", slot, "err", err)
		if back := u.client.Rollback(slot, "it could not be loaded again: "+err.Error()); back != nil {
			return nil, errors.Join(err, back)
		}
	}
}

// unit is what a pipeline starts with: the installed bundle, or that of the
// configuration where none is.
func (a *Agent) unit(ctx context.Context, p config.Pipeline, units map[string]*Unit) (*Unit, error) {
	if p.Assigned && a.updates != nil {
		u, err := a.updates.load(ctx, p.Name)
		if err == nil {
			return u, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			a.opts.Log.Error("no installed bundle can be used", "pipeline", p.Name, "err", err)
		}
	}
	if p.Bundle == "" {
		return nil, nil
	}
	if u := units[p.Bundle]; u != nil {
		return u, nil
	}
	u, err := Load(ctx, p.Bundle, a.engineOptions())
	if err == nil {
		err = u.newerAgent(a.opts.Version)
	}
	if err != nil {
		return nil, fmt.Errorf("pipeline %s: %w", p.Name, err)
	}
	units[p.Bundle] = u
	return u, nil
}
