package local

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dunlin-edge/dunlin/agent"
)

// metrics answers in the Prometheus text format 0.0.4.
func (h *handler) metrics(w http.ResponseWriter, r *http.Request) {
	var m exposition
	s := h.agent.Status()
	m.sources(s.Sources)
	m.pipelines(s.Pipelines)
	if s.Telemetry != nil {
		m.telemetry(s.Telemetry)
	}
	if s.Captures != nil {
		m.captures(s.Captures)
	}
	if s.Traffic != nil {
		m.traffic(s.Traffic)
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Write(m.Bytes())
}

// exposition is a text of metrics.
type exposition struct{ bytes.Buffer }

// family begins a metric.
func (m *exposition) family(name, kind, help string) {
	fmt.Fprintf(m, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// sample adds a value; labels are pairs of name and value.
func (m *exposition) sample(name string, value float64, labels ...string) {
	m.WriteString(name)
	for i := 0; i+1 < len(labels); i += 2 {
		m.WriteByte("{,"[min(i, 1)])
		fmt.Fprintf(m, "%s=\"%s\"", labels[i], escape.Replace(labels[i+1]))
	}
	if len(labels) > 0 {
		m.WriteByte('}')
	}
	m.WriteString(" " + strconv.FormatFloat(value, 'g', -1, 64) + "\n")
}

// escape is that of label values in the text format.
var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (m *exposition) sources(all []agent.SourceStatus) {
	each := func(name, kind, help string, value func(*agent.SourceStatus) float64) {
		m.family(name, kind, help)
		for i := range all {
			m.sample(name, value(&all[i]), "source", all[i].Name)
		}
	}
	each("dunlin_source_up", "gauge", "Whether the source is read.", func(s *agent.SourceStatus) float64 { return truth(s.State == agent.Running) })
	each("dunlin_source_read_total", "counter", "Samples of each channel, or images.", func(s *agent.SourceStatus) float64 { return float64(s.Read) })
	each("dunlin_source_lost_total", "counter", "Samples or images lost by the source.", func(s *agent.SourceStatus) float64 { return float64(s.Lost) })
	each("dunlin_source_restarts_total", "counter", "Restarts after a failure.", func(s *agent.SourceStatus) float64 { return float64(s.Restarts) })
}

func (m *exposition) pipelines(all []agent.PipelineStatus) {
	each := func(name, kind, help string, value func(*agent.PipelineStatus) float64) {
		m.family(name, kind, help)
		for i := range all {
			m.sample(name, value(&all[i]), "pipeline", all[i].Name)
		}
	}
	m.family("dunlin_model_info", "gauge", "The bundle and model that a pipeline runs.")
	for _, p := range all {
		m.sample("dunlin_model_info", 1, "pipeline", p.Name, "bundle", p.Bundle, "sha256", p.Model)
	}
	each("dunlin_pipeline_up", "gauge", "Whether the pipeline runs.", func(p *agent.PipelineStatus) float64 { return truth(p.State == agent.Running) })
	each("dunlin_pipeline_windows_total", "counter", "Windows decided.", func(p *agent.PipelineStatus) float64 { return float64(p.Windows) })
	each("dunlin_pipeline_lost_total", "counter", "Samples lost or images passed over before the pipeline.", func(p *agent.PipelineStatus) float64 { return float64(p.Lost) })
	each("dunlin_pipeline_restarts_total", "counter", "Restarts after a failure.", func(p *agent.PipelineStatus) float64 { return float64(p.Restarts) })
	each("dunlin_pipeline_score_ratio", "gauge", "Score of the last decision.", func(p *agent.PipelineStatus) float64 { return float64(p.Score) })
	each("dunlin_pipeline_drift_level", "gauge", "0 quiet, 1 warns, 2 alarms.", func(p *agent.PipelineStatus) float64 {
		return map[string]float64{"warn": 1, "alarm": 2}[p.Drift.Level]
	})
	m.family("dunlin_pipeline_latency_seconds", "histogram", "From a complete window to its decision.")
	for _, p := range all {
		m.latency(p.Name, &p.Latency)
	}
}

func (m *exposition) latency(pipeline string, l *agent.LatencyHistogram) {
	const name = "dunlin_pipeline_latency_seconds"
	var sum uint64
	for i, n := range l.Counts {
		sum += n
		le := "+Inf"
		if i < len(agent.LatencyBounds) {
			le = strconv.FormatFloat(agent.LatencyBounds[i], 'g', -1, 64)
		}
		m.sample(name+"_bucket", float64(sum), "pipeline", pipeline, "le", le)
	}
	m.sample(name+"_sum", l.Sum, "pipeline", pipeline)
	m.sample(name+"_count", float64(sum), "pipeline", pipeline)
}

func (m *exposition) telemetry(t *agent.TelemetryStatus) {
	one := func(name, kind, help string, value float64) {
		m.family(name, kind, help)
		m.sample(name, value)
	}
	one("dunlin_telemetry_up", "gauge", "Whether records are kept.", truth(t.Keeping))
	one("dunlin_telemetry_produced_total", "counter", "Sealed records.", float64(t.Produced))
	one("dunlin_telemetry_delivered_total", "counter", "Records that the controller has.", float64(t.Delivered))
	one("dunlin_telemetry_waiting_records", "gauge", "Records that wait for the controller.", float64(t.Waiting))
	one("dunlin_telemetry_unsealed_records", "gauge", "Records in memory only, or lost and not yet declared.", float64(t.Unsealed))
	one("dunlin_telemetry_file_bytes", "gauge", "Size of the store.", float64(t.FileBytes))
	m.family("dunlin_telemetry_dropped_total", "counter", "Records declared as lost.")
	for _, reason := range []string{"unclean", "overrun", "full", "damaged"} {
		m.sample("dunlin_telemetry_dropped_total", float64(t.Dropped[reason]), "reason", reason)
	}
}

func (m *exposition) captures(c *agent.CaptureStatus) {
	m.family("dunlin_captures_total", "counter", "Windows that were to be captured, by what became of them.")
	for _, x := range []struct {
		outcome string
		n       uint64
	}{{"kept", c.Kept}, {"limited", c.Limited}, {"busy", c.Busy}, {"failed", c.Failed}} {
		m.sample("dunlin_captures_total", float64(x.n), "outcome", x.outcome)
	}
	m.family("dunlin_capture_file_bytes", "gauge", "Size of all captures on disk.")
	m.sample("dunlin_capture_file_bytes", float64(c.Bytes))
}

func (m *exposition) traffic(t *agent.TrafficStatus) {
	m.family("dunlin_link_bytes_total", "counter", "Bytes over the fleet's link since start.")
	for _, purpose := range slices.Sorted(maps.Keys(t.Purposes)) {
		m.sample("dunlin_link_bytes_total", float64(t.Purposes[purpose]), "purpose", purpose)
	}
	m.family("dunlin_link_month_bytes", "gauge", "Bytes of this month over the kind of link in use.")
	m.sample("dunlin_link_month_bytes", float64(t.MonthBytes), "link", t.Link)
}
