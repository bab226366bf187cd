package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/telemetry/capture"
)

const captureUsage = `Usage: dunlin capture COMMAND

Looks at the windows that this device has kept whole, and erases them. Nothing
is kept unless a pipeline has "capture" in the configuration. PRIVACY.md says
what a capture holds. The agent may run meanwhile.

Examples:
  dunlin capture ls
  dunlin capture export 3f9a41c2 > 3f9a41c2.capture
  dunlin capture erase --subject room-12 --yes
`

const captureListUsage = `Usage: dunlin capture ls [--config FILE] [--json]

Lists the captures, oldest first: what was decided, and why it was kept.

Examples:
  dunlin capture ls
`

const captureExportUsage = `Usage: dunlin capture export ID [--config FILE] > FILE

Writes one capture to standard output, decrypted, as dunlin replay takes it. ID
is the beginning of its SHA-256, 8 digits or more.

Examples:
  dunlin capture export 3f9a41c2 > 3f9a41c2.capture
`

const captureEraseUsage = `Usage: dunlin capture erase (--older AGE | --id ID | --subject SUBJECT | --all)
                            [--config FILE] [--yes]

Erases captures and prints a receipt. What is named together must all hold. An
agent that runs may still write the last two windows of a pipeline that it has
in memory; to be sure, stop it first. Flash may hold the bytes until it reuses
their blocks.

Examples:
  dunlin capture erase --older 168h --yes
  dunlin capture erase --subject room-12 --yes
`

func captureCommands() []command {
	return []command{
		{"ls", "list the captures", captureListUsage, runCaptureList},
		{"export", "write one of them", captureExportUsage, runCaptureExport},
		{"erase", "erase some of them", captureEraseUsage, runCaptureErase},
	}
}

func runCapture(ctx context.Context, e *env, args []string) error {
	return e.dispatch(ctx, "capture", captureCommands(), args)
}

// captureStore opens the captures that a configuration names.
func captureStore(file string) (*capture.Store, error) {
	cfg, err := loadConfig(file)
	if err != nil {
		return nil, err
	}
	if cfg.Telemetry.Dir == "" {
		return nil, usageError("nothing is captured", "the configuration has no telemetry.dir")
	}
	return agent.CaptureStore(cfg, false)
}

// captureLine is a capture as ls prints it.
type captureLine struct {
	capture.Entry
	Pipeline string  `json:"pipeline,omitempty"`
	Subject  string  `json:"subject,omitempty"`
	Why      string  `json:"why,omitempty"`
	Label    string  `json:"label,omitempty"`
	Score    float32 `json:"score"`
	Error    string  `json:"error,omitempty"` // why the rest is not known
}

func runCaptureList(_ context.Context, e *env, args []string) error {
	fl := e.flags()
	file := fl.String("config", defaultConfig, "read this `FILE` for telemetry.dir")
	asJSON := fl.json("a list")
	if _, err := fl.parse(args, 0, 0); err != nil {
		return err
	}
	s, err := captureStore(*file)
	if err != nil {
		return err
	}
	all, err := s.List()
	if err != nil {
		return err
	}
	lines := []captureLine{}
	for _, entry := range all {
		line := captureLine{Entry: entry}
		if c, err := s.Load(entry); err != nil {
			line.Error = err.Error()
		} else {
			line.Pipeline, line.Subject, line.Why, line.Label, line.Score = c.Pipeline, c.Subject, c.Why.String(), c.Label, c.Score
		}
		lines = append(lines, line)
	}
	if *asJSON {
		return e.json(lines)
	}
	t := e.table()
	t.row("ID", "TIME", "BYTES", "PIPELINE", "WHY", "DECISION", "SUBJECT")
	for _, l := range lines {
		decision := fmt.Sprintf("%s %.3f", l.Label, l.Score)
		if l.Error != "" {
			decision = l.Error
		}
		t.row(l.ID[:12], timeText(l.Time), l.Bytes, l.Pipeline, l.Why, decision, l.Subject)
	}
	t.flush()
	return nil
}

func runCaptureExport(_ context.Context, e *env, args []string) error {
	fl := e.flags()
	file := fl.String("config", defaultConfig, "read this `FILE` for telemetry.dir")
	rest, err := fl.parse(args, 1, 1)
	if err != nil {
		return err
	}
	s, err := captureStore(*file)
	if err != nil {
		return err
	}
	found, _, err := s.Find(capture.Selection{ID: rest[0]})
	if err != nil {
		return usageError("see the ids with: dunlin capture ls", "export: %v", err)
	}
	if len(found) != 1 {
		return inputError(fmt.Errorf("export: %d captures begin with %q", len(found), rest[0]), "see the ids with: dunlin capture ls")
	}
	data, err := s.Read(found[0])
	if err != nil {
		return inputError(fmt.Errorf("export: %w", err), "is telemetry.captures.key the one it was made with?")
	}
	_, err = e.stdout.Write(data)
	return err
}

func runCaptureErase(_ context.Context, e *env, args []string) error {
	fl := e.flags()
	file := fl.String("config", defaultConfig, "read this `FILE` for telemetry.dir")
	older := fl.Duration("older", 0, "those made more than `AGE` ago, such as 168h")
	id := fl.String("id", "", "those whose `ID` begins so")
	subject := fl.String("subject", "", "those about this `SUBJECT`")
	all := fl.Bool("all", false, "all of them")
	yes := fl.Bool("yes", false, "do it")
	if _, err := fl.parse(args, 0, 0); err != nil {
		return err
	}
	sel := capture.Selection{All: *all, ID: *id, Subject: *subject}
	if *older != 0 {
		sel.Before = time.Now().Add(-*older)
	}
	s, err := captureStore(*file)
	if err != nil {
		return err
	}
	if !*yes {
		found, unread, err := s.Find(sel)
		if err != nil {
			return usageError(fl.seeHelp(), "%v", err)
		}
		return usageError("add --yes", "this erases %d captures; %d cannot be read", len(found), len(unread))
	}
	r, err := s.Erase(sel)
	return errors.Join(err, e.json(r))
}
