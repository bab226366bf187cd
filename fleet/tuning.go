package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
)

// TuningSlot is the slot under which a device reports what it is tuned to. No
// pipeline can have the name.
const TuningSlot = ":tuning"

// Tuning is the part of a device's configuration that the fleet may change,
// where the device's own lets it: nothing that runs a program, opens a device
// or leads anywhere has a place in it.
type Tuning struct {
	Captures map[string]CaptureTuning `json:"captures"` // by pipeline
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

func (t Tuning) check() error {
	if len(t.Captures) == 0 || len(t.Captures) > 64 {
		return errors.New("tuning: 1 to 64 pipelines")
	}
	for name, c := range t.Captures {
		if err := checkSlot(name); err != nil {
			return fmt.Errorf("tuning: %w", err)
		}
		if c.Every < 0 || !(c.Below >= 0 && c.Below <= 1) || len(c.Labels) > 32 || c.MinInterval < 0 || c.MinInterval > 30*24*3600*1000 {
			return fmt.Errorf("tuning of %s: every from 0, below 0 to 1, 32 labels, min_interval_ms up to 30 days", name)
		}
		if err := texts(c.Labels...); err != nil {
			return fmt.Errorf("tuning of %s: %w", name, err)
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
