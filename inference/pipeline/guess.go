package pipeline

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/dunlin-edge/dunlin/inference"
)

// guess is what the shape of a model suggests.
type guess struct {
	spec   Spec
	note   string
	labels []string // of the published model, used if their number fits
}

// Guess proposes a spec for a bare model, from the shape of its input, its
// metadata and the quantization, and a sentence that says what was assumed.
// labels name the outputs; without them those of the metadata or of the
// published model of that shape are taken.
func Guess(m *inference.Model, labels []string) (*Spec, string, error) {
	if in, out := len(m.Inputs()), len(m.Outputs()); in != 1 || out < 1 {
		return nil, "", fmt.Errorf("guess pipeline: model of %d inputs and %d outputs, want one input", in, out)
	}
	in, out := m.Inputs()[0], m.Outputs()[0]
	g := guessInput(m, in, out)
	s := &g.spec
	n := out.Elements()
	errorScore := len(s.Postprocess) > 0 && s.Postprocess[0].Op == "reconstruction_error"
	if errorScore {
		n = 1
	}
	finds := detects(m)
	if finds {
		s.Postprocess = []Stage{{Op: "boxes", Kind: layoutBoxes}}
		g.note += "; boxes as TFLite_Detection_PostProcess gives them"
		n = len(labels)
	}
	switch meta := m.Metadata(); {
	case finds && n == 0 && meta != nil:
		s.Labels = slices.Clone(meta.Labels)
	case len(labels) != 0:
		if len(labels) != n {
			return nil, "", fmt.Errorf("guess pipeline: %d labels for %d scores", len(labels), n)
		}
		s.Labels = slices.Clone(labels)
	case meta != nil && len(meta.Labels) == n:
		s.Labels = slices.Clone(meta.Labels)
	case len(g.labels) == n:
		s.Labels = g.labels
		g.note += fmt.Sprintf("; labels of the published model of this shape: %s", strings.Join(g.labels, ", "))
	}
	if !errorScore && !finds && s.Source.Kind != KindTensor {
		g.decide(out)
	}
	if _, err := New(m, s); err != nil {
		return nil, "", fmt.Errorf("guess pipeline: %w", err)
	}
	return s, g.note, nil
}

// detects tells whether a model gives boxes, classes, scores and their number for
// a picture.
func detects(m *inference.Model) bool {
	out := m.Outputs()
	if len(out) != 4 || !imageShape(m.Inputs()[0].Shape) {
		return false
	}
	n := out[1].Elements()
	return out[0].Elements() == 4*n && out[2].Elements() == n && out[3].Elements() == 1
}

func guessInput(m *inference.Model, in, out inference.TensorInfo) guess {
	shape := in.Shape
	for len(shape) > 1 && shape[0] == 1 {
		shape = shape[1:]
	}
	for len(shape) > 1 && shape[len(shape)-1] == 1 && !imageShape(in.Shape) {
		shape = shape[:len(shape)-1]
	}
	switch {
	case slices.Equal(shape, []int{1960}) || slices.Equal(shape, []int{49, 40}) || microShape(in.Shape):
		return guessMicro()
	case slices.Equal(shape, []int{49, 10}):
		return guessKWS()
	case slices.Equal(shape, []int{30, 1, 40}) || slices.Equal(shape, []int{30, 40}):
		return guessWakeWord()
	case slices.Equal(shape, []int{640}):
		return guessToyCar(out.Elements() == 640)
	case imageShape(in.Shape):
		return guessImage(m, in, out)
	}
	return guess{
		spec: Spec{Source: SourceSpec{Kind: KindTensor}},
		note: fmt.Sprintf("assumed rows of %d real values, as its input %v tells of no front end", in.Elements(), in.Shape),
	}
}

func microShape(s []int) bool { return slices.Equal(s, []int{1, 49, 40, 1}) }

// imageShape tells whether a shape is [1, height, width, channels] of a
// picture, rather than of audio features.
func imageShape(s []int) bool {
	return len(s) == 4 && s[0] == 1 && s[1] >= 8 && s[2] >= 8 && (s[3] == 1 || s[3] == 3) && !microShape(s) &&
		!slices.Equal(s, []int{1, 49, 10, 1})
}

func audio(length, hop int, stages ...Stage) Spec {
	return Spec{
		Source: SourceSpec{Kind: KindAudio, Rate: 16000, Channels: 1},
		Window: &Window{Length: length, Hop: hop}, Preprocess: stages,
	}
}

func guessMicro() guess {
	g := guess{spec: audio(16000, 3200, Stage{Op: "micro_frontend"}), labels: []string{"silence", "unknown", "yes", "no"}}
	g.spec.Postprocess = []Stage{{Op: "smooth", Kind: "mean", Windows: 3}}
	g.note = "assumed 16 kHz audio through the micro_speech front end (49 frames of 40), scored every 0.2 s"
	return g
}

func guessKWS() guess {
	return guess{
		spec:   audio(16000, 4000, Stage{Op: "divide_by_max"}, Stage{Op: "mfcc"}),
		labels: []string{"down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes", "silence", "unknown"},
		note:   "assumed 16 kHz audio as cepstra of MLPerf Tiny keyword spotting (49 frames of 10), scored every 0.25 s",
	}
}

