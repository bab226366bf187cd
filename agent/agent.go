// Package agent is the composition root on the device: it opens the sources,
// loads and verifies the bundles, runs the pipelines and carries out their
// actions, each on its own, until it is told to stop.
//
// Start with [New] and [Agent.Run]; [Agent.Status] is what every view shows.
// [Load] makes a bundle ready to run, [Unit.NewClassifier] runs it on files.
//
// One goroutine reads each source and hands copies to every pipeline on it;
// one goroutine owns each pipeline. Neither allocates once warm. A pipeline or
// source that fails or panics restarts alone, after 1 s to 1 min. Samples are
// lost only where a live source cannot wait, and then counted; of images a
// live camera's newest wins.
package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/agent/action"
	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/ota/fetch"
)

// Options are what an Agent needs besides its configuration.
type Options struct {
	Stdout io.Writer    // for actions that write to "-"
	Log    *slog.Logger // nil discards
	Clock  hal.Clock    // nil is the machine's
	// CheckStore checks the telemetry store before it is opened; nil is
	// telemetry.Check, which a damaged file can take the process down with.
	CheckStore func(path string) error
	Version    string        // of this build, for the fleet
	Guard      string        // folder of the guard that started this process; "" where none did
	Trial      time.Duration // that the guard gives a new program; 0 is 5 minutes
	Built      time.Time     // when; the clock cannot be before it
	Repository fetch.Source  // to update from, instead of the fleet's; nil is the fleet's
	UntilEOF   bool          // Run returns once every recording has been worked off, with an error if anything had to restart
}

// Agent runs the pipelines of one device. Run is called once; everything else
// may be called concurrently with it.
type Agent struct {
	cfg     *config.Config
	opts    Options
	started time.Time
	files   *action.Files
	feeds   []*feed
	runners []*runner
	records *recorder     // nil where none are kept
	kept    *captures     // nil where none are
	updates *updater      // nil where the fleet chooses no bundles
	member  *membership   // nil where the agent works alone
	oneShot chan struct{} // holds a token while a picture or clip is classified
	again   chan struct{} // closed when another program is to start
	once    sync.Once     // closes it
}

// New opens and checks everything that the configuration names. An error means
// that nothing is left open.
func New(ctx context.Context, cfg *config.Config, o Options) (*Agent, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = hal.Wall{}
	}
	o.Log = o.Log.With("device", cfg.Device.Name)
	a := &Agent{cfg: cfg, opts: o, started: o.Clock.Now(), files: action.NewFiles(o.Stdout), oneShot: make(chan struct{}, 1), again: make(chan struct{})}
	if err := a.build(ctx); err != nil {
		a.release()
		return nil, err
	}
	return a, nil
}

func (a *Agent) build(ctx context.Context) error {
	var err error
	if a.records, err = newRecorder(a.cfg, a.opts); err != nil {
		return err
	}
	a.kept = newCaptures(a.cfg, a.records, a.opts)
	if a.member, err = a.join(); err != nil {
		return err
	}
	units := map[string]*Unit{} // pipelines on one bundle share its model
	for _, p := range a.cfg.Pipelines {
		f, err := a.feedFor(p)
		if err != nil {
			return err
		}
		u, err := a.unit(ctx, p, units)
		if err != nil {
			return err
		}
		r, err := newRunner(p, u, f, a.cfg.Device.Name, a.opts.Clock, a.opts.Log)
		if err != nil {
			return err
		}
		r.keep(a.records)
		r.tap = a.kept.tap(p)
		if err := a.addActions(r); err != nil {
			return err
		}
		a.runners = append(a.runners, r)
	}
	return nil
}

func (a *Agent) engineOptions() inference.Options {
	return inference.Options{MaxMemory: a.cfg.Limits.Memory}
}

// feedFor opens a pipeline's source, or joins it where it is open.
func (a *Agent) feedFor(p config.Pipeline) (*feed, error) {
	for _, f := range a.feeds {
		if f.cfg.Name == p.Source {
			return f, a.mayShare(f, p)
		}
	}
	for _, s := range a.cfg.Sources {
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
		a.feeds = append(a.feeds, f)
		return f, nil
	}
	return nil, fmt.Errorf("pipeline %s: no source is named %q", p.Name, p.Source)
}

// mayShare refuses a second pipeline on an exclusive source.
func (a *Agent) mayShare(f *feed, p config.Pipeline) error {
	if !f.cfg.Exclusive && !f.input().exclusive() {
		return nil
	}
	for _, r := range a.runners {
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
			for _, open := range r.actions { // r is not the agent's yet
				open.Discard()
			}
			return setup(cfg.At, fmt.Errorf("pipeline %s: %w", r.cfg.Name, err), checkAction)
		}
		r.actions = append(r.actions, act)
	}
	return nil
}

// haltActions puts what pipelines drive into its safe state: nothing decides
// for now.
func (a *Agent) haltActions(of func(*runner) bool) {
	for _, r := range a.runners {
		if of(r) {
			r.haltActions()
		}
	}
}

