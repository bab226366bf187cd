package local

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/config"
)

// demoDir holds the demo's configuration, bundles and scans.
const demoDir = "../../cmd/dunlin/demo"

// serve runs the demo's agent behind its handler.
func serve(t *testing.T) (*httptest.Server, *agent.Agent) {
	t.Helper()
	return serveWith(t, func(*config.Config) {})
}

func serveWith(t *testing.T, change func(*config.Config)) (*httptest.Server, *agent.Agent) {
	t.Helper()
	cfg, err := config.Load(filepath.Join(demoDir, "agent.yaml"), agent.Drivers())
	if err != nil {
		t.Fatal(err)
	}
	change(cfg)
	a, err := agent.New(context.Background(), cfg, agent.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	srv := httptest.NewServer(newHandler(a, config.API{Listen: "127.0.0.1:0"}))
	t.Cleanup(func() {
		srv.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return srv, a
}

// request sends one request; header lines are "Name: value".
func request(t *testing.T, method, url string, body io.Reader, header ...string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(text)
}

func TestPage(t *testing.T) {
	srv, _ := serve(t)
	for path, want := range map[string]string{"/": "<title>Dunlin</title>", "/page.css": ":root", "/page.js": "EventSource", "/dunlin.svg": "<svg", "/healthz": "ok"} {
		code, header, body := request(t, "GET", srv.URL+path, nil)
		if code != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d, %.80q", path, code, body)
		}
		if !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: policy %q", path, header.Get("Content-Security-Policy"))
		}
		for _, foreign := range []string{"http://", "https://", "//cdn"} {
			if i := strings.Index(body, foreign); i >= 0 && !strings.HasPrefix(body[i:], "http://www.w3.org/2000/svg") {
				t.Errorf("%s loads from elsewhere: %.60q", path, body[i:])
			}
		}
	}
	if code, _, _ := request(t, "GET", srv.URL+"/no-such", nil); code != 404 {
		t.Errorf("unknown path: %d", code)
	}
}

func TestForeignPagesAreKeptOut(t *testing.T) {
	srv, a := serve(t)
	inject := "/api/v1/sources/vibration/inject"
	tests := []struct {
		name, method, path string
		header             []string
		want               int
	}{
		{"rebound name", "GET", "/api/v1/status", []string{"Host: evil.example"}, 421},
		{"rebound name with our port", "GET", "/", []string{"Host: evil.example:8321"}, 421},
		{"another machine's address", "GET", "/", []string{"Host: 192.168.1.9"}, 421},
		{"localhost", "GET", "/healthz", []string{"Host: localhost:8321"}, 200},
		{"IPv6 loopback", "GET", "/healthz", []string{"Host: [::1]:8321"}, 200},
		{"write from another origin", "POST", inject, []string{"Origin: http://evil.example", "Content-Type: application/json"}, 403},
		{"write from another site", "POST", inject, []string{"Sec-Fetch-Site: cross-site", "Content-Type: application/json"}, 403},
		{"a form's content type", "POST", inject, []string{"Content-Type: text/plain"}, 415},
		{"write by GET", "GET", inject, nil, 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := strings.NewReader(`{"fault":"bearing"}`)
			if code, _, text := request(t, tt.method, srv.URL+tt.path, body, tt.header...); code != tt.want {
				t.Errorf("%d, want %d: %s", code, tt.want, text)
			}
		})
	}
	if f := a.Status().Sources[0].Fault; f != "normal" {
		t.Errorf("a foreign page injected %q", f)
	}
}

func TestInject(t *testing.T) {
	srv, a := serve(t)
	post := func(source, body string) (int, string) {
		code, _, text := request(t, "POST", srv.URL+"/api/v1/sources/"+source+"/inject", strings.NewReader(body), "Content-Type: application/json")
		return code, text
	}
	if code, text := post("vibration", `{"fault":"bearing","severity":0.5}`); code != 204 {
		t.Fatalf("%d %s", code, text)
	}
	if s := a.Status().Sources[0]; s.Fault != "bearing" || s.Severity != 0.5 {
		t.Errorf("status says %q %v", s.Fault, s.Severity)
	}
	for _, tt := range []struct {
		source, body string
		code         int
		want         string
	}{
		{"vibration", `{"fault":"flood"}`, 400, "flood"},
		{"vibration", `{"fault":"bearing","severity":7}`, 400, "severity"},
		{"vibration", `{"falt":"bearing"}`, 400, "falt"},
		{"vibration", `{`, 400, "body"},
		{"scans", `{"fault":"bearing"}`, 404, "no faults"},
		{"nobody", `{"fault":"bearing"}`, 404, "nobody"},
	} {
		if code, text := post(tt.source, tt.body); code != tt.code || !strings.Contains(text, tt.want) {
			t.Errorf("%s %s: %d %s", tt.source, tt.body, code, text)
		}
	}
}

