package agent

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/telemetry/capture"
)

// ask runs a command of the fleet's as a test would see it.
func ask(t *testing.T, a *Agent, name, args string, tell func(any)) (string, error) {
	t.Helper()
	if tell == nil {
		tell = func(any) {}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	out, err := a.commands()[name].Do(ctx, json.RawMessage(args), tell)
	if err != nil {
		return "", err
	}
	data, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(data), nil
}

// running is an agent at work on an endless source, capturing almost nothing.
func running(t *testing.T, c config.Capture) (*Agent, *config.Config) {
	t.Helper()
	cfg := capturing(t, t.TempDir(), 0, c)
	a := newAgent(t, cfg, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	waitFor(t, func() bool { return a.Status().Pipelines[0].Windows > machineWarmup })
	return a, cfg
}

// TestCommandCapture: what was asked for is kept whole, whatever the policy
// and the pause between captures say, and its digest is the answer.
func TestCommandCapture(t *testing.T) {
	a, cfg := running(t, config.Capture{Every: 1 << 30, MinInterval: 24 * time.Hour})
	store, err := CaptureStore(cfg, false)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 3 {
		out, err := ask(t, a, "capture", `{"pipeline":"one"}`, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got struct{ ID string }
		if err := json.Unmarshal([]byte(out), &got); err != nil || seen[got.ID] {
			t.Fatal(out, err)
		}
		seen[got.ID] = true
	}
	all, err := store.List()
	if err != nil || len(all) != 3 {
		t.Fatalf("%d captures, %v", len(all), err)
	}
	for _, e := range all {
		data, err := store.Read(e)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := capture.Decode(data); err != nil || c.Why != capture.Asked || !seen[e.ID] {
			t.Errorf("%s: %+v, %v", e.ID, c.Why, err)
		}
	}
	off, _ := running(t, config.Capture{})
	if _, err := ask(t, off, "capture", `{"pipeline":"one"}`, nil); err == nil || !strings.Contains(err.Error(), "keeps no captures") {
		t.Errorf("a device that captures nothing: %v", err)
	}
}

func TestCommandBench(t *testing.T) {
	a, _ := running(t, config.Capture{})
	for args, runs := range map[string]int{`{"pipeline":"one","runs":7}`: 7, `{"pipeline":"one"}`: 0} {
		out, err := ask(t, a, "bench", args, nil)
		var b Bench
		if err == nil {
			err = json.Unmarshal([]byte(out), &b)
		}
		if err != nil || runs > 0 && b.Runs != runs || b.Runs < 1 || b.MinUS <= 0 || b.MinUS > b.P50US || b.P95US > b.MaxUS || b.Bundle != "test@1.0.0" {
			t.Errorf("%s: %s, %v", args, out, err)
		}
	}
}

// TestCommandLogs: the last lines, and with follow those that come; a piece
// that is lost on the way is in the next one.
func TestCommandLogs(t *testing.T) {
	a, _ := running(t, config.Capture{})
	a.opts.Log.Info("first")
	a.opts.Log.Debug("unseen")
	out, err := ask(t, a, "logs", `{"lines":1}`, nil)
	if err != nil || !strings.Contains(out, "first") || strings.Contains(out, "unseen") {
		t.Fatal(out, err)
	}
	if _, err := ask(t, a, "log-level", `{"level":"debug","for":"1h"}`, nil); err != nil {
		t.Fatal(err)
	}
	pieces := 0
	out, err = ask(t, a, "logs", `{"lines":3,"follow":"2500ms"}`, func(any) {
		pieces++
		a.opts.Log.Debug("seen", "piece", pieces)
	})
	if err != nil || pieces < 2 || !strings.Contains(out, "piece=1") || !strings.Contains(out, "first") {
		t.Errorf("%d pieces, the last %s, %v", pieces, out, err)
	}
}

// TestLogLevelEnds: a lowered level goes back by itself.
func TestLogLevelEnds(t *testing.T) {
	clock := &fakeClock{now: time.Unix(1000, 0)}
	l := newLogLines(clock)
	a := &Agent{opts: Options{Clock: clock}, lines: l}
	var out strings.Builder
	a.opts.Log = l.over(slog.New(slog.NewTextHandler(&out, nil)))
	if _, err := ask(t, a, "log-level", `{"level":"debug","for":"1m"}`, nil); err != nil {
		t.Fatal(err)
	}
	a.opts.Log.With("a", 1).WithGroup("g").Debug("within")
	<-clock.After(2 * time.Minute)
	a.opts.Log.Debug("after")
	if got := out.String(); !strings.Contains(got, "within") || strings.Contains(got, "after") {
		t.Error(got)
	}
	for i := range 3 * keptLines {
		a.opts.Log.Info(strings.Repeat("x", i))
	}
	if first, lines, _ := l.since(0, 1<<20); len(lines) != keptLines || first != l.next-keptLines || len(lines[keptLines-1]) > longLine {
		t.Errorf("%d lines from %d", len(lines), first)
	}
}

// TestCommandReboot: only by a program that the device itself names.
func TestCommandReboot(t *testing.T) {
	a, cfg := running(t, config.Capture{})
	if _, err := ask(t, a, "reboot", "", nil); err == nil || !strings.Contains(err.Error(), "fleet.reboot") {
		t.Errorf("without leave: %v", err)
	}
	mark := filepath.Join(t.TempDir(), "mark")
	cfg.Fleet.Reboot = []string{"/usr/bin/touch", mark}
	if _, err := ask(t, a, "reboot", "", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mark); err != nil {
		t.Error(err)
	}
	cfg.Fleet.Reboot = []string{"/bin/false"}
	if _, err := ask(t, a, "reboot", "", nil); err == nil {
		t.Error("a program that fails passes for a reboot")
	}
}

// TestCommandArguments: what is wrong with them is said, and nothing happens.
func TestCommandArguments(t *testing.T) {
	a, _ := running(t, config.Capture{})
	for _, c := range [][2]string{
		{"restart", ``}, {"restart", `{"pipeline":"two"}`}, {"restart", `{"pipe":"one"}`}, {"rollback", `{"pipeline":"one"}`},
		{"capture", `[]`}, {"bench", `{}`}, {"bench", `{"pipeline":"one","runs":-1}`}, {"bench", `{"pipeline":"one","runs":1000000}`},
		{"logs", `{"lines":-1}`}, {"logs", `{"lines":100000}`}, {"logs", `{"follow":"1y"}`}, {"logs", `{"follow":"25h"}`},
		{"log-level", ``}, {"log-level", `{"level":"loud"}`}, {"log-level", `{"level":"debug","for":"1000h"}`}, {"reload", ``},
	} {
		if out, err := ask(t, a, c[0], c[1], nil); err == nil {
			t.Errorf("%s %s: %s", c[0], c[1], out)
		}
	}
}
