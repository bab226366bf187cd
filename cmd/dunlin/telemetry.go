package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/telemetry"
)

const telemetryUsage = `Usage: dunlin telemetry COMMAND

Looks at the records that wait on this device for the controller, and erases
them. PRIVACY.md says what they hold.

Examples:
  dunlin telemetry ls
  dunlin telemetry export --csv > records.csv
`

const telemetryListUsage = `Usage: dunlin telemetry ls [--url URL] [--json]

Counts the records that wait in a running agent's store, by kind and epoch.

Examples:
  dunlin telemetry ls
`

const telemetryExportUsage = `Usage: dunlin telemetry export [--url URL] [--csv | --json]

Writes the records that wait in a running agent's store: JSON, one record a
line, or CSV. Nothing is removed.

Examples:
  dunlin telemetry export | jq 'select(.kind == "result")'
  dunlin telemetry export --csv > records.csv
`

const telemetryEraseUsage = `Usage: dunlin telemetry erase [--config FILE] [--yes]

Erases all records on this device, also those set aside as damaged or foreign,
and prints a receipt. The agent must not run. What the controller has is not
touched, nor are captures: see dunlin capture erase. Flash may hold the bytes
until it reuses their blocks.

Examples:
  dunlin telemetry erase --yes
`

const telemetryCheckUsage = `Usage: dunlin telemetry check FILE

Checks a store that no agent has open: all its pages, and that every record is
accounted for. The agent runs it as a child before it opens its store.

Examples:
  dunlin telemetry check /var/lib/dunlin/telemetry/telemetry.db
`

func telemetryCommands() []command {
	return []command{
		{"ls", "count the records that wait", telemetryListUsage, runTelemetryList},
		{"export", "write them as JSON or CSV", telemetryExportUsage, runTelemetryExport},
		{"erase", "erase all of them", telemetryEraseUsage, runTelemetryErase},
		{"check", "check a store that is not open", telemetryCheckUsage, runTelemetryCheck},
	}
}

func runTelemetry(ctx context.Context, e *env, args []string) error {
	return e.dispatch(ctx, "telemetry", telemetryCommands(), args)
}

// eachKept gives visit every record that waits in a running agent.
func eachKept(ctx context.Context, base string, visit func(line []byte, k *agent.Kept) error) error {
	body, err := get(ctx, base, "/api/v1/telemetry")
	if err != nil {
		return err
	}
	defer body.Close()
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		var k agent.Kept
		if err := json.Unmarshal(lines.Bytes(), &k); err != nil {
			return fmt.Errorf("read the agent's records: %w", err)
		}
		if err := visit(lines.Bytes(), &k); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the agent's records: %w", err)
	}
	return nil
}

// keptGroup sums up the records of one kind and epoch.
type keptGroup struct {
	Kind    string    `json:"kind"`
	Epoch   uint32    `json:"epoch"`
	Records uint64    `json:"records"` // of gaps: lost numbers
	First   uint64    `json:"first"`
	Last    uint64    `json:"last"`
	From    time.Time `json:"from,omitzero"`
	To      time.Time `json:"to,omitzero"`
}

