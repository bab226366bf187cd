package main

import (
	"context"
	"strings"

	"github.com/dunlin-edge/dunlin/agent"
)

const rollbackUsage = `Usage: dunlin rollback PIPELINE|agent [--config FILE] [--json]

Lets a pipeline go back to the bundle it ran before, or the agent to the program
before, and never installs the one of now again. No network is needed, and
metadata that expired does not matter. It works once: what came before that is
gone.

The agent must not run meanwhile; while it runs, the fleet has a command for it:
dunlin-fleet command DEVICE rollback -p PIPELINE.

Examples:
  systemctl stop dunlin
  dunlin rollback machine
  systemctl start dunlin
`

func runRollback(_ context.Context, e *env, args []string) error {
	fl := e.flags()
	file := fl.String("config", defaultConfig, "read this `FILE` and the conf.d beside it")
	asJSON := fl.json("what runs from now on")
	rest, err := fl.parse(args, 1, 1)
	if err != nil {
		return err
	}
	cfg, err := loadConfig(*file)
	if err != nil {
		return err
	}
	now, err := agent.Rollback(cfg, rest[0], guardDir())
	if err != nil {
		if strings.Contains(err.Error(), "in use by another process") {
			return &cliError{exitFailed, "stop the agent first: systemctl stop dunlin", err}
		}
		return err
	}
	if *asJSON {
		return e.json(map[string]string{"slot": rest[0], "now": now})
	}
	if now == "" {
		now = "the program before"
	}
	e.printf("%s goes back to %s. Start the agent.\n", rest[0], now)
	return nil
}
