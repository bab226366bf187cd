package pipeline

import (
	"encoding/json"
	"fmt"
)

// Kinds of sources.
const (
	KindAudio     = "audio"     // samples in [-1, 1)
	KindVibration = "vibration" // acceleration in g
	KindSamples   = "samples"   // any other stream of samples
	KindImage     = "image"
	KindTensor    = "tensor" // rows of numbers, each a whole input
)

// Limits of a spec.
const (
	maxSpecBytes = 4 << 20
	maxStages    = 16
	maxLabels    = 1 << 16
	maxWindow    = 1 << 22 // samples of all channels
	maxTop       = 100
	maxHistory   = 1024 // windows that smoothing and decisions look back
)

// Spec says how samples become a model's input and its output decisions. It
// marshals to the JSON that ParseSpec reads.
type Spec struct {
	Source        SourceSpec `json:"source"`
	Window        *Window    `json:"window,omitempty"`
	Preprocess    []Stage    `json:"preprocess,omitempty"`
	Postprocess   []Stage    `json:"postprocess,omitempty"`
	Labels        []string   `json:"labels,omitempty"`
	WarmupWindows int        `json:"warmup_windows,omitempty"`
}

// SourceSpec is what a pipeline wants to be fed with.
type SourceSpec struct {
	Kind     string  `json:"kind"`
	Rate     float64 `json:"rate,omitempty"`     // samples, images or rows per second
	Channels int     `json:"channels,omitempty"` // interleaved; 1 if absent
	Unit     string  `json:"unit,omitempty"`
	Width    int     `json:"width,omitempty"` // images, if a certain size is best
	Height   int     `json:"height,omitempty"`
}

// Window is measured in sample frames of the source.
type Window struct {
	Length int `json:"length"`
	Hop    int `json:"hop,omitempty"` // from one start to the next; 0: Length
}

// Stage is one step of pre- or postprocessing: its name and the parameters
// that belong to it, where the zero value stands for the default.
type Stage struct {
	Op string `json:"op"`

	Index    int      `json:"index,omitempty"`
	Multiply *float64 `json:"multiply,omitempty"`
	Add      float64  `json:"add,omitempty"`

	WindowMS int `json:"window_ms,omitempty"`
	StepMS   int `json:"step_ms,omitempty"`
	Channels int `json:"channels,omitempty"`

	Frame        int      `json:"frame,omitempty"`
	Step         int      `json:"step,omitempty"`
	FFT          int      `json:"fft,omitempty"`
	Bands        int      `json:"bands,omitempty"`
	LowHz        *float64 `json:"low_hz,omitempty"`
	HighHz       *float64 `json:"high_hz,omitempty"`
	Coefficients int      `json:"coefficients,omitempty"`
	Offset       float64  `json:"offset,omitempty"`

	Features []string    `json:"features,omitempty"`
	BandsHz  [][]float64 `json:"bands_hz,omitempty"`
	Log      bool        `json:"log,omitempty"`

	X        int     `json:"x,omitempty"`
	Y        int     `json:"y,omitempty"`
	Width    int     `json:"width,omitempty"`
	Height   int     `json:"height,omitempty"`
	Fraction float64 `json:"fraction,omitempty"`
	Method   string  `json:"method,omitempty"`
	Centers  string  `json:"centers,omitempty"`
	Fit      string  `json:"fit,omitempty"`
	Fill     float64 `json:"fill,omitempty"`
	To       string  `json:"to,omitempty"`

	Mean []float32 `json:"mean,omitempty"`
	Std  []float32 `json:"std,omitempty"`

	Score float64 `json:"score,omitempty"`
	IoU   float64 `json:"iou,omitempty"`
	Max   int     `json:"max,omitempty"`
	Size  float64 `json:"size,omitempty"`

	K            int      `json:"k,omitempty"`
	N            int      `json:"n,omitempty"`
	Kind         string   `json:"kind,omitempty"`
	Windows      int      `json:"windows,omitempty"`
	Enter        *float64 `json:"enter,omitempty"`
	Leave        *float64 `json:"leave,omitempty"`
	RefractoryMS int      `json:"refractory_ms,omitempty"`
	Ignore       []string `json:"ignore,omitempty"`
}

// ParseSpec reads a spec. Its error names the path of what is wrong and, for a
// misspelt word, the nearest right one.
func ParseSpec(raw []byte) (*Spec, error) {
	if len(raw) > maxSpecBytes {
		return nil, fmt.Errorf("pipeline spec: %d bytes, want at most %d", len(raw), maxSpecBytes)
	}
	s := &Spec{}
	err := object(raw, "", []field{
		{"source", func(raw json.RawMessage, path string) error { return s.Source.parse(raw, path) }},
		{"window", func(raw json.RawMessage, path string) error { return s.parseWindow(raw, path) }},
		{"preprocess", func(raw json.RawMessage, path string) error { return parseStages(&s.Preprocess, raw, path, preOps()) }},
		{"postprocess", func(raw json.RawMessage, path string) error {
			return parseStages(&s.Postprocess, raw, path, postOps())
		}},
		{"labels", &s.Labels},
		{"warmup_windows", &s.WarmupWindows},
	})
	if err == nil {
		err = s.validate()
	}
	if err != nil {
		return nil, fmt.Errorf("pipeline spec: %w", err)
	}
	return s, nil
}

func (s *SourceSpec) parse(raw json.RawMessage, path string) error {
	return object(raw, path, []field{
		{"kind", &s.Kind}, {"rate", &s.Rate}, {"channels", &s.Channels},
		{"unit", &s.Unit}, {"width", &s.Width}, {"height", &s.Height},
	})
}

func (s *Spec) parseWindow(raw json.RawMessage, path string) error {
	s.Window = &Window{}
	return object(raw, path, []field{{"length", &s.Window.Length}, {"hop", &s.Window.Hop}})
}

// parseStages reads a list of stages, each with the keys of its op.
func parseStages(dst *[]Stage, raw json.RawMessage, path string, ops map[string][]string) error {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil || list == nil {
		return at(path, fmt.Errorf("want a list of stages"))
	}
	if len(list) > maxStages {
		return at(path, fmt.Errorf("%d stages, want at most %d", len(list), maxStages))
	}
	for i, raw := range list {
		path := fmt.Sprintf("%s[%d]", path, i)
		var head struct {
			Op *string `json:"op"`
		}
		if err := json.Unmarshal(raw, &head); err != nil || head.Op == nil {
			return at(path, fmt.Errorf("want an object with an op"))
		}
		keys, ok := ops[*head.Op]
		if !ok {
			return at(path, unknown("op", *head.Op, sortedKeys(ops)))
		}
		var st Stage
		if err := object(raw, fmt.Sprintf("%s (%s)", path, *head.Op), st.fields(keys)); err != nil {
			return err
		}
		*dst = append(*dst, st)
	}
	return nil
}
