package rest

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/agent/serve"
)

// runAgent serves the pipelines of the demo's agent while it runs.
func runAgent(t *testing.T) (*agent.Agent, *http.Client) {
	t.Helper()
	cfg, err := config.Load(filepath.Join(demoDir, "agent.yaml"), agent.Drivers())
	if err != nil {
		t.Fatal(err)
	}
	a, err := agent.New(context.Background(), cfg, agent.Options{})
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "s")
	s, err := New(context.Background(), Config{
		Serve: config.Serve{Socket: socket, MaxBody: config.DefaultMaxBody}, Results: a, Log: slog.New(slog.DiscardHandler), Drain: time.Second,
		Models: serve.New(serve.Config{Catalog: serve.NewPipelines(a)}),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{a.Run, s.Run} {
		running.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() { cancel(); running.Wait() })
	return a, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}}
}

// An answer is what came of one request.
type answer struct {
	code  int
	took  time.Duration
	retry string
}

func timed(c *http.Client, body string) (answer, error) {
	began := time.Now()
	resp, err := c.Post("http://device/v1/models/digits:predict", "application/json", strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return answer{resp.StatusCode, time.Since(began), resp.Header.Get("Retry-After")}, err
}

func p99(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)*99/100]
}

// TestOverload asks for twice what the device can do. What is accepted is
// answered, what is not is told so, and the vibration pipeline decides every
// window meanwhile. The times are logged, not judged.
func TestOverload(t *testing.T) {
	if testing.Short() {
		return // under the race detector a pipeline alone is too slow for its source
	}
	a, client := runAgent(t)
	pixels := "[" + strings.TrimSuffix(strings.Repeat("[[3],"+strings.TrimSuffix(strings.Repeat("[7],", 63), ",")+"],", 64), ",") + "]"
	body := `{"instances":[` + strings.TrimSuffix(strings.Repeat(pixels+",", 8), ",") + `]}`
	var alone []time.Duration
	for range 300 {
		got, err := timed(client, body)
		if err != nil || got.code != http.StatusOK {
			t.Fatal(got, err)
		}
		alone = append(alone, got.took)
	}
	service := slices.Clone(alone)
	slices.Sort(service)
	every := service[len(service)/2] / 2 // two a service time, of one worker
	before := a.Status().Pipelines[0]

	const lasting = 3 * time.Second
	var mu sync.Mutex
	var accepted []time.Duration
	codes := map[int]int{}
	var asking sync.WaitGroup
	tick := time.NewTicker(every)
	defer tick.Stop()
	room := make(chan struct{}, 100) // of the client's connections
	for end := time.Now().Add(lasting); time.Now().Before(end); <-tick.C {
		select {
		case room <- struct{}{}:
		default:
			continue
		}
		asking.Go(func() {
			defer func() { <-room }()
			got, err := timed(client, body)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
				return
			}
			codes[got.code]++
			if got.code == http.StatusOK {
				accepted = append(accepted, got.took)
			} else if got.retry == "" {
				t.Errorf("%d without Retry-After", got.code)
			}
		})
	}
	asking.Wait()
	after := a.Status().Pipelines[0]
	t.Logf("unloaded median %v, p99 %v; every %v for %v: accepted p99 %v (%.2fx), %v", service[len(service)/2], p99(alone), every, lasting, p99(accepted),
		float64(p99(accepted))/float64(p99(alone)), codes)
	for code := range codes {
		if code != http.StatusOK && code != http.StatusTooManyRequests && code != http.StatusServiceUnavailable {
			t.Errorf("status %d", code)
		}
	}
	if codes[http.StatusOK] == 0 || len(codes) == 1 {
		t.Errorf("no overload: %v", codes)
	}
	windows := after.Windows - before.Windows
	t.Logf("the machine's pipeline: %d windows, lost %d, p95 %d µs", windows, after.Lost, after.P95US)
	if after.Lost != 0 || after.Restarts != 0 || float64(windows) < 0.8*lasting.Seconds()*3200/512 {
		t.Errorf("the pipeline decided %d windows, lost %d samples", windows, after.Lost)
	}
}

// TestResults: server-sent events carry what a pipeline decides.
func TestResults(t *testing.T) {
	_, client := runAgent(t)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", "http://device/v1/pipelines/machine/results", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var text string
	for !strings.Contains(text, "\n\n") {
		buf := make([]byte, 4096)
		n, err := resp.Body.Read(buf)
		text += string(buf[:n])
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	}
	if !strings.HasPrefix(text, `data: {`) || !strings.Contains(text, `"bundle":"machine@1.0.0"`) {
		t.Errorf("%q", text)
	}
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || kind != "text/event-stream" {
		t.Error(resp.Status, kind)
	}
}