// Close gives up an agent that was never Run.
func (a *Agent) Close() error { return a.release() }

// release halts the sources, switches off what is driven, and closes the files.
func (a *Agent) release() error {
	for _, r := range a.runners {
		for _, act := range r.actions {
			act.Discard()
		}
	}
	for _, f := range a.feeds {
		f.input().halt()
	}
	return a.files.Close()
}

// Run works until ctx ends, or with UntilEOF until the recordings do. Then it
// drains: sources halt, windows in flight finish, actions are carried out, for
// at most limits.drain. ErrRestart tells that another program is to start.
func (a *Agent) Run(ctx context.Context) error {
	hard, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	soft, stop := context.WithCancel(ctx)
	defer stop()
	context.AfterFunc(soft, func() {
		for _, f := range a.feeds {
			f.input().halt()
		}
		if pause(hard, a.opts.Clock.After(a.cfg.Limits.Drain)) {
			abandon()
		}
	})

	kept := a.keepRecords(hard)
	captured := a.kept.start(hard)
	var linked sync.WaitGroup
	linked.Go(func() { a.member.run(soft) })
	linked.Go(func() { a.updates.run(soft) })
	linked.Go(func() {
		select {
		case <-a.again:
			stop()
		case <-soft.Done():
		}
	})
	var feeds, work sync.WaitGroup
	for _, f := range a.feeds {
		feeds.Go(func() { f.run(soft) })
	}
	for _, r := range a.runners {
		work.Go(func() { a.runPipeline(hard, r) })
	}
	feeds.Wait()
	work.Wait()
	if !a.opts.UntilEOF {
		<-soft.Done() // the views stay after a recording's end
	}
	late := hard.Err() != nil // from here on no pipeline has work that could be cut off
	stop()
	linked.Wait()
	late = !captured() || late
	late = !kept() || late
	if err := a.release(); err != nil {
		return fmt.Errorf("close files: %w", err)
	}
	if late {
		return fmt.Errorf("stop: work was left undone after %s", a.cfg.Limits.Drain)
	}
	select {
	case <-a.again:
		return ErrRestart
	default:
	}
	if a.opts.UntilEOF {
		return a.setbacks()
	}
	return nil
}

// startAgain ends Run in favour of another program.
func (a *Agent) startAgain() { a.once.Do(func() { close(a.again) }) }

// setbacks tells of sources and pipelines that failed on the way, so that a
// run over recordings with holes does not pass for a whole one.
func (a *Agent) setbacks() error {
	var errs []error
	tell := func(what, name string, h Health) {
		if h.Restarts > 0 {
			errs = append(errs, fmt.Errorf("%s %s failed %d times, the last time by: %s", what, name, h.Restarts, h.Reason))
		}
	}
	for _, f := range a.feeds {
		tell("source", f.cfg.Name, f.sup.Health())
	}
	for _, r := range a.runners {
		tell("pipeline", r.cfg.Name, r.sup.Health())
	}
	return errors.Join(errs...)
}

// runPipeline runs one pipeline and its actions until both have finished.
func (a *Agent) runPipeline(ctx context.Context, r *runner) {
	var workers sync.WaitGroup
	for _, act := range r.actions {
		workers.Go(func() { act.Run(ctx) })
	}
	r.run(ctx)
	for _, act := range r.actions {
		act.Close()
	}
	workers.Wait()
}

// Status describes everything at this moment.
func (a *Agent) Status() Status {
	now := a.opts.Clock.Now()
	s := Status{Time: now, Started: a.started, Device: a.cfg.Device.Name, Labels: a.cfg.Device.Labels, Telemetry: a.records.status(), Captures: a.kept.status(), Fleet: a.member.status(), Traffic: a.member.traffic()}
	for _, f := range a.feeds {
		s.Sources = append(s.Sources, f.status(now))
	}
	for _, r := range a.runners {
		s.Pipelines = append(s.Pipelines, r.status())
	}
	return s
}

// Inject makes a source develop a fault; severity is above 0 to 1. The error
// is a *RequestError where the source or fault does not exist.
func (a *Agent) Inject(source, fault string, severity float64) error {
	for _, f := range a.feeds {
		if f.cfg.Name == source {
			return f.inject(fault, severity)
		}
	}
	return &RequestError{NotFound, fmt.Sprintf("no source is named %q", source)}
}

// WriteFrame writes the last image of a pipeline as PNG; false means that
// there is none yet.
func (a *Agent) WriteFrame(w io.Writer, pipeline string) (bool, error) {
	r, err := a.runner(pipeline)
	if err != nil {
		return false, err
	}
	return r.view.frame.writePNG(w)
}

func (a *Agent) runner(name string) (*runner, error) {
	for _, r := range a.runners {
		if r.cfg.Name == name {
			return r, nil
		}
	}
	return nil, &RequestError{NotFound, fmt.Sprintf("no pipeline is named %q", name)}
}