// TestOwnImage sends one of the scans, whose name ends in its digit.
func TestOwnImage(t *testing.T) {
	srv, _ := serve(t)
	scans, err := filepath.Glob(filepath.Join(demoDir, "scans", "000-*.png"))
	if err != nil || len(scans) != 1 {
		t.Fatalf("scans %v: %v", scans, err)
	}
	data, err := os.ReadFile(scans[0])
	if err != nil {
		t.Fatal(err)
	}
	url := srv.URL + "/api/v1/pipelines/digits/classify"
	code, _, text := request(t, "POST", url, bytes.NewReader(data), "Content-Type: image/png")
	var out agent.Outcome
	if err := json.Unmarshal([]byte(text), &out); code != 200 || err != nil {
		t.Fatalf("%d %s", code, text)
	}
	if want := strings.TrimSuffix(scans[0][strings.LastIndex(scans[0], "-")+1:], ".png"); out.Label != want {
		t.Errorf("label %q, want %q", out.Label, want)
	}
	for _, tt := range []struct {
		path, kind string
		body       []byte
		code       int
	}{
		{"digits", "image/png", []byte("not an image"), 422},
		{"digits", "image/png", data[:20], 422},
		{"digits", "text/html", data, 415},
		{"digits", "image/png", make([]byte, maxImage+1), 413},
		{"digits", "audio/wav", data, 400},
		{"machine", "image/png", data, 400},
		{"nobody", "image/png", data, 404},
	} {
		code, _, text := request(t, "POST", srv.URL+"/api/v1/pipelines/"+tt.path+"/classify", bytes.NewReader(tt.body), "Content-Type: "+tt.kind)
		if code != tt.code {
			t.Errorf("%s with %d bytes of %s: %d %s, want %d", tt.path, len(tt.body), tt.kind, code, text, tt.code)
		}
	}
}

// TestStream reads events until the machine has been classified.
func TestStream(t *testing.T) {
	srv, _ := serve(t)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", srv.URL+"/api/v1/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Errorf("content type %q", kind)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var s agent.Status
		if err := json.Unmarshal([]byte(data), &s); err != nil {
			t.Fatal(err)
		}
		m, d := s.Pipelines[0], s.Pipelines[1]
		if !m.Simulated || d.Simulated {
			t.Fatalf("simulated: machine %v, digits %v", m.Simulated, d.Simulated)
		}
		if m.Windows > 3 && len(m.Scores) == len(m.Labels) && len(s.Sources[0].Trace) == 3 {
			return
		}
	}
	t.Fatalf("no window came: %v", lines.Err())
}

func TestFrame(t *testing.T) {
	srv, a := serve(t)
	for deadline := time.Now().Add(20 * time.Second); a.Status().Pipelines[1].Frame == 0; {
		if time.Now().After(deadline) {
			t.Fatal("no frame within 20 s")
		}
		time.Sleep(5 * time.Millisecond)
	}
	code, header, body := request(t, "GET", srv.URL+"/api/v1/pipelines/digits/frame.png", nil)
	if code != 200 || header.Get("Content-Type") != "image/png" || !strings.HasPrefix(body, "\x89PNG") {
		t.Errorf("%d %s %.20q", code, header.Get("Content-Type"), body)
	}
	if code, _, _ := request(t, "GET", srv.URL+"/api/v1/pipelines/machine/frame.png", nil); code != 204 {
		t.Errorf("frame of a machine: %d, want 204", code)
	}
	if code, _, _ := request(t, "GET", srv.URL+"/api/v1/pipelines/nobody/frame.png", nil); code != 404 {
		t.Errorf("frame of nobody: %d, want 404", code)
	}
}

func TestListenRefuses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tt := range []struct{ listen, want, hint string }{
		{taken.Addr().String(), "address already in use", "another port"},
		{"0.0.0.0:0", "can be reached from other machines", "allow_remote"},
	} {
		_, err := Listen(context.Background(), config.API{Listen: tt.listen})
		var refused *ListenError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(refused.Hint(), tt.hint) {
			t.Errorf("%s: %v", tt.listen, err)
		}
	}
	if l, err := Listen(context.Background(), config.API{Listen: "off"}); l != nil || err != nil {
		t.Errorf("off: %v, %v", l, err)
	}
}

// TestServeEnds keeps a stream open while the server is told to stop.
func TestServeEnds(t *testing.T) {
	_, a := serve(t)
	cfg := config.API{Listen: "127.0.0.1:0"}
	l, err := Listen(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, a, cfg, slog.New(slog.DiscardHandler)) }()
	resp, err := http.Get("http://" + l.Addr().String() + "/api/v1/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
