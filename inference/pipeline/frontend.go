package pipeline

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/signal"
)

// isFrontEnd tells whether a stage computes rows from frames.
func isFrontEnd(op string) bool {
	return op == "micro_frontend" || op == "mfcc" || op == "lfbe" || op == "log_mel"
}

// newFrontEnd builds the front end of a stage.
func newFrontEnd(st *Stage, rate float64) (frontEnd, error) {
	if rate != float64(int(rate)) {
		return nil, fmt.Errorf("rate of %g Hz, want a whole number", rate)
	}
	if st.Op == "micro_frontend" {
		f, err := signal.NewMicroFrontend(signal.MicroConfig{
			RateHz: int(rate), WindowMS: st.WindowMS, StepMS: st.StepMS, Channels: st.Channels,
		})
		if err != nil {
			return nil, err
		}
		return &microRows{f, make([]int16, f.Width())}, nil
	}
	f, err := signal.NewMelFrames(melConfig(st, rate))
	if err != nil {
		return nil, err
	}
	return melRows{f}, nil
}

// melConfig is the preset of a stage with its own parameters laid over.
func melConfig(st *Stage, rate float64) signal.MelConfig {
	var c signal.MelConfig
	switch st.Op {
	case "mfcc":
		c = signal.KWSConfig()
	case "lfbe":
		c = signal.WakeWordConfig()
	default:
		c = signal.ToyCarConfig()
	}
	if st.Op != "mfcc" {
		c.HighHz = rate / 2
	}
	c.RateHz = rate
	c.Frame = orDefault(st.Frame, c.Frame)
	c.Step = orDefault(st.Step, c.Step)
	c.FFT = orDefault(st.FFT, c.FFT)
	c.Bands = orDefault(st.Bands, c.Bands)
	c.Coefficients = orDefault(st.Coefficients, c.Coefficients)
	c.Offset = orDefault(st.Offset, c.Offset)
	if st.LowHz != nil {
		c.LowHz = *st.LowHz
	}
	if st.HighHz != nil {
		c.HighHz = *st.HighHz
	}
	if c.PowerScale != 0 && c.Frame > 0 {
		c.PowerScale = 1 / float64(c.Frame)
	}
	return c
}

// melRows adapts log-mel features: a gap breaks pre-emphasis, nothing else.
type melRows struct{ *signal.MelFrames }

func (m melRows) Restart()      { m.Reset() }
func (m melRows) state(t *tape) { t.float(m.Last()) }

// microRows adapts the micro_speech front end, whose rows are real values
// here. Its noise estimate outlives gaps.
type microRows struct {
	f   *signal.MicroFrontend
	row []int16
}

func (m *microRows) FrameLen() int { return m.f.FrameLen() }
func (m *microRows) Step() int     { return m.f.Step() }
func (m *microRows) Width() int    { return m.f.Width() }
func (m *microRows) Reset()        { m.f.Reset() }
func (m *microRows) Restart()      {}
func (m *microRows) state(t *tape) { t.words(m.f.Noise()) }

func (m *microRows) Frame(row, frame []float32) {
	m.f.FrameFloat(m.row, frame)
	for i, v := range m.row {
		row[i] = signal.MicroReal(v)
	}
}
