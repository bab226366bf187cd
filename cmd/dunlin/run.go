package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/agent/local"
	"github.com/dunlin-edge/dunlin/agent/serve"
	"github.com/dunlin-edge/dunlin/agent/sink"
	"github.com/dunlin-edge/dunlin/cmd/internal/logs"
	"github.com/dunlin-edge/dunlin/telemetry"
)

const runUsage = `Usage: dunlin run [--config FILE] [--view] [--until-eof]

Runs the agent: opens the sources, verifies the bundles, runs the pipelines and
their actions, and serves the local page, until SIGTERM or Ctrl-C. Then sources
stop, windows in flight finish and actions are carried out; a second signal
ends it at once.

SIGHUP reads the configuration again: only what changed restarts, and where
anything is wrong nothing does (dunlin config reload says which).

As a service of systemd it says when it is ready and what it does, and feeds the
watchdog while pipelines get on with what their sources deliver.

Without --config it reads /etc/dunlin/agent.yaml.

Examples:
  dunlin run
  dunlin run --config agent.yaml --view
  dunlin run --config recordings.yaml --until-eof > results.jsonl
`

// defaultConfig is read where --config is not given.
const defaultConfig = "/etc/dunlin/agent.yaml"

func runRun(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	file := fl.String("config", defaultConfig, "read this `FILE` and the conf.d beside it")
	view := fl.Bool("view", false, "show live bars here, if this is a terminal")
	untilEOF := fl.Bool("until-eof", false, "end once every recording has been worked off")
	if _, err := fl.parse(args, 0, 0); err != nil {
		return err
	}
	cfg, err := loadConfig(*file)
	if err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50) // 2 MB less on every device; windows allocate next to nothing
	}
	showing := *view && isTerminal(e.stdout)
	level := slog.LevelInfo
	if showing {
		level = slog.LevelError + 1 // the view shows the reasons itself
	}
	log := logs.New(e.stderr, level)
	again := func() (*config.Config, error) { return loadConfig(*file) }
	return runAgent(ctx, e, cfg, again, log, showing, *untilEOF)
}

func runAgent(ctx context.Context, e *env, cfg *config.Config, again func() (*config.Config, error), log *slog.Logger, showing, untilEOF bool) error {
	l, err := local.Listen(ctx, cfg.API)
	if err != nil {
		return err
	}
	if l != nil {
		defer l.Close()
	}
	trial, _ := time.ParseDuration(os.Getenv("DUNLIN_TRIAL")) // the guard's; none without one
	opts := agent.Options{Stdout: e.stdout, Log: log, UntilEOF: untilEOF, Configuration: again, Version: readVersion().Version, Built: readVersion().built(), Guard: os.Getenv("DUNLIN_GUARD"), Trial: trial, CheckStore: telemetry.CheckIn("/proc/self/exe", "telemetry", "check")}
	a, err := agent.New(ctx, cfg, opts)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if l != nil {
		served := make(chan error, 1)
		serving, quit := context.WithCancel(context.WithoutCancel(ctx)) // also while it drains
		go func() { served <- local.Serve(serving, l, a, cfg.API, log) }()
		defer func() { quit(); <-served }()
	}
	if cfg.Serve.On() {
		s, err := newServing(ctx, cfg, serve.NewPipelines(a), a, log)
		if err != nil {
			return errors.Join(err, a.Close())
		}
		served := make(chan error, 1)
		serving, quit := context.WithCancel(context.WithoutCancel(ctx))
		go func() { served <- s.Run(serving) }()
		defer func() { quit(); <-served }()
	}
	if cfg.MQTT.Broker != "" {
		telling, quit := context.WithCancel(ctx)
		var told sync.WaitGroup
		told.Go(func() { sink.Run(telling, cfg.MQTT, a, readVersion().Version, log) })
		defer func() { quit(); told.Wait() }()
	}
	systemd, err := newNotifier(os.Getenv)
	if err != nil {
		log.Warn("systemd is not told", "err", err)
	}
	var told sync.WaitGroup
	told.Go(func() { systemd.run(ctx, a.Status) })
	told.Go(func() { reloadOnHangUp(ctx, a, systemd) })
	defer told.Wait()
	defer stop()
	url := pageURL(l)
	if !showing {
		log.Info("running", "pipelines", len(cfg.Pipelines), "page", url)
		err = a.Run(ctx)
	} else {
		err = runWithView(ctx, e, a, url, stop)
	}
	if errors.Is(err, agent.ErrRestart) {
		log.Info("ending, so that the service starts the other program")
		return nil
	}
	return err
}

// reloadOnHangUp lets the agent read its configuration again at every SIGHUP.
func reloadOnHangUp(ctx context.Context, a *agent.Agent, systemd *notifier) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			systemd.reloading()
			_, err := a.Reload(ctx) // it logs what comes of it
			systemd.reloaded(err)
		}
	}
}

// runWithView shows the agent in this terminal while it runs.
func runWithView(ctx context.Context, e *env, a *agent.Agent, url string, stop func()) error {
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	watched := make(chan error, 1)
	looking, unlook := context.WithCancel(ctx)
	go func() { watched <- watch(looking, e, &inProcess{a}, url) }()
	select {
	case err := <-ended:
		unlook()
		return errors.Join(err, <-watched)
	case err := <-watched: // q, or a signal
		unlook()
		stop()
		return errors.Join(err, <-ended)
	}
}

func pageURL(l net.Listener) string {
	if l == nil {
		return "off"
	}
	return "http://" + l.Addr().String() + "/"
}

// loadConfig reads a configuration with the drivers of this binary.
func loadConfig(file string) (*config.Config, error) {
	cfg, err := config.Load(file, agent.Drivers())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &cliError{exitConfig, "name one with --config FILE; cmd/dunlin/demo/agent.yaml in the source tree is an example", err}
	}
	return cfg, err
}

// viewEvery is the time between two pictures.
const viewEvery = 100 * time.Millisecond

// inProcess is the target of a view on the agent of this process.
type inProcess struct{ a *agent.Agent }

func (p *inProcess) next(ctx context.Context) (*agent.Status, error) {
	select {
	case <-time.After(viewEvery):
		s := p.a.Status()
		return &s, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *inProcess) inject(_ context.Context, source, fault string, severity float64) error {
	return p.a.Inject(source, fault, severity)
}
