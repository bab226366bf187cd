package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
)

func TestServeFlags(t *testing.T) {
	vertex := map[string]string{"AIP_HTTP_PORT": "8080", "AIP_HEALTH_ROUTE": "/alive", "AIP_PREDICT_ROUTE": "/predict"}
	for _, tt := range []struct {
		name           string
		socket, listen string
		anonymous      bool
		env            map[string]string
		have, want     config.Serve
		wrong          string
	}{
		{name: "nothing", want: config.Serve{Socket: "DIR/dunlin-serve.sock"}},
		{name: "a socket", socket: "s", want: config.Serve{Socket: "s"}},
		{name: "a port for nobody", listen: "127.0.0.1:1", wrong: "nobody who may use it"},
		{name: "a port for all", listen: "127.0.0.1:1", anonymous: true, want: config.Serve{Listen: "127.0.0.1:1", Anonymous: true}},
		{name: "Vertex AI", env: vertex, want: config.Serve{Listen: ":8080", Anonymous: true, HealthRoute: "/alive", PredictRoute: "/predict"}},
		{name: "a file", have: config.Serve{Socket: "f"}, want: config.Serve{Socket: "f"}},
	} {
		got := tt.have
		err := serveFlags(&got, "DIR", tt.socket, tt.listen, tt.anonymous, func(k string) string { return tt.env[k] })
		if tt.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if err != nil || got.Socket != tt.want.Socket || got.Listen != tt.want.Listen || got.Anonymous != tt.want.Anonymous || got.HealthRoute != tt.want.HealthRoute || got.PredictRoute != tt.want.PredictRoute {
			t.Errorf("%s: %+v %v", tt.name, got, err)
		}
	}
}

// TestServe runs the command on a folder and asks it.
func TestServe(t *testing.T) {
	dir := t.TempDir()
	data, err := os.ReadFile(demoFile(t, "bundles/machine-1.0.0.dunlin"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "a.dunlin"), data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	var out, errs bytes.Buffer
	go func() { ended <- run(ctx, []string{"serve", dir}, strings.NewReader(""), &out, &errs) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", filepath.Join(dir, "dunlin-serve.sock"))
	}}}
	var text []byte
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		resp, err := client.Get("http://device/v1/models/machine")
		if err == nil {
			text, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	if !strings.Contains(string(text), `"version":"1.0.0","state":"AVAILABLE"`) {
		t.Errorf("%s", text)
	}
	cancel()
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
	if got := dunlin(t, "serve", filepath.Join(dir, "nowhere")); got.code != exitInput {
		t.Errorf("a folder that is not there: %+v", got)
	}
}

// TestForeignModels: what people bring in other formats is refused with the
// command that exports it.
func TestForeignModels(t *testing.T) {
	for name, tt := range map[string]struct{ data, want string }{
		"net.onnx": {"", "onnx2tf"}, "net.pt": {"PK\x03\x04", "litert_torch"}, "net": {"\x80\x04\x95", "a pickle is a program"}, "net.bin": {"hello", "other formats are not read"},
	} {
		file := writeFile(t, name, tt.data)
		for _, args := range [][]string{{"model", "inspect", file}, {"bundle", "init", file, "-o", filepath.Join(t.TempDir(), "x.dunlin")}} {
			if got := dunlin(t, args...); got.code != exitInput || !strings.Contains(got.stderr, tt.want) {
				t.Errorf("%v: %+v, want %s", args[:2], got, tt.want)
			}
		}
	}
}
