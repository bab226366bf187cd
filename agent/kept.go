package agent

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/dunlin-edge/dunlin/telemetry"
	"github.com/dunlin-edge/dunlin/telemetry/drift"
)

// Kept is one record of the telemetry store, for people and other programs.
// Which fields it has depends on Kind.
type Kept struct {
	Kind   string    `json:"kind"` // event, result, health, capture or gap
	Epoch  uint32    `json:"epoch"`
	Seq    uint64    `json:"seq"`
	Time   time.Time `json:"time,omitzero"`    // by the clock as it was when sealed
	Synced bool      `json:"synced,omitempty"` // that clock was true
	Boot   string    `json:"boot,omitempty"`
	BootMS int64     `json:"boot_ms,omitempty"` // since boot

	Pipeline  string   `json:"pipeline,omitempty"`
	Bundle    string   `json:"bundle,omitempty"` // SHA-256
	Class     *uint16  `json:"class,omitempty"`
	Score     *float32 `json:"score,omitempty"`
	Margin    *float32 `json:"margin,omitempty"`
	LatencyUS *int64   `json:"latency_us,omitempty"`

	Name  string   `json:"name,omitempty"`  // of a reading
	Value *float64 `json:"value,omitempty"` // of a reading or an event
	Code  uint16   `json:"code,omitempty"`  // of an event
	Text  string   `json:"text,omitempty"`
	// Histograms are the counts of a window, by the names of a bundle's reference.
	Histograms map[string][]uint32 `json:"histograms,omitempty"`

	Digest string `json:"sha256,omitempty"` // of a capture
	Size   uint32 `json:"size,omitempty"`
	Count  uint64 `json:"count,omitempty"` // of a gap's numbers
	Reason string `json:"reason,omitempty"`
}

// Records gives visit all sealed records that wait on this device. The error
// is a *RequestError where none are kept.
func (a *Agent) Records(visit func(*Kept) error) error {
	if a.records == nil {
		return &RequestError{NotFound, "no telemetry is kept: the configuration has no telemetry.dir"}
	}
	l := a.records.store.Load()
	if l == nil {
		return &RequestError{Busy, "there is no telemetry store now; see status"}
	}
	return l.Walk(func(s telemetry.Sealed) error {
		c, err := telemetry.Decode(s.Data)
		if err != nil {
			return fmt.Errorf("telemetry chunk %d of epoch %d: %w", s.First, s.Epoch, err)
		}
		return unpack(c, visit)
	})
}

// unpack gives visit the records of a chunk.
func unpack(c *telemetry.Chunk, visit func(*Kept) error) error {
	seq := c.First
	give := func(sinceBoot time.Duration, k Kept) error {
		k.Kind, k.Epoch, k.Seq, k.Synced = c.Kind.String(), c.Epoch, seq, c.Synced
		k.Boot, k.BootMS, k.Time = hex.EncodeToString(c.Boot[:]), sinceBoot.Milliseconds(), c.Wall(sinceBoot)
		seq++
		return visit(&k)
	}
	for _, r := range c.Results {
		us := r.Latency.Microseconds()
		k := Kept{Pipeline: r.Source.Pipeline, Bundle: hex.EncodeToString(r.Source.Model[:]), Class: &r.Class, Score: number(r.Score), Margin: number(r.Margin), LatencyUS: &us}
		if err := give(r.Time, k); err != nil {
			return err
		}
	}
	for _, h := range c.Health {
		k := Kept{Name: h.Name}
		if h.Value-h.Value == 0 { // finite
			v := float64(h.Value)
			k.Value = &v
		}
		if err := give(h.Time, k); err != nil {
			return err
		}
	}
	for _, e := range c.Events {
		v := float64(e.Value)
		k := Kept{Code: e.Code, Value: &v, Text: e.Text}
		if e.Code == telemetry.EventProfile {
			k.histograms()
		}
		if err := give(e.Time, k); err != nil {
			return err
		}
	}
	for _, x := range c.Captures {
		if err := give(x.Time, Kept{Digest: hex.EncodeToString(x.Digest[:]), Size: x.Size}); err != nil {
			return err
		}
	}
	for _, g := range c.Gaps {
		if err := visit(&Kept{Kind: "gap", Epoch: c.Epoch, Seq: g.First, Count: g.Count, Reason: g.Reason.String()}); err != nil {
			return err
		}
	}
	return nil
}

// histograms replaces a text of bytes by what it says.
func (k *Kept) histograms() {
	edges := drift.Uniform()
	w, err := drift.DecodeWindow([]byte(k.Text), &edges)
	if err != nil {
		k.Text = err.Error()
		return
	}
	k.Text, k.Pipeline, k.Bundle, k.Histograms = "", w.Pipeline, hex.EncodeToString(w.Model[:]), map[string][]uint32{}
	for _, f := range drift.Features() {
		k.Histograms[f.String()] = w.Profile.Counts(f)
	}
}

// number returns nil for NaN, which JSON does not know.
func number(v float32) *float32 {
	if v != v {
		return nil
	}
	return &v
}
