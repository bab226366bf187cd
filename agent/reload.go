package agent

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/ota/bundle"
)

// Reloaded tells what a reload changed, by name.
type Reloaded struct {
	Sources   Changed `json:"sources"`
	Pipelines Changed `json:"pipelines"`
}

// Changed sorts the names of one kind. What was restarted began anew, from
// fresh state; Kept went on without noticing.
type Changed struct {
	Added     []string `json:"added,omitempty"`
	Restarted []string `json:"restarted,omitempty"`
	Removed   []string `json:"removed,omitempty"`
	Kept      int      `json:"kept"`
}

// LoadedStatus tells which configuration runs.
type LoadedStatus struct {
	At     time.Time `json:"at"`               // when it was read
	Failed time.Time `json:"failed,omitzero"`  // when a newer one was refused; what ran runs on
	Reason string    `json:"reason,omitempty"` // why
}

type loads struct {
	mu  sync.Mutex
	now LoadedStatus
}

func (l *loads) read() LoadedStatus {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

func (l *loads) note(at time.Time, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.now = LoadedStatus{At: at}
		return
	}
	l.now.Failed, l.now.Reason = at, err.Error()
}

// open lets the wiring work, and others change it from now on.
func (a *Agent) open(at *work) {
	a.turn.Lock()
	defer a.turn.Unlock()
	at.start(a.wired.Load())
	if !a.opts.UntilEOF {
		a.work = at
	}
}

// shut ends changes, after the one under way.
func (a *Agent) shut() {
	a.turn.Lock()
	defer a.turn.Unlock()
	a.work = nil
}

// Reload reads the configuration again and carries out what changed. Sources
// and pipelines that stayed the same go on; a pipeline whose bundle's file
// changed begins anew. Where anything is wrong nothing changes, and Status says
// why. The error tells so too; it is a *RequestError where Run is not at work.
func (a *Agent) Reload(ctx context.Context) (*Reloaded, error) {
	a.turn.Lock()
	defer a.turn.Unlock()
	if a.work == nil || a.opts.Configuration == nil {
		return nil, &RequestError{Busy, "the agent takes no new configuration now"}
	}
	cfg, err := a.opts.Configuration()
	var done *Reloaded
	if err == nil {
		if with, wrong := tuned(cfg, a.tuning.Load()); wrong == nil {
			cfg = with
		} else { // the device's own configuration comes first
			a.noteTuning(nil)
		}
		done, err = a.rewire(ctx, cfg)
	}
	a.loads.note(a.opts.Clock.Now(), err)
	if err != nil {
		a.opts.Log.Error("configuration not taken, the one of before runs on", "err", err)
		return nil, err
	}
	a.opts.Log.Info("configuration reloaded", "pipelines", len(cfg.Pipelines),
		"added", done.Pipelines.Added, "restarted", done.Pipelines.Restarted, "removed", done.Pipelines.Removed)
	if a.updates != nil {
		a.updates.poke()
		a.updates.report()
	}
	return done, nil
}

// rewire brings what runs to what cfg says. Everything that can be found out
// beforehand is: bundles are loaded and verified before anything stops. A
// device, though, can be opened by one at a time; where a new source or output
// does not open, the old ones are opened again.
func (a *Agent) rewire(ctx context.Context, cfg *config.Config) (*Reloaded, error) {
	old := a.wired.Load()
	if err := needsRestart(old.cfg, cfg); err != nil {
		return nil, err
	}
	keep, err := old.same(cfg)
	if err != nil {
		return nil, err
	}
	fresh := keep.missing(cfg)
	with, err := a.load(ctx, fresh)
	if err != nil {
		return nil, err
	}
	a.stop(ctx, old, keep)
	next := &wiring{cfg: cfg, feeds: slices.Clone(keep.feeds), runners: slices.Clone(keep.runners)}
	if err := a.wire(next, fresh, with); err != nil {
		a.discard(next, keep)
		return nil, errors.Join(err, a.restore(old, keep))
	}
	next.sort()
	a.wired.Store(next)
	a.work.start(next)
	return compareWirings(old, next, keep), nil
}

// needsRestart refuses a change of what only a start sets up.
func needsRestart(old, now *config.Config) error {
	for _, s := range []struct {
		name     string
		old, now any
	}{
		{"device.name", old.Device.Name, now.Device.Name}, {"limits", old.Limits, now.Limits}, {"api", old.API, now.API},
		{"telemetry", old.Telemetry, now.Telemetry}, {"fleet", old.Fleet, now.Fleet}, {"mqtt", old.MQTT, now.MQTT}, {"serve", old.Serve, now.Serve},
	} {
		if !reflect.DeepEqual(s.old, s.now) {
			return &RestartError{s.name}
		}
	}
	return nil
}

// A RestartError names a section that a reload cannot change.
type RestartError struct{ Section string }

func (e *RestartError) Error() string { return e.Section + ": a change here takes a restart" }

// Hint says what to do next.
func (e *RestartError) Hint() string {
	return "systemctl restart dunlin; until then everything runs as before"
}

