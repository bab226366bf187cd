package main

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/uplink"
)

func TestNotify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	env := map[string]string{"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "30000"}
	n, err := newNotifier(func(k string) string { return env[k] })
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.run(ctx, func() agent.Status {
			return agent.Status{Time: time.Now(), Pipelines: make([]agent.PipelineStatus, 2), Fleet: &uplink.Status{Connected: true}}
		})
	}()
	next := func() string {
		buf := make([]byte, 4096)
		if err := l.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		k, err := l.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:k])
	}
	if got := next(); got != "READY=1\nSTATUS=2 pipelines, 0.0 fps, connected\nWATCHDOG=1" {
		t.Errorf("first %q", got)
	}
	if got := next(); !strings.HasSuffix(got, "WATCHDOG=1") || strings.Contains(got, "READY") {
		t.Errorf("then %q", got)
	}
	stop()
	last := next()
	for !strings.Contains(last, "STOPPING=1") {
		last = next()
	}
	<-done
}

func TestNobodyToNotify(t *testing.T) {
	n, err := newNotifier(func(string) string { return "" })
	if n != nil || err != nil {
		t.Error(n, err)
	}
	n.run(t.Context(), nil) // at once
	if _, err := newNotifier(func(k string) string { return map[string]string{"NOTIFY_SOCKET": "/none/there"}[k] }); err == nil {
		t.Error("a socket that is not there")
	}
	n, err = newNotifier(func(k string) string { return map[string]string{"WATCHDOG_PID": "1", "WATCHDOG_USEC": "1"}[k] })
	if n != nil || err != nil {
		t.Error(n, err)
	}
}

// The watchdog goes hungry when a pipeline finishes nothing of what comes in,
// and only then.
func TestHung(t *testing.T) {
	n := &notifier{watchdog: time.Second, moved: map[string]movement{}}
	at := time.Unix(0, 0)
	step := func(d time.Duration, windows, read uint64, state agent.State, rate float64) bool {
		at = at.Add(d)
		return strings.Contains(n.report(agent.Status{Time: at,
			Sources:   []agent.SourceStatus{{Name: "s", Read: read}},
			Pipelines: []agent.PipelineStatus{{Name: "p", Source: "s", Bundle: "b@1", Windows: windows, PerSecond: rate, Health: agent.Health{State: state}}},
		}), "WATCHDOG=1")
	}
	for i, c := range []struct {
		d             time.Duration
		windows, read uint64
		state         agent.State
		rate          float64
		fed           bool
	}{
		{0, 5, 10, agent.Running, 1, true},
		{time.Minute, 6, 20, agent.Running, 1, true},
		{time.Minute, 6, 30, agent.Running, 1, true},
		{time.Minute + time.Second, 6, 40, agent.Running, 1, false},
		{time.Minute, 7, 50, agent.Running, 1, true},    // it got on
		{time.Hour, 7, 50, agent.Running, 1, true},      // nothing came in
		{time.Hour, 7, 60, agent.Waiting, 1, true},      // it restarts
		{time.Minute, 7, 70, agent.Running, 0.01, true}, // slow by design
		{10 * time.Minute, 7, 80, agent.Running, 0.01, true},
		{10 * time.Minute, 7, 90, agent.Running, 0.01, false},
	} {
		if got := step(c.d, c.windows, c.read, c.state, c.rate); got != c.fed {
			t.Errorf("step %d: fed %v, want %v", i, got, c.fed)
		}
	}
}
