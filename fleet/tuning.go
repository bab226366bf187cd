package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// TuningSlot is the slot under which a device reports what it is tuned to. No
// pipeline can have the name.
const TuningSlot = ":tuning"

// Tuning is the part of a device's configuration that the fleet may change,
// where the device's own lets it: nothing that runs a program, opens a device
// or leads anywhere has a place in it. What it leaves out stays as the device's
// own configuration says.
type Tuning struct {
	Captures map[string]CaptureTuning `json:"captures,omitempty"`  // by pipeline
	Enter    map[string]EnterTuning   `json:"enter,omitempty"`     // by pipeline
	Health   int64                    `json:"health_ms,omitempty"` // between readings of health
}

// CaptureTuning says which windows of a pipeline are kept whole, instead of
// what its own configuration says. The zero value keeps none.
type CaptureTuning struct {
	Every       int      `json:"every,omitempty"` // one of so many decisions
	Below       float64  `json:"below,omitempty"` // decisions with a lower score
	Labels      []string `json:"labels,omitempty"`
	Drift       bool     `json:"drift,omitempty"`
	Disagree    bool     `json:"disagree,omitempty"`
	MinInterval int64    `json:"min_interval_ms,omitempty"` // from one to the next
}

// EnterTuning is the score at which a pipeline enters a decision, instead of
// its bundle's. Scores of one model say nothing of another's, so it counts for
// the bundle that it names and no other.
type EnterTuning struct {
	Bundle string  `json:"bundle"` // name@version
	Score  float64 `json:"score"`
}

// Tunable is what a device lets the fleet tune beside captures.
type Tunable struct {
	Enter  map[string]Scores `json:"enter,omitempty"`  // by pipeline
	Health bool              `json:"health,omitempty"` // it takes readings
}

// Scores is a range of scores, both ends in it.
type Scores struct {
	Min float64 `json:"min"`
	Max float64 `json:"max"`
}

const dayMS = 24 * 3600 * 1000

func (t Tuning) check() error {
	if len(t.Captures)+len(t.Enter) == 0 && t.Health == 0 {
		return errors.New("tuning: it changes nothing; give captures, enter or health_ms")
	}
	if len(t.Captures) > 64 || len(t.Enter) > 64 {
		return errors.New("tuning: more than 64 pipelines")
	}
	if t.Health != 0 && (t.Health < 10_000 || t.Health > dayMS) {
		return errors.New("tuning: health_ms from 10 s to a day")
	}
	for name, c := range t.Captures {
		if err := errors.Join(checkSlot(name), c.check()); err != nil {
			return fmt.Errorf("tuning of %.64q: %w", name, err)
		}
	}
	for name, e := range t.Enter {
		if err := errors.Join(checkSlot(name), e.check()); err != nil {
			return fmt.Errorf("tuning of %.64q: %w", name, err)
		}
	}
	return nil
}

func (c CaptureTuning) check() error {
	if c.Every < 0 || !(c.Below >= 0 && c.Below <= 1) || len(c.Labels) > 32 || c.MinInterval < 0 || c.MinInterval > 30*dayMS {
		return errors.New("every from 0, below 0 to 1, 32 labels, min_interval_ms up to 30 days")
	}
	return texts(c.Labels...)
}

func (e EnterTuning) check() error {
	if name, version, ok := strings.Cut(e.Bundle, "@"); !ok || name == "" || version == "" || !(e.Score > 0 && e.Score <= 1) {
		return errors.New("bundle as name@version, score above 0 and up to 1")
	}
	return texts(e.Bundle)
}

func (t *Tunable) check() error {
	if t == nil {
		return nil
	}
	if len(t.Enter) > 64 {
		return errors.New("tunable: more than 64 pipelines")
	}
	for name := range t.Enter {
		if err := texts(name); err != nil {
			return fmt.Errorf("tunable: %w", err)
		}
	}
	return nil
}

// ParseTuning reads a tuning in any layout, without unknown keys.
func ParseTuning(data []byte) (*Tuning, error) {
	if len(data) > 32<<10 {
		return nil, fmt.Errorf("tuning of %d bytes", len(data))
	}
	t := &Tuning{}
	if err := decodeStrict(data, t); err != nil {
		return nil, fmt.Errorf("tuning: %w", err)
	}
	return t, t.check()
}

// Digest names a tuning: the SHA-256 of its one form, hexadecimal.
func (t *Tuning) Digest() string {
	data, err := json.Marshal(t)
	if err != nil {
		return "" // strings, numbers and booleans: it cannot fail
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
