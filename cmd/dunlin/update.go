package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/cmd/internal/logs"
	"github.com/dunlin-edge/dunlin/ota"
	"github.com/dunlin-edge/dunlin/ota/fetch"
)

const updateUsage = `Usage: dunlin update PIPELINE|agent TARGET --from DIR [--config FILE] [--json]

Installs a released bundle from a copy of the fleet's repository, such as a USB
stick: no network is needed, and nothing less is checked. Signatures, what the
device has seen before, golden samples, and live input in the shadow of the
bundle in use decide as for a push. TARGET is its path in the repository.

With agent in place of a pipeline TARGET is a program of the agent itself. It is
on trial from the next start on: what worked before has to work with it, or the
one before starts again (dunlin-guard --help).

The agent must not run meanwhile. A later assignment of the fleet may bring
another bundle.

Examples:
  systemctl stop dunlin
  dunlin update machine models/machine/1.2.0.dunlin --from /media/usb/repository
  systemctl start dunlin
  dunlin update agent agent/1.4.0/dunlin-arm64 --from /media/usb/repository
`

func runUpdate(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	file := fl.String("config", defaultConfig, "read this `FILE` and the conf.d beside it")
	from := fl.String("from", "", "take it from the copy of the repository in this `DIR`")
	asJSON := fl.json("what the pipeline runs from now on")
	rest, err := fl.parse(args, 2, 2)
	if err != nil {
		return err
	}
	if *from == "" {
		return usageError("name the folder with metadata/ and targets/ in it", "no --from DIR")
	}
	cfg, err := loadConfig(*file)
	if err != nil {
		return err
	}
	repo, err := fetch.OpenDir(*from)
	if err != nil {
		return inputError(err, "name the folder with metadata/ and targets/ in it")
	}
	defer repo.Close()
	cfg.Telemetry.Dir = "" // the agent's own records stay the agent's
	log := logs.New(e.stderr, slog.LevelWarn)
	opts := agent.Options{Stdout: e.stdout, Log: log, Version: readVersion().Version, Built: readVersion().built(), Repository: repo, Guard: guardDir()}
	a, err := agent.New(ctx, cfg, opts)
	if err != nil {
		if strings.Contains(err.Error(), "in use by another process") {
			return &cliError{exitFailed, "stop the agent first: systemctl stop dunlin", err}
		}
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	err = a.Update(ctx, rest[0], rest[1])
	installed := ""
	for _, p := range a.Status().Pipelines {
		if p.Name == rest[0] {
			installed = p.Bundle
		}
	}
	stop()
	if errors.Is(err, agent.ErrRestart) {
		<-ended // with the same
		if *asJSON {
			return e.json(map[string]string{"pipeline": rest[0], "target": rest[1], "state": "trial"})
		}
		e.printf("%s is on trial when the agent starts next. Start the agent.\n", rest[1])
		return nil
	}
	if r := (*ota.RefusedError)(nil); errors.As(err, &r) {
		return errors.Join(&cliError{exitMismatch, r.Hint(), err}, <-ended)
	}
	if err = errors.Join(err, <-ended); err != nil {
		return err
	}
	if *asJSON {
		return e.json(map[string]string{"pipeline": rest[0], "target": rest[1]})
	}
	e.printf("%s: %s is installed; it ran %s while this one was tried. Start the agent.\n", rest[0], rest[1], installed)
	return nil
}

// defaultGuard is the guard's folder that the packaged unit names.
const defaultGuard = "/var/lib/dunlin/agent"

// guardDir is the folder of the guard that starts the agent here; "" where
// none does.
func guardDir() string {
	if dir := os.Getenv("DUNLIN_GUARD"); dir != "" {
		return dir
	}
	if _, err := os.Stat(defaultGuard); err == nil {
		return defaultGuard
	}
	return ""
}