// same is the part of a wiring that cfg leaves as it is.
func (w *wiring) same(cfg *config.Config) (*wiring, error) {
	keep := &wiring{cfg: cfg}
	for _, s := range cfg.Sources {
		used := slices.ContainsFunc(cfg.Pipelines, func(p config.Pipeline) bool { return p.Source == s.Name })
		i := slices.IndexFunc(w.feeds, func(f *feed) bool { return f.cfg.Name == s.Name && f.cfg.Digest == s.Digest })
		if i >= 0 && used {
			keep.feeds = append(keep.feeds, w.feeds[i])
		}
	}
	for _, p := range cfg.Pipelines {
		i := slices.IndexFunc(w.runners, func(r *runner) bool {
			return r.cfg.Name == p.Name && r.cfg.Digest == p.Digest && slices.Contains(keep.feeds, r.feed)
		})
		if i < 0 {
			continue
		}
		same, err := w.runners[i].onDisk()
		if err != nil {
			return nil, fmt.Errorf("pipeline %s: %w", p.Name, err)
		}
		if same {
			keep.runners = append(keep.runners, w.runners[i])
		}
	}
	return keep, nil
}

// onDisk tells whether the configured bundle is the one in use. Where the
// fleet chooses, what the file holds does not matter.
func (r *runner) onDisk() (bool, error) {
	if r.cfg.Assigned {
		return true, nil
	}
	b, err := bundle.Open(r.cfg.Bundle)
	if err != nil {
		return false, &LoadError{r.cfg.Bundle, err}
	}
	defer b.Close()
	u := r.unit.Load()
	return u != nil && u.Digest == fmt.Sprintf("%x", b.Digest()), nil
}

// missing are the pipelines of cfg that the wiring lacks.
func (w *wiring) missing(cfg *config.Config) []config.Pipeline {
	return slices.DeleteFunc(slices.Clone(cfg.Pipelines), func(p config.Pipeline) bool {
		return slices.ContainsFunc(w.runners, func(r *runner) bool { return r.cfg.Name == p.Name })
	})
}

// stop ends the pipelines and sources that are not kept. A pipeline works off
// what waits for it; one that does not within limits.drain is cut off.
func (a *Agent) stop(ctx context.Context, w, keep *wiring) {
	for _, r := range w.runners {
		if slices.Contains(keep.runners, r) {
			continue
		}
		r.feed.remove(r.samples, r.frames)
		close(r.gone)
		cut := context.AfterFunc(ctx, r.task.cancel)
		select {
		case <-r.task.done:
		case <-a.opts.Clock.After(a.cfg.Limits.Drain):
			r.task.cancel()
			<-r.task.done
		}
		cut()
	}
	for _, f := range w.feeds {
		if !slices.Contains(keep.feeds, f) {
			f.task.cancel()
			<-f.task.done
		}
	}
}

// discard gives up what a wiring has opened beyond what is kept.
func (a *Agent) discard(w, keep *wiring) {
	for _, r := range w.runners {
		if !slices.Contains(keep.runners, r) {
			r.feed.remove(r.samples, r.frames)
			for _, act := range r.actions {
				act.Discard()
			}
		}
	}
	for _, f := range w.feeds {
		if !slices.Contains(keep.feeds, f) {
			f.input().halt()
		}
	}
}

// restore opens again what was stopped. Where even that fails the agent ends,
// for its service to start it again.
func (a *Agent) restore(old, keep *wiring) error {
	back := &wiring{cfg: old.cfg, feeds: slices.Clone(keep.feeds), runners: slices.Clone(keep.runners)}
	with := units{}
	for _, r := range old.runners {
		u := r.unit.Load()
		if u != nil && u.plain != nil {
			u = u.plain
		}
		with[r.cfg.Name] = u
	}
	if err := a.wire(back, keep.missing(old.cfg), with); err != nil {
		a.discard(back, keep)
		a.wired.Store(&wiring{cfg: old.cfg, feeds: keep.feeds, runners: keep.runners})
		a.startAgain()
		return fmt.Errorf("what ran before does not open again either, so the agent ends: %w", err)
	}
	back.sort()
	a.wired.Store(back)
	a.work.start(back)
	return nil
}

func compareWirings(old, now, keep *wiring) *Reloaded {
	feeds := func(w *wiring) (names []string) {
		for _, f := range w.feeds {
			names = append(names, f.cfg.Name)
		}
		return names
	}
	runners := func(w *wiring) (names []string) {
		for _, r := range w.runners {
			names = append(names, r.cfg.Name)
		}
		return names
	}
	return &Reloaded{
		Sources:   compareNames(feeds(old), feeds(now), feeds(keep)),
		Pipelines: compareNames(runners(old), runners(now), runners(keep)),
	}
}

func compareNames(old, now, kept []string) Changed {
	c := Changed{Kept: len(kept)}
	for _, n := range now {
		switch {
		case slices.Contains(kept, n):
		case slices.Contains(old, n):
			c.Restarted = append(c.Restarted, n)
		default:
			c.Added = append(c.Added, n)
		}
	}
	for _, n := range old {
		if !slices.Contains(now, n) {
			c.Removed = append(c.Removed, n)
		}
	}
	return c
}
