package action

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
)

var quiet = slog.New(slog.DiscardHandler)

func event(label string, at time.Duration) *Record {
	return &Record{Time: time.Unix(0, 0).Add(at), Kind: KindEvent, Event: "enter", Pipeline: "p", Label: label, Score: 0.5}
}

// carryOut offers the records and waits for the action to finish with them.
func carryOut(t *testing.T, a *Action, records ...*Record) Stats {
	t.Helper()
	for _, r := range records {
		a.Offer(context.Background(), r)
	}
	a.Close()
	a.Run(context.Background())
	return a.Stats()
}

func newAction(t *testing.T, cfg config.Action, stdout io.Writer) *Action {
	t.Helper()
	if cfg.On == "" {
		cfg.On = "event"
	}
	if cfg.Queue == 0 {
		cfg.Queue = 64
	}
	a, err := New(cfg, NewFiles(stdout), quiet)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	a := newAction(t, config.Action{Kind: config.JSON, File: "-"}, &out)
	carryOut(t, a, event("yes", 0), event("no", 1))
	dec := json.NewDecoder(&out)
	for _, want := range []string{"yes", "no"} {
		var got Record
		if err := dec.Decode(&got); err != nil || got.Label != want {
			t.Errorf("record %+v, error %v, want label %s", got, err, want)
		}
	}
}

func TestFilters(t *testing.T) {
	result := event("yes", 0)
	result.Kind = KindResult
	tests := []struct {
		name    string
		cfg     config.Action
		records []*Record
		want    string
	}{
		{"events only", config.Action{On: "event"}, []*Record{result, event("a", 0)}, "a"},
		{"results only", config.Action{On: "result"}, []*Record{result, event("a", 0)}, "yes"},
		{"label", config.Action{Label: "b"}, []*Record{event("a", 0), event("b", 1)}, "b"},
		{"interval", config.Action{MinInterval: time.Second}, []*Record{event("a", 0), event("b", time.Second-1), event("c", time.Second)}, "a c"},
		{"interval counts taken ones", config.Action{MinInterval: time.Second, Label: "c"}, []*Record{event("a", 0), event("c", 1)}, "c"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			tt.cfg.Kind, tt.cfg.File = config.JSON, "-"
			carryOut(t, newAction(t, tt.cfg, &out), tt.records...)
			var got []string
			for dec := json.NewDecoder(&out); dec.More(); {
				var r Record
				if err := dec.Decode(&r); err != nil {
					t.Fatal(err)
				}
				got = append(got, r.Label)
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("labels %q, want %q", s, tt.want)
			}
		})
	}
}

// TestSharedFile has many actions write to one path at once: every line must
// come out whole.
func TestSharedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.jsonl")
	files := NewFiles(io.Discard)
	var wg sync.WaitGroup
	for range 4 {
		a, err := New(config.Action{Kind: config.JSON, File: path, On: "event", Queue: 1}, files, quiet)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() { a.Run(context.Background()) })
		wg.Go(func() {
			for range 50 {
				a.Offer(context.Background(), event("x", 0))
			}
			a.Close()
		})
	}
	wg.Wait()
	if err := errors.Join(files.Close(), files.Close()); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	if len(lines) != 200 {
		t.Errorf("%d lines, want 200", len(lines))
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Fatalf("torn line %q", line)
		}
	}
}

func TestRefusedAtOnce(t *testing.T) {
	_, err := New(config.Action{Kind: config.JSON, File: filepath.Join(t.TempDir(), "no", "x")}, NewFiles(nil), quiet)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("unwritable file: %v", err)
	}
	_, err = New(config.Action{Kind: config.Exec, Argv: []string{"no-such-program-here"}}, NewFiles(nil), quiet)
	if err == nil || !strings.Contains(err.Error(), "no-such-program-here") {
		t.Errorf("missing program: %v", err)
	}
}

func TestExec(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("SECRET", "hidden")
	script := `cat > "$1/stdin"; env > "$1/env"`
	a := newAction(t, config.Action{Kind: config.Exec, Argv: []string{"/bin/sh", "-c", script, "sh", dir}, Timeout: 10 * time.Second}, nil)
	if s := carryOut(t, a, event("yes; rm -rf /", 0)); s.Done != 1 || s.Failed != 0 {
		t.Fatalf("stats %+v", s)
	}
	stdin, _ := os.ReadFile(filepath.Join(dir, "stdin"))
	var got Record
	if err := json.Unmarshal(stdin, &got); err != nil || got.Label != "yes; rm -rf /" {
		t.Errorf("stdin %q: %v", stdin, err)
	}
	env, _ := os.ReadFile(filepath.Join(dir, "env"))
	if strings.Contains(string(env), "SECRET") || !strings.Contains(string(env), "DUNLIN_PIPELINE=p\n") {
		t.Errorf("environment %q", env)
	}
}

