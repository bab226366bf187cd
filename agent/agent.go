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
	"sync/atomic"
	"time"

	"github.com/dunlin-edge/dunlin/agent/action"
	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/fleet"
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
	// Configuration reads the configuration again, for Reload; nil allows none.
	Configuration func() (*config.Config, error)
	UntilEOF      bool // Run returns once every recording has been worked off, with an error if anything had to restart
}

// Agent runs the pipelines of one device. Run is called once; everything else
// may be called concurrently with it.
type Agent struct {
	cfg     *config.Config // of the start; what a reload can change is in wired
	opts    Options
	started time.Time
	files   *action.Files
	wired   atomic.Pointer[wiring]
	lines   *logLines
	records *recorder     // nil where none are kept
	kept    *captures     // nil where none are
	updates *updater      // nil where the fleet chooses no bundles
	member  *membership   // nil where the agent works alone
	oneShot chan struct{} // holds a token while a picture or clip is classified
	again   chan struct{} // closed when another program is to start
	once    sync.Once     // closes it

	turn  sync.Mutex // of whoever changes what runs
	work  *work      // nil unless Run is at work and open to changes
	loads loads
	// tuning is what the fleet has tuned this to; nil: nothing.
	tuning  atomic.Pointer[fleet.Tuning]
	retuned chan struct{} // readings of health may be due at other times
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
	lines := newLogLines(o.Clock)
	o.Log = lines.over(o.Log).With("device", cfg.Device.Name)
	a := &Agent{cfg: cfg, opts: o, started: o.Clock.Now(), lines: lines, files: action.NewFiles(o.Stdout), oneShot: make(chan struct{}, 1), again: make(chan struct{}), retuned: make(chan struct{}, 1)}
	a.loads.note(a.started, nil)
	if err := a.build(ctx); err != nil {
		a.release()
		return nil, err
	}
	return a, nil
}

func (a *Agent) build(ctx context.Context) error {
	w := &wiring{cfg: a.cfg}
	a.wired.Store(w)
	var err error
	if a.records, err = newRecorder(a.cfg, a.opts); err != nil {
		return err
	}
	a.kept = newCaptures(a.cfg, a.records, a.opts)
	if a.member, err = a.join(); err != nil {
		return err
	}
	with, err := a.load(ctx, a.cfg.Pipelines)
	if err != nil {
		return err
	}
	return a.wire(w, a.cfg.Pipelines, with)
}

func (a *Agent) engineOptions() inference.Options {
	return inference.Options{MaxMemory: a.cfg.Limits.Memory}
}

// haltActions puts what pipelines drive into its safe state: nothing decides
// for now.
func (a *Agent) haltActions(of func(*runner) bool) {
	for _, r := range a.wired.Load().runners {
		if of(r) {
			r.haltActions()
		}
	}
}

// Close gives up an agent that was never Run.
func (a *Agent) Close() error { return a.release() }

// release halts the sources, switches off what is driven, and closes the files.
func (a *Agent) release() error {
	a.wired.Load().release()
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
		if pause(hard, a.opts.Clock.After(a.cfg.Limits.Drain)) {
			abandon()
		}
	})

	kept := a.keepRecords(hard)
	captured := a.kept.start(hard)
	var linked sync.WaitGroup
	linked.Go(func() { a.member.run(soft) })
	linked.Go(func() { a.updates.run(soft) })
	linked.Go(func() { a.enrolByItself(soft) })
	linked.Go(func() {
		select {
		case <-a.again:
			stop()
		case <-soft.Done():
		}
	})
	at := &work{soft: soft, hard: hard}
	a.open(at)
	if !a.opts.UntilEOF {
		<-soft.Done() // the views stay after a recording's end
	}
	a.shut()
	at.feeds.Wait()
	at.runners.Wait()
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
	for _, f := range a.wired.Load().feeds {
		tell("source", f.cfg.Name, f.sup.Health())
	}
	for _, r := range a.wired.Load().runners {
		tell("pipeline", r.cfg.Name, r.sup.Health())
	}
	return errors.Join(errs...)
}

// Status describes everything at this moment.
func (a *Agent) Status() Status {
	now := a.opts.Clock.Now()
	w := a.wired.Load()
	s := Status{Time: now, Started: a.started, Device: a.cfg.Device.Name, Labels: w.cfg.Device.Labels, Telemetry: a.records.status(), Captures: a.kept.status(), Fleet: a.member.status(), Traffic: a.member.traffic(), Loaded: a.loads.read()}
	for _, f := range w.feeds {
		s.Sources = append(s.Sources, f.status(now))
	}
	for _, r := range w.runners {
		s.Pipelines = append(s.Pipelines, r.status())
	}
	return s
}

// Inject makes a source develop a fault; severity is above 0 to 1. The error
// is a *RequestError where the source or fault does not exist.
func (a *Agent) Inject(source, fault string, severity float64) error {
	for _, f := range a.wired.Load().feeds {
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
	for _, r := range a.wired.Load().runners {
		if r.cfg.Name == name {
			return r, nil
		}
	}
	return nil, &RequestError{NotFound, fmt.Sprintf("no pipeline is named %q", name)}
}
