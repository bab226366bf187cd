package agent

import (
	"time"

	"github.com/dunlin-edge/dunlin/agent/action"
	"github.com/dunlin-edge/dunlin/agent/uplink"
)

// Status is everything the views show, at one moment.
type Status struct {
	Time      time.Time         `json:"time"`
	Started   time.Time         `json:"started"`
	Device    string            `json:"device"`
	Labels    map[string]string `json:"labels,omitempty"`
	Sources   []SourceStatus    `json:"sources"`
	Pipelines []PipelineStatus  `json:"pipelines"`
	Telemetry *TelemetryStatus  `json:"telemetry,omitempty"` // nil where none is kept
	Captures  *CaptureStatus    `json:"captures,omitempty"`  // nil where no pipeline has any
	Fleet     *uplink.Status    `json:"fleet,omitempty"`     // nil where the agent works alone
	Traffic   *TrafficStatus    `json:"traffic,omitempty"`   // likewise, and where no telemetry is kept
	Loaded    LoadedStatus      `json:"configuration"`
}

// SourceStatus is one source.
type SourceStatus struct {
	Name   string `json:"name"`
	Driver string `json:"driver"`
	Health
	Kind      string      `json:"kind"` // audio, vibration, samples or image
	RateHz    float64     `json:"rate_hz,omitempty"`
	Measured  float64     `json:"measured_hz,omitempty"` // by the machine's clock, where the sensor has its own
	JitterUS  float64     `json:"jitter_us,omitempty"`   // mean deviation from an even pace
	Unit      string      `json:"unit,omitempty"`
	Channels  []string    `json:"channels,omitempty"` // names
	Simulated bool        `json:"simulated"`
	Read      uint64      `json:"read"` // samples per channel, or images
	Lost      uint64      `json:"lost"` // by the source itself
	Item      string      `json:"item,omitempty"`
	Faults    []string    `json:"faults,omitempty"` // that can be injected
	Fault     string      `json:"fault,omitempty"`  // injected now
	Severity  float64     `json:"severity,omitempty"`
	Trace     [][]float32 `json:"trace,omitempty"` // per channel min, max, min, max, ... at 25 points/s
}

// PipelineStatus is one pipeline.
type PipelineStatus struct {
	Name   string `json:"name"`
	Source string `json:"source"`
	Health
	Kind      string    `json:"kind"`
	Bundle    string    `json:"bundle"` // name@version
	Digest    string    `json:"digest"` // SHA-256 of the bundle, hex
	Model     string    `json:"model"`  // SHA-256 of its model file, hex
	Golden    int       `json:"golden"` // samples exact on this device
	Simulated bool      `json:"simulated"`
	Labels    []string  `json:"labels"`
	Scores    []float32 `json:"scores"`
	Class     int       `json:"class"`
	Label     string    `json:"label"`
	Score     float32   `json:"score"`
	Warm      bool      `json:"warm"` // past the warm-up windows
	Item      string    `json:"item,omitempty"`
	Updated   time.Time `json:"updated,omitzero"` // of the last window
	Windows   uint64    `json:"windows"`
	PerSecond float64   `json:"per_second"`
	P50US     int64     `json:"p50_us"` // latency of the last 256 windows
	P95US     int64     `json:"p95_us"`
	Lost      uint64    `json:"lost"`            // samples, or images passed over
	Frame     uint64    `json:"frame,omitempty"` // changes with the image at .../frame.png
	// Decides is false where the bundle only scores. Events are the latest
	// decisions, newest first.
	Decides bool            `json:"decides"`
	Events  []action.Record `json:"events"`
	Actions []action.Stats  `json:"actions"`
	Drift   DriftStatus     `json:"drift"`
	Server  *ServerStatus   `json:"server,omitempty"` // nil where the model runs on this CPU alone

	Latency LatencyHistogram `json:"-"`
}

// Reasons why a request is refused.
const (
	NotFound = "not found"
	Invalid  = "invalid"
	Busy     = "busy"
)

// A RequestError is a request that makes no sense here; Reason is NotFound,
// Invalid or Busy.
type RequestError struct {
	Reason string
	Text   string
}

func (e *RequestError) Error() string { return e.Text }