func guessWakeWord() guess {
	return guess{
		spec:   audio(1024+29*512, 512, Stage{Op: "lfbe"}),
		labels: []string{"marvin", "silence", "unknown"},
		note:   "assumed 16 kHz audio as log energies of MLPerf Tiny streaming wake word (30 frames of 40), scored every 32 ms",
	}
}

func guessToyCar(autoencoder bool) guess {
	g := guess{spec: audio(1024+4*512, 512, Stage{Op: "log_mel"})}
	g.note = "assumed 16 kHz audio as log-mel energies of MLPerf Tiny anomaly detection (5 frames of 128)"
	if autoencoder {
		g.spec.Postprocess = []Stage{{Op: "reconstruction_error"}}
		g.labels = []string{"anomaly"}
		g.note += "; the score is the reconstruction error: add a decide stage with a threshold measured on the healthy machine"
	}
	return g
}

func guessImage(m *inference.Model, in, out inference.TensorInfo) guess {
	norm, why := guessNormalize(m, in)
	g := guess{spec: Spec{Source: SourceSpec{Kind: KindImage}, Preprocess: []Stage{{Op: "resize"}}}}
	if norm != nil {
		g.spec.Preprocess = append(g.spec.Preprocess, *norm)
	}
	colour := "RGB"
	if in.Shape[3] == 1 {
		colour = "gray"
	}
	g.note = fmt.Sprintf("assumed %s images stretched to %dx%d, %s", colour, in.Shape[2], in.Shape[1], why)
	switch n := out.Elements(); {
	case n == 2 && in.Shape[1] == 96:
		g.labels = []string{"no person", "person"}
	case n == 10 && in.Shape[1] == 32 && in.Shape[3] == 3:
		g.labels = []string{"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}
	}
	return g
}

// guessNormalize derives the normalization of pixels: unchanged into an 8-bit
// input, unless metadata says something that quantization does not.
func guessNormalize(m *inference.Model, in inference.TensorInfo) (*Stage, string) {
	raw, lo, hi := unchanged(in)
	meta := m.Metadata()
	if meta == nil || len(meta.Inputs) == 0 || len(meta.Inputs[0].Mean) == 0 || len(meta.Inputs[0].Std) == 0 {
		switch {
		case raw == nil:
			return &Stage{Op: "normalize", Std: []float32{255}}, "pixels divided by 255, for want of metadata"
		case in.Scale == 1 && lo == 0:
			return nil, "pixels of 0 to 255 as they are"
		}
		return raw, "normalized so that a pixel of 0 to 255 enters the 8-bit input unchanged"
	}
	mean, std := meta.Inputs[0].Mean, meta.Inputs[0].Std
	near := raw != nil
	for i := range min(len(mean), len(std)) {
		l, h := float64(-mean[i]/std[i]), float64((255-mean[i])/std[i])
		near = near && math.Abs(l-lo) <= float64(in.Scale) && math.Abs(h-hi) <= float64(in.Scale)
	}
	if near {
		return raw, "normalized as metadata and quantization agree: a pixel enters the 8-bit input unchanged"
	}
	return &Stage{Op: "normalize", Mean: slices.Clone(mean), Std: slices.Clone(std)}, "normalized as its metadata says"
}

// unchanged is the normalization that makes real = scale * (pixel + lowest -
// zero point), and what pixels 0 and 255 become; nil without 8-bit input.
func unchanged(in inference.TensorInfo) (st *Stage, lo, hi float64) {
	lowest := map[inference.DType]int32{inference.Int8: -128, inference.Uint8: 0}
	low, ok := lowest[in.DType]
	if !ok || in.Scale <= 0 {
		return nil, 0, 0
	}
	mean, scale := float64(in.ZeroPoint-low), float64(in.Scale)
	return &Stage{Op: "normalize", Mean: []float32{float32(mean)}, Std: []float32{1 / in.Scale}}, -mean * scale, (255 - mean) * scale
}

// decide adds a softmax to logits and a decision that leaves out the classes
// which stand for nothing.
func (g *guess) decide(out inference.TensorInfo) {
	s := &g.spec
	n := out.Elements()
	if n > 1 && !probabilities(out) {
		s.Postprocess = append([]Stage{{Op: "softmax"}}, s.Postprocess...)
		g.note += "; outputs taken for logits"
	}
	if n > 10 {
		s.Postprocess = append(s.Postprocess, Stage{Op: "top_k", K: 5})
	}
	enter, leave := 0.8, 0.5
	d := Stage{Op: "decide", Enter: &enter, Leave: &leave}
	if s.Source.Rate > 0 {
		d.RefractoryMS = 1000
	}
	for _, l := range s.Labels {
		switch strings.Trim(strings.ToLower(l), "_ ") {
		case "silence", "unknown", "background", "background noise":
			d.Ignore = append(d.Ignore, l)
		}
	}
	s.Postprocess = append(s.Postprocess, d)
}

// probabilities tells whether an output looks like the result of a softmax or
// sigmoid: quantized to 0..1, or float, which is hoped for.
func probabilities(out inference.TensorInfo) bool {
	switch out.DType {
	case inference.Int8:
		return out.ZeroPoint == -128 && out.Scale <= 1.01/256
	case inference.Uint8:
		return out.ZeroPoint == 0 && out.Scale <= 1.01/255
	}
	return true
}
