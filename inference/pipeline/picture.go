package pipeline

import (
	"fmt"
	"slices"

	"github.com/dunlin-edge/dunlin/inference/vision"
)

// scaler is the preprocessing of pictures.
type scaler struct {
	*vision.Scaler
	resizes       bool // or crops, and then fits what is left
	width, height int
}

// bindImage turns the stages into one scaler to the model's [1, height, width,
// channels].
func (p *Pipeline) bindImage(s *Spec) error {
	shape := p.input.Shape
	if len(shape) != 4 || shape[0] != 1 || (shape[3] != 1 && shape[3] != 3) {
		return fmt.Errorf("source: images do not fit the model's input %v, want [1 height width 1] or [1 height width 3]", shape)
	}
	cfg := vision.Config{Height: shape[1], Width: shape[2]}
	if shape[3] == 1 {
		cfg.Color = vision.Gray
	}
	sc := &scaler{width: shape[2], height: shape[1]}
	for i := range s.Preprocess {
		st := &s.Preprocess[i]
		sc.resizes = sc.resizes || st.Op == "resize" || st.Op == "crop"
		if err := imageStage(&cfg, st, shape[3]); err != nil {
			return fmt.Errorf("preprocess[%d] (%s): %w", i, st.Op, err)
		}
	}
	var err error
	if sc.Scaler, err = vision.NewScaler(cfg); err != nil {
		return fmt.Errorf("preprocess: %w", err)
	}
	p.scaler = sc
	p.values = make([]float32, sc.Len())
	p.source.Width = orDefault(p.source.Width, shape[2])
	p.source.Height = orDefault(p.source.Height, shape[1])
	p.source.Channels = shape[3]
	return nil
}

// imageStage lays the parameters of a stage into cfg.
func imageStage(cfg *vision.Config, st *Stage, channels int) error {
	switch st.Op {
	case "signed":
		cfg.Signed = true
	case "crop":
		cfg.Crop = vision.Crop{X: st.X, Y: st.Y, Width: st.Width, Height: st.Height, Fraction: st.Fraction}
	case "resize":
		cfg.Fill = float32(st.Fill)
		for _, word := range []struct {
			key, value string
			names      []string
			set        func(int)
		}{
			{"method", st.Method, []string{"bilinear", "nearest"}, func(i int) { cfg.Method = vision.Method(i) }},
			{"centers", st.Centers, []string{"half_pixel", "legacy", "align_corners"}, func(i int) { cfg.Centers = vision.Centers(i) }},
			{"fit", st.Fit, []string{"stretch", "letterbox", "crop"}, func(i int) { cfg.Fit = vision.Fit(i) }},
		} {
			i := slices.Index(word.names, orDefault(word.value, word.names[0]))
			if i < 0 {
				return fmt.Errorf("%s: %q: %w", word.key, word.value, unknown("word", word.value, word.names))
			}
			word.set(i)
		}
	case "color":
		names := []string{"rgb", "bgr", "gray"}
		i := slices.Index(names, st.To)
		if i < 0 {
			return fmt.Errorf("to: %q: %w", st.To, unknown("colour", st.To, names))
		}
		if cfg.Color = vision.Color(i); (cfg.Color == vision.Gray) != (channels == 1) {
			return fmt.Errorf("to: %q does not fit the model's %d channels", st.To, channels)
		}
	case "normalize":
		cfg.Mean, cfg.Std = st.Mean, st.Std
	}
	return nil
}

// check refuses pictures of another size where no stage crops or resizes.
func (s *scaler) check(m vision.Image) error {
	if !s.resizes && (m.Width != s.width || m.Height != s.height) {
		return fmt.Errorf("image of %dx%d pixels, the model wants %dx%d and no stage crops or resizes", m.Width, m.Height, s.width, s.height)
	}
	return nil
}
