package telemetry

import (
	"math"
	"time"
)

// Kind tells what a chunk's records are. A lower kind is kept longer when
// space runs out and is sent earlier.
type Kind uint8

// The kinds, by falling priority. Gaps are declarations, not records: they are
// made from the store's counters and hold no number of their own.
const (
	KindEvent Kind = iota
	KindResult
	KindHealth
	KindCapture
	KindGap
)

// String returns the word for the kind.
func (k Kind) String() string {
	if int(k) >= len(kindNames) {
		return "unknown"
	}
	return kindNames[k]
}

var kindNames = [...]string{"event", "result", "health", "capture", "gap"}

// Source is what decided: a pipeline with one model in it.
type Source struct {
	Pipeline string   // at most 64 bytes, cut beyond
	Model    [32]byte // sha256 of the bundle
}

// Result is one decision.
type Result struct {
	Time    time.Duration // since boot, stored in ms; set by Log
	Source  Source
	Class   uint16
	Score   float32       // of the first class, 0 to 1; stored to 1e-4, NaN stays NaN
	Margin  float32       // first minus second score, at most Score; stored to 1e-4, NaN without a second
	Latency time.Duration // stored in 10 µs, at most 11.9 h
}

// Health is one reading about a sensor or the board.
type Health struct {
	Time  time.Duration // since boot, stored in ms; set by Log
	Name  string        // such as "board.temperature_c"; at most 64 bytes, cut beyond
	Value float32
}

// Event is something the agent did or met.
type Event struct {
	Time  time.Duration // since boot, stored in ms; set by Log
	Code  uint16        // eventClock, or the agent's own from EventAgent up
	Value int64
	Text  string // at most 200 bytes, of EventProfile 1,200; cut beyond
}

// Codes of events. eventClock says that Value is the wall clock's offset in
// milliseconds (Unix time minus time since boot) for all records of its boot.
// The Text of EventProfile is a window of histograms, as drift.DecodeWindow
// takes it; Value is how many seconds it lasted.
const (
	eventClock   uint16 = 1
	EventProfile uint16 = 2
	EventAgent   uint16 = 16
)

// Capture refers to a recorded input.
type Capture struct {
	Time   time.Duration // since boot, stored in ms; set by Log
	Digest [32]byte      // sha256 of the captured file
	Size   uint32        // bytes
	Why    uint8         // the policy that asked for it, in the agent's numbering
}

// Reason says why numbers of a sequence hold no record.
type Reason uint8

// The reasons of gaps.
const (
	reasonUnclean Reason = iota + 1 // one number stands for an unknown count lost from RAM
	reasonOverrun                   // the disk was slower than the records
	reasonFull                      // oldest of the lowest priority, dropped at the cap
	reasonDamaged                   // the sealed chunk no longer matches its CRC

	reasons = int(reasonDamaged) + 1
)

// String returns the word for the reason.
func (r Reason) String() string {
	if r == 0 || int(r) >= reasons {
		return "unknown"
	}
	return reasonNames[r-1]
}

var reasonNames = [...]string{"unclean", "overrun", "full", "damaged"}

// Gap declares that numbers hold no record.
type Gap struct {
	Range
	Reason Reason
}

// Range is the numbers First to First+Count-1 of an epoch's sequence.
type Range struct {
	First, Count uint64
}

// End returns the number after the last.
func (r Range) End() uint64 { return r.First + r.Count }

const (
	maxName = 64
	maxText = 200
	maxData = 1200 // text of EventProfile

	scoreSteps = 10000
	noScore    = scoreSteps + 1
	latencyLSB = 10 * time.Microsecond
	maxMillis  = 1 << 42 // 139 years
)

// steps returns a score in steps of 1e-4, noScore for NaN.
func steps(score float32) uint64 {
	if score != score {
		return noScore
	}
	return uint64(math.Round(float64(min(max(score, 0), 1)) * scoreSteps))
}

// score is the inverse of steps.
func score(n uint64) float32 {
	if n == noScore {
		return float32(math.NaN())
	}
	return float32(n) / scoreSteps
}

func millis(d time.Duration) int64 {
	return min(max(d.Milliseconds(), 0), maxMillis-1)
}

// textLimit is the most bytes of an event's text.
func textLimit(code uint16) int {
	if code == EventProfile {
		return maxData
	}
	return maxText
}

// cut shortens a text to n bytes.
func cut(s string, n int) string {
	return s[:min(len(s), n)]
}
