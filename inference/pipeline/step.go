package pipeline

import (
	"fmt"
	"slices"

	"github.com/dunlin-edge/dunlin/inference/signal"
)

// step is a bound stage: it computes out from in.
type step struct {
	op    string
	shape []int // of out
	out   []float32
	local bool // each sample frame on its own: works on any part of a window
	run   func(out, in []float32)
}

func elements(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// frontEnd computes rows from frames of a single channel.
type frontEnd interface {
	FrameLen() int // samples
	Step() int     // samples from frame to frame
	Width() int    // values of a row
	Frame(row, frame []float32)
	Reset()   // forgets everything
	Restart() // forgets only samples: the stream has a gap
	state(*tape)
}

// newStep binds a stage that is no front end to its input shape: [samples,
// channels], [rows, width] or a plain vector.
func newStep(st *Stage, in []int, rate float64) (*step, error) {
	s := &step{op: st.Op, shape: slices.Clone(in)}
	var err error
	switch st.Op {
	case "channel", "mono":
		err = s.bindChannel(st, in)
	case "scale":
		s.bindScale(st)
	case "divide_by_max":
		s.run = func(out, in []float32) {
			copy(out, in)
			signal.DivideByMax(out)
		}
	case "normalize":
		err = s.bindNormalize(st, in)
	case "vibration":
		err = s.bindVibration(st, in, rate)
	default:
		err = fmt.Errorf("does not take a shape of %v", in)
	}
	s.out = make([]float32, elements(s.shape))
	return s, err
}

func (s *step) bindChannel(st *Stage, in []int) error {
	if len(in) != 2 {
		return fmt.Errorf("does not take a shape of %v, want samples and channels", in)
	}
	channels, index := in[1], st.Index
	if index < 0 || index >= channels {
		return fmt.Errorf("index: %d, want 0 to %d", index, channels-1)
	}
	s.shape, s.local = []int{in[0], 1}, true
	if st.Op == "channel" {
		s.run = func(out, in []float32) {
			for i := range out {
				out[i] = in[i*channels+index]
			}
		}
		return nil
	}
	s.run = func(out, in []float32) {
		for i := range out {
			var sum float32
			for _, v := range in[i*channels : (i+1)*channels] {
				sum += v
			}
			out[i] = sum / float32(channels)
		}
	}
	return nil
}

func (s *step) bindScale(st *Stage) {
	multiply, add := float32(1), float32(st.Add)
	if st.Multiply != nil {
		multiply = float32(*st.Multiply)
	}
	s.local = true
	s.run = func(out, in []float32) {
		for i, v := range in {
			out[i] = float32(v*multiply) + add
		}
	}
}

func (s *step) bindNormalize(st *Stage, in []int) error {
	mean, err := spread("mean", st.Mean, in, 0)
	if err != nil {
		return err
	}
	std, err := spread("std", st.Std, in, 1)
	if err != nil {
		return err
	}
	if i := slices.Index(std, 0); i >= 0 {
		return fmt.Errorf("std[%d]: 0, want another number", i)
	}
	s.local = len(in) == 2 && max(len(st.Mean), len(st.Std)) <= in[1]
	s.run = func(out, in []float32) {
		for i, v := range in {
			out[i] = (v - mean[i]) / std[i]
		}
	}
	return nil
}

// spread repeats one value, or one per column, for every value of a shape.
func spread(name string, values []float32, in []int, def float32) ([]float32, error) {
	all, columns := elements(in), in[len(in)-1]
	out := make([]float32, all)
	for i := range out {
		switch len(values) {
		case 0:
			out[i] = def
		case 1:
			out[i] = values[0]
		case columns:
			out[i] = values[i%columns]
		case all:
			out[i] = values[i]
		default:
			return nil, fmt.Errorf("%s: %d values for a shape of %v, want 1, %d or %d", name, len(values), in, columns, all)
		}
	}
	return out, nil
}

func (s *step) bindVibration(st *Stage, in []int, rate float64) error {
	if len(in) != 2 {
		return fmt.Errorf("does not take a shape of %v, want samples and channels", in)
	}
	cfg := signal.VibrationConfig{RateHz: rate, Length: in[0], Axes: in[1], Features: slices.Clone(st.Features), FFT: st.FFT, Log: st.Log}
	for i, b := range st.BandsHz {
		if len(b) != 2 {
			return fmt.Errorf("bands_hz[%d]: %d numbers, want low and high", i, len(b))
		}
		cfg.BandsHz = append(cfg.BandsHz, [2]float64{b[0], b[1]})
	}
	v, err := signal.NewVibration(cfg)
	if err != nil {
		return err
	}
	s.shape, s.run = []int{v.Width()}, v.Window
	return nil
}
