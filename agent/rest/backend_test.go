package rest

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/config"
)

// TestPipelineOnServer lets the demo's machine run its model on another server of
// ours, takes that away and gives it back: no window is lost, and where the
// model runs is told.
func TestPipelineOnServer(t *testing.T) {
	g := newRig(t, nil)
	cfg, err := config.Load(filepath.Join(demoDir, "agent.yaml"), agent.Drivers())
	if err != nil {
		t.Fatal(err)
	}
	cfg.Pipelines = cfg.Pipelines[:1]
	cfg.Pipelines[0].OIP = config.OIP{Server: "unix:" + g.server.Addrs()[0].String(), Model: "machine", Tolerance: 0.05}
	a, err := agent.New(context.Background(), cfg, agent.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	wait := func(what string, until func(s agent.PipelineStatus) bool) agent.PipelineStatus {
		t.Helper()
		for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			s := a.Status().Pipelines[0]
			if until(s) {
				return s
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: %+v", what, s.Server)
			}
		}
	}
	done := func() (n uint64) {
		for _, s := range g.models.Stats() {
			n += s.Done
		}
		return n
	}
	s := wait("on the server", func(s agent.PipelineStatus) bool { return s.Server.OnServer })
	if s.Server.Samples == 0 || s.Server.Worst != 0 || s.Server.Version != "1.0.0" || s.Golden == 0 {
		t.Errorf("%+v, golden %d", s.Server, s.Golden)
	}
	before := done()
	wait("windows there", func(n agent.PipelineStatus) bool { return n.Windows >= s.Windows+4 })
	if n := done() - before; n < 3 {
		t.Errorf("the server ran %d of 4 windows", n)
	}
	if err := g.models.Unload("machine"); err != nil {
		t.Fatal(err)
	}
	s = wait("on this CPU", func(s agent.PipelineStatus) bool { return !s.Server.OnServer })
	if !strings.Contains(s.Server.Reason, "not loaded") {
		t.Errorf("%+v", s.Server)
	}
	wait("windows here", func(n agent.PipelineStatus) bool { return n.Windows >= s.Windows+4 })
	if err := g.models.Load(context.Background(), "machine", ""); err != nil {
		t.Fatal(err)
	}
	s = wait("back on the server", func(s agent.PipelineStatus) bool { return s.Server.OnServer })
	if s.Lost != 0 || s.Restarts != 0 {
		t.Errorf("lost %d, restarts %d", s.Lost, s.Restarts)
	}
}
