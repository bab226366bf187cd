package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
)

const configReloadUsage = `Usage: dunlin config reload [--url URL] [--json]

Lets a running agent read its configuration again, as SIGHUP does, and says
what changed. Only sources and pipelines that changed restart, and pipelines
whose bundle's file did. Where anything is wrong nothing changes. A change of
device.name, limits, api, serve, mqtt, telemetry or fleet takes a restart of the
service.

Examples:
  dunlin config check && dunlin config reload
  systemctl reload dunlin
`

// reloadTimeout is time to verify large bundles on a small board.
const reloadTimeout = 5 * time.Minute

func runConfigReload(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	at := fl.agentURL()
	asJSON := fl.json("what changed")
	if _, err := fl.parse(args, 0, 0); err != nil {
		return err
	}
	body, err := ask(ctx, http.MethodPost, *at, "/api/v1/reload", reloadTimeout)
	if err != nil {
		return err
	}
	defer body.Close()
	var r agent.Reloaded
	if err := json.NewDecoder(io.LimitReader(body, maxEvent)).Decode(&r); err != nil {
		return fmt.Errorf("read the agent's answer: %w", err)
	}
	if *asJSON {
		return e.json(r)
	}
	e.printf("sources:   %s\npipelines: %s\n", changedText(r.Sources), changedText(r.Pipelines))
	return nil
}

func changedText(c agent.Changed) string {
	parts := []string{fmt.Sprintf("%d unchanged", c.Kept)}
	for _, of := range []struct {
		what  string
		names []string
	}{{"added", c.Added}, {"restarted", c.Restarted}, {"removed", c.Removed}} {
		if len(of.names) > 0 {
			parts = append(parts, of.what+" "+strings.Join(of.names, ", "))
		}
	}
	return strings.Join(parts, "; ")
}
