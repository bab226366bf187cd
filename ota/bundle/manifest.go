package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Schema is the manifest schema this package reads and writes.
const Schema = 1

// A Manifest says what a bundle is. Schema, Name, Version, Numerics, Model and
// Pipeline are required; the rest is what a publisher knows. Pack fills Files.
type Manifest struct {
	Schema  int    `json:"schema"`
	Name    string `json:"name"`    // [a-z0-9-], at most 64
	Version string `json:"version"` // semver 2.0.0
	// Numerics is the engine's arithmetic edition the outputs were made with.
	Numerics int      `json:"numerics"`
	Created  string   `json:"created,omitempty"` // RFC 3339, UTC
	Model    ModelRef `json:"model"`
	// Pipeline holds source, window, preprocess, postprocess, labels and
	// warmup_windows. It stays raw here; inference/pipeline reads it.
	Pipeline   json.RawMessage `json:"pipeline"`
	Requires   *Requires       `json:"requires,omitempty"`
	Golden     []Golden        `json:"golden,omitempty"`
	Variants   []Variant       `json:"variants,omitempty"` // the next best, in this order
	Reference  *Reference      `json:"reference,omitempty"`
	Probation  *Probation      `json:"probation,omitempty"`
	Evaluation *Evaluation     `json:"evaluation,omitempty"`
	Lineage    *Lineage        `json:"lineage,omitempty"`
	Licence    string          `json:"licence,omitempty"` // SPDX expression
	Card       string          `json:"card,omitempty"`    // name of a Markdown file in the bundle
	Files      []File          `json:"files"`             // sorted by name
}

// ModelRef names the model file and its format ("tflite").
type ModelRef struct {
	File   string `json:"file"`
	Format string `json:"format"`
}

// A Variant is another model for the same pipeline: what a board runs that the
// ones before it do not fit.
type Variant struct {
	Model    ModelRef  `json:"model"`
	Requires *Requires `json:"requires,omitempty"`
	Golden   []Golden  `json:"golden,omitempty"`
}

// Requires is what a device must offer before the bundle is activated.
type Requires struct {
	MinAgent     string   `json:"min_agent,omitempty"` // semver
	RAMBytes     int64    `json:"ram_bytes,omitempty"`
	MaxLatencyMS float64  `json:"max_latency_ms,omitempty"` // one window, measured on the device
	Ops          []string `json:"ops,omitempty"`            // TFLite operator names
	Features     []string `json:"features,omitempty"`       // preprocess and postprocess stages
}

// A Golden is one input with the exact output it must give: names of files of
// raw little-endian, row-major tensors, one per model input and output.
type Golden struct {
	Input  []string `json:"input"`
	Output []string `json:"output"`
	// Origin says who computed the output: "publisher", or "init on <goarch>"
	// for a sample made by `dunlin bundle init`.
	Origin string `json:"origin,omitempty"`
}

// Probation says what a device's live input must show before this bundle takes
// the place of another: how many windows both decide, and the least share of
// them, 0 to 1, on which the labels agree. 0 windows is no probation.
type Probation struct {
	Windows      int     `json:"windows"`
	MinAgreement float64 `json:"min_agreement"`
}

// Reference holds what live data is compared with to see drift.
type Reference struct {
	Histograms []Histogram `json:"histograms,omitempty"`
}

// A Histogram counts values in equal bins over [Min, Max).
type Histogram struct {
	Name   string  `json:"name"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Counts []int64 `json:"counts"`
}

// Evaluation is the quality measured before release.
type Evaluation struct {
	Dataset string             `json:"dataset"`
	Metrics map[string]float64 `json:"metrics,omitempty"`
	Slices  []Slice            `json:"slices,omitempty"`
}

// A Slice is the quality on one part of the data, for example one class.
type Slice struct {
	Name    string             `json:"name"`
	Count   int                `json:"count"`
	Metrics map[string]float64 `json:"metrics"`
}

// Lineage says where the model comes from. Code and Data are digests written
// "sha256:<64 hex digits>".
type Lineage struct {
	Run  string   `json:"run,omitempty"`
	Code string   `json:"code,omitempty"`
	Data []string `json:"data,omitempty"`
}

// A File is one file of the bundle.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // lower-case hex
}

// ParseManifest reads a manifest strictly: an unknown, repeated or misspelt
// key, a wrong type or a null is an error that names the key's path. It
// checks the values, and that every file named is listed.
func ParseManifest(raw []byte) (*Manifest, error) {
	m, err := decodeManifest(raw)
	if err != nil {
		return nil, err
	}
	if err := m.validate(); err != nil {
		return nil, err
	}
	return m, nil
}

// DecodeManifest reads a manifest as a publisher writes it, before Pack lists
// the files: the keys and types are checked as in ParseManifest, the values
// are left to Pack.
func DecodeManifest(raw []byte) (*Manifest, error) { return decodeManifest(raw) }

func decodeManifest(raw []byte) (*Manifest, error) {
	if len(raw) > MaxManifestBytes {
		return nil, fmt.Errorf("manifest: %d bytes, limit %d", len(raw), MaxManifestBytes)
	}
	if err := checkKeys(raw); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	var m Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return &m, nil
}

// Encode returns the manifest as indented JSON ending in a newline.
func (m *Manifest) Encode() ([]byte, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(m); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if buf.Len() > MaxManifestBytes {
		return nil, fmt.Errorf("manifest: %d bytes, limit %d", buf.Len(), MaxManifestBytes)
	}
	return buf.Bytes(), nil
}
