package main

import (
	"context"
	"fmt"

	"github.com/dunlin-edge/dunlin/agent"
)

const configUsage = `Usage: dunlin config COMMAND

The configuration is one YAML file; conf.d/*.yaml beside it may add sources and
pipelines. Relative paths count from the folder of the file. Every key there is:

  device:    {name: TEXT, labels: {KEY: TEXT}}
  sources:
    NAME:    {driver: sim.machine, seed: 1, rate: 3200, gain: 1, shaft: HZ,
              fault: normal, severity: 1, realtime: true}
    NAME:    {driver: replay.wav | replay.csv, path: FILE|DIR, rate: HZ,
              kind: audio | vibration | samples, unit: TEXT, channels: [0, 2],
              mono: false, realtime: true, loop: false}
              replay.csv also: {time_column: TEXT, time_unit: s | ms | us}
    NAME:    {driver: replay.images, path: FILE|DIR, rate: 1, realtime: true,
              loop: false}
              all: {exclusive: false}, for one pipeline only
  pipelines:
    NAME:    {source: NAME, bundle: FILE, actions: [ACTION, ...]}
  ACTION:    {json: FILE or "-"}
             {exec: [PROGRAM, ARG, ...], timeout: 10s}, the record on stdin
             {webhook: URL, timeout: 10s, retries: 3}
              all: {on: event | result, label: TEXT, min_interval: TIME,
              queue: 64}
  limits:    {memory: 512MiB, drain: 10s}
  api:       {listen: "127.0.0.1:8321" or "off", allow_remote: false}
  telemetry: {dir: DIR, max_bytes: 64MiB, max_age: 60s, health: 5m}; none
              without it
  mqtt:      {broker: "tls://HOST:8883", user: TEXT, password: FILE, ca: FILE,
              topic: dunlin, allow_plain: false,
              home_assistant: {prefix: homeassistant},
              sparkplug: {group: TEXT, node: TEXT}}

Examples:
  dunlin config check --config agent.yaml
  dunlin config reload
`

const configCheckUsage = `Usage: dunlin config check [--config FILE] [--json]

Reads the configuration with its conf.d, opens every source and bundle it
names, verifies the bundles on this device and says what would run. Nothing
runs, and no action is carried out.

Examples:
  dunlin config check
  dunlin config check --config agent.yaml
`

func configCommands() []command {
	return []command{
		{"check", "find every mistake without running anything", configCheckUsage, runConfigCheck},
		{"reload", "let a running agent read it again", configReloadUsage, runConfigReload},
	}
}

func runConfig(ctx context.Context, e *env, args []string) error {
	return e.dispatch(ctx, "config", configCommands(), args)
}

func runConfigCheck(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	file := fl.String("config", defaultConfig, "check this `FILE` and the conf.d beside it")
	asJSON := fl.json("the status before the start")
	if _, err := fl.parse(args, 0, 0); err != nil {
		return err
	}
	cfg, err := loadConfig(*file)
	if err != nil {
		return err
	}
	a, err := agent.New(ctx, cfg, agent.Options{Stdout: e.stdout})
	if err != nil {
		return fmt.Errorf("config check: %w", err)
	}
	defer a.Close()
	s := a.Status()
	if *asJSON {
		return e.json(s)
	}
	t := e.table()
	t.row("PIPELINE", "SOURCE", "BUNDLE", "GOLDEN", "ACTIONS")
	for _, p := range s.Pipelines {
		golden := fmt.Sprintf("%d exact", p.Golden)
		if s := p.Server; s != nil {
			golden += fmt.Sprintf(" here, within %g on %s", s.Tolerance, s.Server)
		}
		t.row(p.Name, p.Source, p.Bundle, golden, len(p.Actions))
	}
	t.flush()
	e.printf("%s: ok\n", *file)
	return nil
}