func runTelemetryList(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	at := fl.agentURL()
	asJSON := fl.json("one object a group")
	if _, err := fl.parse(args, 0, 0); err != nil {
		return err
	}
	groups := []*keptGroup{}
	err := eachKept(ctx, *at, func(_ []byte, k *agent.Kept) error {
		last := len(groups) - 1 // records come by kind and epoch
		if last < 0 || groups[last].Kind != k.Kind || groups[last].Epoch != k.Epoch {
			groups = append(groups, &keptGroup{Kind: k.Kind, Epoch: k.Epoch, First: k.Seq, From: k.Time})
			last++
		}
		g, n := groups[last], max(k.Count, 1)
		g.Records, g.Last, g.To = g.Records+n, k.Seq+n-1, k.Time
		return nil
	})
	if err != nil {
		return err
	}
	if *asJSON {
		return e.json(groups)
	}
	t := e.table()
	t.row("KIND", "EPOCH", "RECORDS", "NUMBERS", "FROM", "TO")
	for _, g := range groups {
		t.row(g.Kind, g.Epoch, g.Records, fmt.Sprintf("%d to %d", g.First, g.Last), timeText(g.From), timeText(g.To))
	}
	t.flush()
	return nil
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

func runTelemetryExport(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	at := fl.agentURL()
	asCSV := fl.Bool("csv", false, "write CSV instead of JSON")
	asJSON := fl.Bool("json", false, "write one JSON object a line, as without a flag")
	if _, err := fl.parse(args, 0, 0); err != nil {
		return err
	}
	if *asCSV && *asJSON {
		return usageError(fl.seeHelp(), "--csv and --json")
	}
	if *asCSV {
		return exportCSV(ctx, e, *at)
	}
	out := bufio.NewWriter(e.stdout)
	err := eachKept(ctx, *at, func(line []byte, _ *agent.Kept) error {
		_, err := fmt.Fprintf(out, "%s\n", line)
		return err
	})
	return errors.Join(err, out.Flush())
}

// keptColumns are those of the CSV; each record fills the ones of its kind.
var keptColumns = []string{
	"kind", "epoch", "seq", "time", "synced", "boot_ms", "pipeline", "bundle", "class", "score", "margin", "latency_us",
	"name", "value", "code", "text", "sha256", "size", "count", "reason",
}

func exportCSV(ctx context.Context, e *env, base string) error {
	w := csv.NewWriter(e.stdout)
	if err := w.Write(keptColumns); err != nil {
		return err
	}
	err := eachKept(ctx, base, func(line []byte, _ *agent.Kept) error {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(line, &fields); err != nil {
			return err
		}
		row := make([]string, len(keptColumns))
		for i, name := range keptColumns {
			row[i] = string(fields[name])
			if text, err := strconv.Unquote(row[i]); err == nil {
				row[i] = text
			}
		}
		return w.Write(row)
	})
	w.Flush()
	return errors.Join(err, w.Error())
}

// receipt says what an erasure removed.
type receipt struct {
	Erased time.Time `json:"erased"`
	Files  []erased  `json:"files"`
}

type erased struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
}

func runTelemetryErase(_ context.Context, e *env, args []string) error {
	fl := e.flags()
	file := fl.String("config", defaultConfig, "read this `FILE` for telemetry.dir")
	yes := fl.Bool("yes", false, "do it")
	if _, err := fl.parse(args, 0, 0); err != nil {
		return err
	}
	cfg, err := loadConfig(*file)
	if err != nil {
		return err
	}
	if cfg.Telemetry.Dir == "" {
		return usageError("the configuration has no telemetry.dir", "no telemetry is kept")
	}
	if !*yes {
		return usageError("add --yes", "this erases all records under %s", cfg.Telemetry.Dir)
	}
	r, err := eraseStore(filepath.Join(cfg.Telemetry.Dir, agent.StoreFile))
	return errors.Join(err, e.json(r))
}

// eraseStore removes the store at path and everything beside it that began
// with its name.
func eraseStore(path string) (*receipt, error) {
	r := &receipt{Erased: time.Now().UTC(), Files: []erased{}}
	if err := telemetry.Unused(path); err != nil {
		return r, hintError(fmt.Errorf("erase telemetry: %w", err), "stop the agent first")
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("erase telemetry: %w", err)
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), filepath.Base(path)) {
			continue
		}
		one := erased{Path: filepath.Join(filepath.Dir(path), entry.Name())}
		if info, err := entry.Info(); err == nil {
			one.Bytes = info.Size()
		}
		if err := os.Remove(one.Path); err != nil {
			return r, fmt.Errorf("erase telemetry: %w", err)
		}
		r.Files = append(r.Files, one)
	}
	return r, nil
}

func runTelemetryCheck(_ context.Context, e *env, args []string) error {
	rest, err := e.flags().parse(args, 1, 1)
	if err != nil {
		return err
	}
	err = telemetry.Check(rest[0])
	if errors.Is(err, telemetry.ErrDamaged) {
		return &cliError{exitInput, "the agent sets it aside and begins a new one", err}
	}
	if err != nil { // whatever it is, the agent must not take it for damage
		return &cliError{exitFailed, "see whether the file is there, readable and not open", err}
	}
	return nil
}
