package pipeline

import (
	"fmt"
	"math"
	"slices"
)

// validate checks what does not depend on the model.
func (s *Spec) validate() error {
	if err := s.Source.validate(); err != nil {
		return at("source", err)
	}
	if err := s.validateWindow(); err != nil {
		return at("window", err)
	}
	if err := s.validateOrder(); err != nil {
		return err
	}
	if len(s.Labels) > maxLabels {
		return fmt.Errorf("labels: %d, want at most %d", len(s.Labels), maxLabels)
	}
	if s.WarmupWindows < 0 || s.WarmupWindows > maxHistory {
		return fmt.Errorf("warmup_windows: %d, want 0 to %d", s.WarmupWindows, maxHistory)
	}
	for i := range s.Postprocess {
		if err := s.Postprocess[i].validatePost(s.Labels); err != nil {
			return at(fmt.Sprintf("postprocess[%d] (%s)", i, s.Postprocess[i].Op), err)
		}
	}
	return nil
}

// streams tells whether a kind of source delivers samples.
func streams(kind string) bool {
	return kind == KindAudio || kind == KindVibration || kind == KindSamples
}

func (s *SourceSpec) validate() error {
	kinds := []string{KindAudio, KindVibration, KindSamples, KindImage, KindTensor}
	if !slices.Contains(kinds, s.Kind) {
		return at("kind", fmt.Errorf("%q: %w", s.Kind, unknown("kind", s.Kind, kinds)))
	}
	switch {
	case !(s.Rate >= 0) || math.IsInf(s.Rate, 0) || s.Rate > 1e9:
		return fmt.Errorf("rate: %g Hz, want a positive number", s.Rate)
	case s.Rate == 0 && streams(s.Kind):
		return fmt.Errorf("rate: missing, want the samples per second")
	case s.Channels < 0 || s.Channels > 64:
		return fmt.Errorf("channels: %d, want 1 to 64", s.Channels)
	case s.Width < 0 || s.Height < 0 || s.Width > 1<<15 || s.Height > 1<<15:
		return fmt.Errorf("size: %dx%d pixels, want sides up to %d", s.Width, s.Height, 1<<15)
	}
	return nil
}

func (s *Spec) validateWindow() error {
	w := s.Window
	if !streams(s.Source.Kind) {
		if w != nil {
			return fmt.Errorf("a source of kind %s has none", s.Source.Kind)
		}
		return nil
	}
	limit := maxWindow / max(1, s.Source.Channels)
	switch {
	case w == nil:
		return fmt.Errorf("missing, want length and hop in samples")
	case w.Length < 1 || w.Length > limit:
		return fmt.Errorf("length: %d samples, want 1 to %d", w.Length, limit)
	case w.Hop < 0 || w.Hop > maxWindow:
		return fmt.Errorf("hop: %d samples, want 1 to %d", w.Hop, maxWindow)
	}
	return nil
}

// validateOrder checks which stages there are and in which order.
func (s *Spec) validateOrder() error {
	allowed, last := opsOf(s.Source.Kind), -1
	for i, st := range s.Preprocess {
		n := slices.Index(allowed, st.Op)
		if n < 0 {
			return fmt.Errorf("preprocess[%d] (%s): a source of kind %s takes %v", i, st.Op, s.Source.Kind, allowed)
		}
		if s.Source.Kind == KindImage && n <= last {
			return fmt.Errorf("preprocess[%d] (%s): want each of %v at most once, in this order", i, st.Op, allowed)
		}
		last = n
	}
	order := map[string]int{"boxes": 0, "reconstruction_error": 0, "softmax": 0, "smooth": 1, "top_k": 2, "decide": 3}
	last = -1
	for i, st := range s.Postprocess {
		n, ok := order[st.Op]
		if !ok || n <= last {
			return fmt.Errorf("postprocess[%d] (%s): want boxes, reconstruction_error or softmax, smooth, top_k, decide: each at most once, in this order", i, st.Op)
		}
		last = n
	}
	return nil
}

func (st *Stage) validatePost(labels []string) error {
	switch st.Op {
	case "boxes":
		return st.validateBoxes()
	case "top_k":
		if st.K < 1 || st.K > maxTop {
			return fmt.Errorf("k: %d, want 1 to %d", st.K, maxTop)
		}
	case "smooth":
		kinds := []string{"mean", "ema", "median"}
		if !slices.Contains(kinds, st.Kind) {
			return at("kind", fmt.Errorf("%q: %w", st.Kind, unknown("kind", st.Kind, kinds)))
		}
		if st.Windows < 1 || st.Windows > maxHistory {
			return fmt.Errorf("windows: %d, want 1 to %d", st.Windows, maxHistory)
		}
	case "decide":
		return st.validateDecide(labels)
	}
	return nil
}

func (st *Stage) validateDecide(labels []string) error {
	k := orDefault(st.K, 1)
	n := orDefault(st.N, k)
	switch {
	case st.Enter == nil:
		return fmt.Errorf("enter: missing, want the score from which a class counts")
	case st.Leave != nil && *st.Leave > *st.Enter:
		return fmt.Errorf("leave: %g is above enter %g", *st.Leave, *st.Enter)
	case k < 1 || n < k || n > maxHistory:
		return fmt.Errorf("k of n: %d of %d windows, want 1 <= k <= n <= %d", k, n, maxHistory)
	case st.RefractoryMS < 0:
		return fmt.Errorf("refractory_ms: %d, want 0 or more", st.RefractoryMS)
	}
	for _, label := range st.Ignore {
		if !slices.Contains(labels, label) {
			return at("ignore", fmt.Errorf("%q: %w", label, unknown("label", label, labels)))
		}
	}
	return nil
}
