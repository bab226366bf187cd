package rest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/config"
)

// onServer runs the demo's machine with its model on a server, and tells its
// status and when it has one.
func onServer(t *testing.T, address string) (a *agent.Agent, wait func(what string, until func(agent.PipelineStatus) bool) agent.PipelineStatus) {
	t.Helper()
	cfg, err := config.Load(filepath.Join(demoDir, "agent.yaml"), agent.Drivers())
	if err != nil {
		t.Fatal(err)
	}
	cfg.Pipelines = cfg.Pipelines[:1]
	cfg.Pipelines[0].OIP = config.OIP{Server: address, Model: "machine", Tolerance: 0.05}
	if a, err = agent.New(context.Background(), cfg, agent.Options{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return a, func(what string, until func(agent.PipelineStatus) bool) agent.PipelineStatus {
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
}

// TestServerHangs: a server that stops answering in the middle costs no window;
// the one that met it is decided by the CPU. How late is logged.
func TestServerHangs(t *testing.T) {
	g := newRig(t, nil)
	var hangs atomic.Bool
	through := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "device"})
	through.Transport = g.http.Transport
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hangs.Load() {
			io.Copy(io.Discard, r.Body) // so that the client's leaving is noticed
			<-r.Context().Done()
			return
		}
		through.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	a, wait := onServer(t, front.URL)
	s := wait("on the server", func(s agent.PipelineStatus) bool { return s.Server.OnServer && s.Windows > 2 })
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	results, err := a.Results(ctx, "machine")
	if err != nil {
		t.Fatal(err)
	}
	hangs.Store(true)
	wait("windows meanwhile", func(n agent.PipelineStatus) bool { return n.Windows >= s.Windows+6 })
	after := wait("on this CPU", func(n agent.PipelineStatus) bool { return !n.Server.OnServer })
	if after.Lost != 0 || after.Restarts != 0 || !strings.Contains(after.Server.Reason, "deadline") {
		t.Errorf("lost %d, restarts %d, %+v", after.Lost, after.Restarts, after.Server)
	}
	worst := int64(0)
	for len(results) > 0 {
		worst = max(worst, (<-results).LatencyUS)
	}
	t.Logf("the latest window took %d µs, a period is 160000", worst)
}

// TestPipelineOnServer lets the demo's machine run its model on another server of
// ours, takes that away and gives it back: no window is lost, and where the
// model runs is told.
func TestPipelineOnServer(t *testing.T) {
	g := newRig(t, nil)
	_, wait := onServer(t, "unix:"+g.server.Addrs()[0].String())
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
