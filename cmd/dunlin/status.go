package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/config"
)

const statusUsage = `Usage: dunlin status [--url URL] [--json]

Says once what a running agent does: pipelines with rate, latency, decision and
drift, sources, and where every telemetry record is: produced = delivered +
waiting + dropped. With --json everything the agent tells.

Examples:
  dunlin status
  dunlin status --json | jq .telemetry
`

func runStatus(ctx context.Context, e *env, args []string) error {
	fl := e.flags()
	at := fl.agentURL()
	asJSON := fl.json("all of it")
	if _, err := fl.parse(args, 0, 0); err != nil {
		return err
	}
	var s agent.Status
	if err := getJSON(ctx, *at, "/api/v1/status", &s); err != nil {
		return err
	}
	if *asJSON {
		return e.json(s)
	}
	e.printStatus(&s)
	return nil
}

// agentURL declares --url.
func (f *flagSet) agentURL() *string {
	return f.String("url", "http://"+config.DefaultListen, "ask the agent at this `URL`")
}

// get asks a running agent. The caller closes the body.
func get(ctx context.Context, base, path string) (io.ReadCloser, error) {
	return ask(ctx, http.MethodGet, base, path, requestTimeout)
}

// ask sends a request without a body and waits so long for the answer to begin.
func ask(ctx context.Context, method, base, path string, wait time.Duration) (io.ReadCloser, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usageError("write it as http://127.0.0.1:8321", "--url %q: not an http address", base)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(base, "/")+path, nil)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{ResponseHeaderTimeout: wait}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, hintError(fmt.Errorf("ask the agent: %w", err), "is it running there? Start it with: dunlin run")
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		var p struct{ Error, Hint string }
		_ = json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&p) // the status line serves without it
		return nil, hintError(fmt.Errorf("the agent answered %s: %s", resp.Status, p.Error), p.Hint)
	}
	return resp.Body, nil
}

func getJSON(ctx context.Context, base, path string, v any) error {
	body, err := get(ctx, base, path)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := json.NewDecoder(io.LimitReader(body, maxEvent)).Decode(v); err != nil {
		return fmt.Errorf("read the agent's answer: %w", err)
	}
	return nil
}

func (e *env) printStatus(s *agent.Status) {
	e.printf("%s, up since %s\n", e.style(bold, s.Device), s.Started.Local().Format(time.DateTime))
	if c := s.Loaded; !c.Failed.IsZero() {
		e.printf("%s\n", e.style(red, fmt.Sprintf("The configuration of %s runs; the one at %s was not taken: %s",
			c.At.Local().Format(time.DateTime), c.Failed.Local().Format(time.DateTime), c.Reason)))
	}
	e.printf("\n")
	t := e.table()
	t.row("PIPELINE", "STATE", "BUNDLE", "MODEL", "RATE/s", "P95", "DECISION", "DRIFT", "LOST", "LAST FAILURE")
	for _, p := range s.Pipelines {
		t.row(p.Name, p.State, p.Bundle, p.Model[:min(12, len(p.Model))], fmt.Sprintf("%.1f", p.PerSecond), fmt.Sprintf("%.1f ms", float64(p.P95US)/1e3),
			p.Label+" "+scoreText(p.Score), driftText(p.Drift), p.Lost, p.Reason)
	}
	t.flush()
	for _, p := range s.Pipelines {
		e.printServer(p.Name, p.Server)
	}
	e.printf("\n")
	t = e.table()
	t.row("SOURCE", "STATE", "DRIVER", "READ", "LOST", "LAST FAILURE")
	for _, f := range s.Sources {
		t.row(f.Name, f.State, f.Driver, f.Read, f.Lost, f.Reason)
	}
	t.flush()
	e.printf("\n")
	e.printTelemetry(s.Telemetry)
	e.printCaptures(s.Captures)
	e.printTraffic(s.Traffic)
}

// printServer tells where a model runs that may run on a local server, too.
func (e *env) printServer(pipeline string, s *agent.ServerStatus) {
	if s == nil {
		return
	}
	if s.OnServer {
		e.printf("%s runs on %s: %d golden samples within %.3g of this CPU, %.3g is allowed\n", pipeline, s.Server, s.Samples, s.Worst, s.Tolerance)
		return
	}
	e.printf("%s runs on this CPU instead of %s: %s\n", pipeline, s.Server, s.Reason)
}

func (e *env) printTraffic(s *agent.TrafficStatus) {
	if s == nil {
		return
	}
	var parts []string
	for _, p := range slices.Sorted(maps.Keys(s.Purposes)) {
		parts = append(parts, p+" "+bytesText(s.Purposes[p]))
	}
	e.printf("Traffic: %s this month over the %s link", bytesText(s.MonthBytes), s.Link)
	if s.MonthBudget > 0 {
		e.printf(" of %s", bytesText(s.MonthBudget))
	}
	if s.HourBudget > 0 {
		e.printf(", at most %s an hour", bytesText(s.HourBudget))
	}
	e.printf("; since start: %s\n", cmp.Or(strings.Join(parts, ", "), "none"))
	e.printf("  %d chunks sent, %d of them again, %d acknowledged, %d acks refused\n", s.Delivery.Sent, s.Delivery.Again, s.Delivery.Acked, s.Delivery.Refused)
	if s.Error != "" {
		e.printf("  %s\n", e.style(red, "bytes of the month are not saved: "+s.Error))
	}
}

func (e *env) printCaptures(s *agent.CaptureStatus) {
	if s == nil {
		return
	}
	e.printf("Captures: %d files, %s; since start %d kept, %d held back by a cap, %d while the disk was busy, %d failed\n",
		s.Files, bytesText(s.Bytes), s.Kept, s.Limited, s.Busy, s.Failed)
	if s.Error != "" {
		e.printf("  %s\n", e.style(red, "not kept: "+s.Error))
	}
}

func driftText(d agent.DriftStatus) string {
	text := d.Level
	for _, f := range d.Features {
		text += fmt.Sprintf(" %s=%.2f", f.Name, f.PSI)
	}
	return text
}

func (e *env) printTelemetry(s *agent.TelemetryStatus) {
	if s == nil {
		e.printf("Telemetry: none is kept; telemetry.dir in the configuration says where to.\n")
		return
	}
	var dropped uint64
	var why []string
	for reason, n := range s.Dropped {
		dropped += n
		why = append(why, fmt.Sprintf("%d %s", n, reason))
	}
	slices.Sort(why)
	e.printf("Telemetry: %d produced = %d delivered + %d waiting + %d dropped", s.Produced, s.Delivered, s.Waiting, dropped)
	if len(why) > 0 {
		e.printf(" (%s)", strings.Join(why, ", "))
	}
	e.printf("; %d not sealed yet\n", s.Unsealed)
	e.printf("  store of %s, at most %s; epoch %d, found %s\n", bytesText(s.FileBytes), bytesText(s.MaxBytes), s.Epoch, s.Found)
	if s.Error != "" {
		e.printf("  %s\n", e.style(red, "not kept: "+s.Error))
	}
}
