package pipeline

import (
	"maps"
	"slices"
)

// preOps returns the preprocessing stages and their parameters.
func preOps() map[string][]string {
	mel := []string{"frame", "step", "fft", "bands", "low_hz", "high_hz", "coefficients", "offset"}
	return map[string][]string{
		"channel":        {"index"},
		"mono":           {},
		"scale":          {"multiply", "add"},
		"divide_by_max":  {},
		"micro_frontend": {"window_ms", "step_ms", "channels"},
		"mfcc":           mel,
		"lfbe":           mel,
		"log_mel":        mel,
		"vibration":      {"features", "bands_hz", "fft", "log"},
		"normalize":      {"mean", "std"},
		"signed":         {},
		"crop":           {"x", "y", "width", "height", "fraction"},
		"resize":         {"method", "centers", "fit", "fill"},
		"color":          {"to"},
	}
}

// postOps returns the postprocessing stages and their parameters.
func postOps() map[string][]string {
	return map[string][]string{
		"boxes":                {"kind", "score", "iou", "max", "size"},
		"softmax":              {},
		"reconstruction_error": {},
		"top_k":                {"k"},
		"smooth":               {"kind", "windows"},
		"decide":               {"enter", "leave", "k", "n", "refractory_ms", "ignore"},
	}
}

// opsOf returns the stages that a kind of source may have, in their order
// where it matters.
func opsOf(kind string) []string {
	switch kind {
	case KindImage:
		return []string{"signed", "crop", "resize", "color", "normalize"}
	case KindTensor:
		return []string{"scale", "normalize"}
	}
	return []string{"channel", "mono", "scale", "divide_by_max", "micro_frontend", "mfcc", "lfbe", "log_mel", "vibration", "normalize"}
}

// fields binds op and the given keys.
func (s *Stage) fields(keys []string) []field {
	all := map[string]any{
		"index": &s.Index, "multiply": &s.Multiply, "add": &s.Add,
		"window_ms": &s.WindowMS, "step_ms": &s.StepMS, "channels": &s.Channels,
		"frame": &s.Frame, "step": &s.Step, "fft": &s.FFT, "bands": &s.Bands,
		"low_hz": &s.LowHz, "high_hz": &s.HighHz, "coefficients": &s.Coefficients, "offset": &s.Offset,
		"features": &s.Features, "bands_hz": &s.BandsHz, "log": &s.Log,
		"x": &s.X, "y": &s.Y, "width": &s.Width, "height": &s.Height, "fraction": &s.Fraction,
		"method": &s.Method, "centers": &s.Centers, "fit": &s.Fit, "fill": &s.Fill, "to": &s.To,
		"mean": &s.Mean, "std": &s.Std,
		"k": &s.K, "n": &s.N, "kind": &s.Kind, "windows": &s.Windows,
		"score": &s.Score, "iou": &s.IoU, "max": &s.Max, "size": &s.Size,
		"enter": &s.Enter, "leave": &s.Leave, "refractory_ms": &s.RefractoryMS, "ignore": &s.Ignore,
	}
	list := []field{{"op", &s.Op}}
	for _, k := range keys {
		list = append(list, field{k, all[k]})
	}
	return list
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}
