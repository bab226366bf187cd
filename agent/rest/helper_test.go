package rest

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/agent/serve"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/tensorflow"
)

// demoDir holds the demo's configuration, bundles and scans.
const demoDir = "../../cmd/dunlin/demo"

// bundle copies one of the demo's bundles into a folder, as the newest of its
// name if it is the last.
func bundle(t testing.TB, dir, name string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(demoDir, "bundles", name))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name), data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A rig is a server of a folder of models on a socket.
type rig struct {
	t      testing.TB
	models *serve.Server
	server *Server
	http   *http.Client
	dir    string
}

// newRig serves the demo's machine 1.0.0 and digits; change may say how.
func newRig(t testing.TB, change func(*Config, *serve.Config)) *rig {
	t.Helper()
	dir := t.TempDir()
	bundle(t, dir, "machine-1.0.0.dunlin")
	bundle(t, dir, "digits-1.0.0.dunlin")
	return newRigOf(t, dir, change)
}

func newRigOf(t testing.TB, dir string, change func(*Config, *serve.Config)) *rig {
	t.Helper()
	folder, err := serve.NewFolder(context.Background(), dir, inference.Options{}, tensorflow.Open)
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "s")
	cfg := Config{Serve: config.Serve{Socket: socket, MaxBody: config.DefaultMaxBody}, Version: "test", Log: slog.New(slog.DiscardHandler), Drain: time.Second}
	core := serve.Config{Catalog: folder}
	if change != nil {
		change(&cfg, &core)
	}
	cfg.Models = serve.New(core)
	s, err := New(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return &rig{t: t, models: cfg.Models, server: s, http: &http.Client{Transport: transport, Timeout: 20 * time.Second}, dir: dir}
}

// ask sends one request; header lines are "Name: value".
func (g *rig) ask(method, path string, body []byte, header ...string) (int, http.Header, string) {
	g.t.Helper()
	req, err := http.NewRequest(method, "http://device"+path, bytes.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := g.http.Do(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(text)
}
