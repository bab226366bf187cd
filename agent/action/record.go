// Package action does things with what pipelines decide: it appends JSON lines,
// runs programs and calls webhooks, without ever holding a pipeline up.
//
// Start with [New], [Action.Run] and [Action.Offer]. Each action has a bounded
// queue and one worker: records come out in order, and where the far side is
// too slow, further records are dropped and counted. Only json waits instead
// of dropping, since its output is the data itself.
package action

import "time"

// Kinds of record.
const (
	KindResult = "result" // one window
	KindEvent  = "event"  // a decision changed
)

// Record is one result or event, complete enough to be understood alone. Its
// JSON form is what every action hands out.
type Record struct {
	Time     time.Time `json:"time"` // when it was decided
	Kind     string    `json:"kind"`
	Event    string    `json:"event,omitempty"` // "enter" or "leave"
	Device   string    `json:"device"`
	Pipeline string    `json:"pipeline"`
	Source   string    `json:"source"`
	Item     string    `json:"item,omitempty"` // file the data came from
	Bundle   string    `json:"bundle"`         // name@version
	Model    string    `json:"model"`          // SHA-256 of the model file, hex
	Label    string    `json:"label"`
	Class    int       `json:"class"`
	Score    float32   `json:"score"`     // after smoothing
	RawScore float32   `json:"raw_score"` // of the same class, before smoothing
	Margin   float32   `json:"margin"`    // to the second class
	Start    time.Time `json:"start"`     // of the window, at the source
	End      time.Time `json:"end"`
	// LatencyUS is the time from window to decision in microseconds.
	LatencyUS int64 `json:"latency_us"`
	// Simulated is true where no physical sensor is behind the record.
	Simulated bool `json:"simulated"`
}
