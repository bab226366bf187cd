package local

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/config"
)

// serveKeeping runs the demo with a telemetry store.
func serveKeeping(t *testing.T) *httptest.Server {
	t.Helper()
	dir := t.TempDir()
	srv, _ := serveWith(t, func(cfg *config.Config) {
		cfg.Telemetry = config.Telemetry{Dir: dir, MaxBytes: 1 << 20, MaxAge: time.Second, Health: time.Second}
	})
	return srv
}

// poll asks until the answer contains want.
func poll(t *testing.T, url, want string) string {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		code, _, text := request(t, "GET", url, nil)
		if code == 200 && strings.Contains(text, want) {
			return text
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %d without %q: %s", url, code, want, text)
		}
	}
}

// TestMetrics: every line has the form of the text format, every sample
// belongs to the family before it, and the values are there.
func TestMetrics(t *testing.T) {
	srv := serveKeeping(t)
	poll(t, srv.URL+"/metrics", `dunlin_source_up{source="vibration"} 1`)
	text := poll(t, srv.URL+"/metrics", `dunlin_pipeline_up{pipeline="machine"} 1`)
	line := regexp.MustCompile(`^([a-z_]+)(\{[a-z0-9]+="[^"\n]*"(,[a-z0-9]+="[^"\n]*")*\})? [-+0-9.e]+$`)
	family := ""
	for l := range strings.Lines(text) {
		l = strings.TrimSuffix(l, "\n")
		if rest, ok := strings.CutPrefix(l, "# HELP "); ok {
			family, _, _ = strings.Cut(rest, " ")
			continue
		}
		if strings.HasPrefix(l, "# TYPE "+family+" ") {
			continue
		}
		m := line.FindStringSubmatch(l)
		if m == nil || !strings.HasPrefix(m[1], family) {
			t.Errorf("line %q in family %s", l, family)
		}
	}
	for _, want := range []string{
		`dunlin_pipeline_up{pipeline="machine"} 1`, `dunlin_source_up{source="vibration"} 1`,
		`dunlin_model_info{pipeline="digits",bundle="digits@1.0.0",sha256="`, `dunlin_telemetry_up 1`,
		`dunlin_pipeline_latency_seconds_bucket{pipeline="machine",le="+Inf"} `, `dunlin_pipeline_drift_level{pipeline="machine"} 0`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

// TestTelemetry: the records that wait come out, one a line, and nothing where
// none are kept.
func TestTelemetry(t *testing.T) {
	srv := serveKeeping(t)
	text := poll(t, srv.URL+"/api/v1/telemetry", `"kind":"health"`)
	for l := range strings.Lines(poll(t, srv.URL+"/api/v1/telemetry", `"kind":"result"`)) {
		var k agent.Kept
		if err := json.Unmarshal([]byte(l), &k); err != nil || len(k.Boot) != 32 || k.Time.Year() < 2020 {
			t.Fatalf("line %q: %v", l, err)
		}
		if k.Kind == "result" && (k.Class == nil || k.Score == nil || *k.LatencyUS <= 0 || len(k.Bundle) != 64) {
			t.Fatalf("line %q", l)
		}
	}
	if !strings.Contains(text, `"kind":"event"`) {
		t.Error("no event of the start")
	}
	bare, _ := serve(t)
	if code, _, text := request(t, "GET", bare.URL+"/api/v1/telemetry", nil); code != 404 || !strings.Contains(text, "telemetry.dir") {
		t.Errorf("%d %s", code, text)
	}
}

func TestEscape(t *testing.T) {
	var m exposition
	m.sample("x", 0.5, "a", "b\"c\\d\ne", "f", "g")
	if got := m.String(); got != `x{a="b\"c\\d\ne",f="g"} 0.5`+"\n" {
		t.Errorf("got %q", got)
	}
}

// TestDashboard: the Grafana dashboard asks for nothing that is not there.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("../../scripts/examples/grafana-agents.json")
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil || len(d.Panels) < 8 {
		t.Fatalf("%d panels, %v", len(d.Panels), err)
	}
	source, err := os.ReadFile("metrics.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			for _, name := range regexp.MustCompile(`dunlin_\w+`).FindAllString(target.Expr, -1) {
				if !bytes.Contains(source, []byte(`"`+strings.TrimSuffix(name, "_bucket")+`"`)) {
					t.Errorf("panel %q: there is no metric %s", p.Title, name)
				}
			}
		}
	}
}