func TestExecFailure(t *testing.T) {
	a := newAction(t, config.Action{Kind: config.Exec, Argv: []string{"/bin/sh", "-c", "echo out of paper >&2; exit 3"}, Timeout: 10 * time.Second}, nil)
	s := carryOut(t, a, event("a", 0))
	if s.Failed != 1 || !strings.Contains(s.Reason, "exit status 3: out of paper") {
		t.Errorf("stats %+v", s)
	}
}

// TestExecTimeout starts a program with a child of its own: both must go.
func TestExecTimeout(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	script := `sleep 1000 & echo $! > "$1"; wait`
	a := newAction(t, config.Action{Kind: config.Exec, Argv: []string{"/bin/sh", "-c", script, "sh", pidFile}, Timeout: 300 * time.Millisecond}, nil)
	s := carryOut(t, a, event("a", 0))
	if s.Failed != 1 || !strings.Contains(s.Reason, "killed after 300ms") {
		t.Fatalf("stats %+v", s)
	}
	raw, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	waitGone(t, strings.TrimSpace(string(raw)))
}

// waitGone waits until a process has ended.
func waitGone(t *testing.T, pid string) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for time.Now().Before(deadline) {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
	}
	t.Fatalf("process %s is still there", pid)
}

func TestWebhookRetries(t *testing.T) {
	var calls atomic.Int32
	var body []byte
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		if calls.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer srv.Close()
	a := newAction(t, config.Action{Kind: config.Webhook, URL: srv.URL, Retries: 3, Timeout: 5 * time.Second}, nil)
	a.sink.(*webhook).client.RetryWaitMin = time.Millisecond
	a.sink.(*webhook).client.RetryWaitMax = time.Millisecond
	if s := carryOut(t, a, event("yes", 0)); s.Done != 1 || calls.Load() != 3 || !json.Valid(body) {
		t.Errorf("stats %+v after %d calls, body %q", s, calls.Load(), body)
	}
}

// TestWebhookKeepsSecrets: an address may carry a token, which must reach
// neither log nor status.
func TestWebhookKeepsSecrets(t *testing.T) {
	a := newAction(t, config.Action{Kind: config.Webhook, URL: "http://user:hunter2@127.0.0.1:1/hook?token=hunter2", Timeout: time.Second}, nil)
	err := a.sink.do(t.Context(), &Record{}, []byte("{}"))
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "127.0.0.1:1/hook") {
		t.Errorf("error %v, want one that names the host and no secret", err)
	}
}

func TestWebhookRefused(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("followed a redirect") }))
	defer other.Close()
	srv := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer srv.Close()
	a := newAction(t, config.Action{Kind: config.Webhook, URL: srv.URL, Timeout: 5 * time.Second}, nil)
	if s := carryOut(t, a, event("yes", 0)); s.Failed != 1 || !strings.Contains(s.Reason, "307") {
		t.Errorf("stats %+v", s)
	}
}

// TestFullQueue has no worker: what does not fit is dropped at once, and
// counted.
func TestFullQueue(t *testing.T) {
	a := newAction(t, config.Action{Kind: config.Webhook, URL: "http://127.0.0.1:1", Queue: 2}, nil)
	for range 5 {
		a.Offer(context.Background(), event("x", 0))
	}
	if s := a.Stats(); s.Waiting != 2 || s.Dropped != 3 {
		t.Errorf("stats %+v, want 2 waiting, 3 dropped", s)
	}
}

func TestCancelledRunDrops(t *testing.T) {
	var out bytes.Buffer
	a := newAction(t, config.Action{Kind: config.JSON, File: "-"}, &out)
	a.Offer(context.Background(), event("x", 0))
	a.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	a.Run(ctx)
	if s := a.Stats(); s.Dropped != 1 || out.Len() != 0 {
		t.Errorf("stats %+v, output %q", s, out.String())
	}
}

func TestOfferAllocatesNothing(t *testing.T) {
	a := newAction(t, config.Action{Kind: config.Webhook, URL: "http://127.0.0.1:1", Queue: 4}, nil)
	rec, ctx := event("x", 0), context.Background()
	if n := testing.AllocsPerRun(100, func() { a.Offer(ctx, rec) }); n != 0 {
		t.Errorf("%v allocations per Offer, want 0", n)
	}
}
