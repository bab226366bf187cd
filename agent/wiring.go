package agent

import (
	"context"
	"fmt"
	"slices"

	"github.com/dunlin-edge/dunlin/agent/action"
	"github.com/dunlin-edge/dunlin/agent/config"
)

// A wiring is what one configuration sets up: sources, and pipelines on them.
// Once in use it does not change; a reload makes another, which takes over
// what stays the same.
type wiring struct {
	cfg     *config.Config
	feeds   []*feed
	runners []*runner
}

// units are what pipelines start with, by name. Pipelines on one bundle share
// its model; nil is a pipeline without a bundle yet.
type units map[string]*Unit

// load makes ready what pipelines start with, before anything is opened.
func (a *Agent) load(ctx context.Context, pipelines []config.Pipeline) (units, error) {
	byPath, out := map[string]*Unit{}, units{}
	for _, p := range pipelines {
		u, err := a.unit(ctx, p, byPath)
		if err != nil {
			return nil, err
		}
		out[p.Name] = u
	}
	return out, nil
}

// wire opens what pipelines need and the wiring does not have yet.
func (a *Agent) wire(w *wiring, pipelines []config.Pipeline, with units) error {
	for _, p := range pipelines {
		f, err := a.feedFor(w, p)
		if err != nil {
			return err
		}
		server := a.newAccelerator(p)
		u, err := server.wrap(with[p.Name])
		if err != nil {
			return err
		}
		r, err := newRunner(p, u, f, a.cfg.Device.Name, a.opts.Clock, a.opts.Log)
		if err != nil {
			return err
		}
		r.server = server
		r.keep(a.records)
		r.tap = a.kept.tap(p)
		if err := a.addActions(r); err != nil {
			return err
		}
		w.runners = append(w.runners, r)
	}
	return nil
}

// feedFor opens a pipeline's source, or joins it where it is open.
func (a *Agent) feedFor(w *wiring, p config.Pipeline) (*feed, error) {
	for _, f := range w.feeds {
		if f.cfg.Name == p.Source {
			return f, w.mayShare(f, p)
		}
	}
	for _, s := range w.cfg.Sources {
		if s.Name != p.Source {
			continue
		}
		f, err := newFeed(s, a.opts.Clock, a.opts.Log)
		if err != nil {
			return nil, err
		}
		tell := a.records.tellOf("source " + s.Name)
		f.sup.failed = func(restarts int, err error) {
			if tell != nil {
				tell(restarts, err)
			}
			a.haltActions(func(r *runner) bool { return r.feed == f })
		}
		w.feeds = append(w.feeds, f)
		return f, nil
	}
	return nil, fmt.Errorf("pipeline %s: no source is named %q", p.Name, p.Source)
}

// mayShare refuses a second pipeline on an exclusive source.
func (w *wiring) mayShare(f *feed, p config.Pipeline) error {
	if !f.cfg.Exclusive && !f.input().exclusive() {
		return nil
	}
	for _, r := range w.runners {
		if r.feed == f {
			return setup(p.At, fmt.Errorf("pipelines %s and %s: both want source %s, which is exclusive", r.cfg.Name, p.Name, p.Source), ownSource)
		}
	}
	return nil
}

func (a *Agent) addActions(r *runner) error {
	for _, cfg := range r.cfg.Actions {
		act, err := action.New(cfg, a.files, r.log)
		if err != nil {
			for _, open := range r.actions { // r is not the wiring's yet
				open.Discard()
			}
			return setup(cfg.At, fmt.Errorf("pipeline %s: %w", r.cfg.Name, err), checkAction)
		}
		r.actions = append(r.actions, act)
	}
	return nil
}

// release halts the sources and switches off what is driven, of a wiring that
// does not run.
func (w *wiring) release() {
	for _, r := range w.runners {
		for _, act := range r.actions {
			act.Discard()
		}
	}
	for _, f := range w.feeds {
		f.input().halt()
	}
}

// sort brings sources and pipelines into the order of the configuration.
func (w *wiring) sort() {
	slices.SortFunc(w.feeds, func(x, y *feed) int {
		of := func(f *feed) int {
			return slices.IndexFunc(w.cfg.Sources, func(s config.Source) bool { return s.Name == f.cfg.Name })
		}
		return of(x) - of(y)
	})
	slices.SortFunc(w.runners, func(x, y *runner) int {
		of := func(r *runner) int {
			return slices.IndexFunc(w.cfg.Pipelines, func(p config.Pipeline) bool { return p.Name == r.cfg.Name })
		}
		return of(x) - of(y)
	})
}
