package signal

import (
	"fmt"
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/fmath"
)

// MelConfig describes log-mel features, and cepstra computed from them. The
// presets [KWSConfig], [WakeWordConfig] and [ToyCarConfig] are the ones of
// MLPerf Tiny; start from those.
type MelConfig struct {
	RateHz      float64
	Frame       int // samples in a frame
	Step        int // samples between the starts of two frames, at most Frame
	FFT         int // power of two >= Frame; 0: the smallest one
	Window      Window
	Preemphasis float64 // x[n] - Preemphasis*x[n-1]; 0: none

	Power      bool    // energy |X|^2 instead of magnitude |X|
	PowerScale float64 // multiplies the spectrum; 0: 1

	Scale         MelScale
	Bands         int
	LowHz, HighHz float64

	Offset   float64 // added to a band before the logarithm
	Decibel  bool    // 10 log10 instead of the natural logarithm
	Add, Div float64 // then (x + Add) / Div; Div 0: 1
	Clip     bool    // then clipped to [0, 1]

	Coefficients int // first cepstral coefficients (DCT-II); 0: the bands themselves
}

// KWSConfig is the keyword spotting input of MLPerf Tiny: 49 frames of 10
// cepstra in a second of 16 kHz audio. The clip is first divided by its
// maximum (see [DivideByMax]). Source: mlcommons/tiny keyword_spotting
// get_dataset.py, feature_type mfcc.
func KWSConfig() MelConfig {
	return MelConfig{
		RateHz: 16000, Frame: 480, Step: 320, Window: Hann,
		Bands: 40, LowHz: 20, HighHz: 4000, Offset: 1e-6, Coefficients: 10,
	}
}

// WakeWordConfig is the streaming wake word input of MLPerf Tiny: 40 bands in
// decibel, mapped to [0, 1], 64 ms frames every 32 ms. Source: mlcommons/tiny
// streaming_wakeword get_dataset.py.
func WakeWordConfig() MelConfig {
	return MelConfig{
		RateHz: 16000, Frame: 1024, Step: 512, Window: Hamming, Preemphasis: 1 - 1.0/32,
		Power: true, PowerScale: 1.0 / 1024, Bands: 40, HighHz: 8000,
		Decibel: true, Add: 52, Div: 64, Clip: true,
	}
}

// ToyCarConfig is the anomaly detection input of MLPerf Tiny: 128 Slaney bands
// of energy in decibel, of which a model sees 5 frames. Source: mlcommons/tiny
// anomaly_detection common.py with librosa's defaults.
func ToyCarConfig() MelConfig {
	return MelConfig{
		RateHz: 16000, Frame: 1024, Step: 512, Window: Hann,
		Power: true, Scale: Slaney, Bands: 128, HighHz: 8000,
		Offset: 2.220446049250313e-16, Decibel: true,
	}
}

// MelFrames computes the features of one frame after another.
type MelFrames struct {
	cfg    MelConfig
	window []float32
	fft    *FFT
	bank   *melBank
	dct    [][]float32

	last   float32 // the sample before the frame
	x      []float32
	re, im []float32
	bands  []float32
}

// NewMelFrames builds the tables of cfg.
func NewMelFrames(cfg MelConfig) (*MelFrames, error) {
	if cfg.Frame < 2 || cfg.Frame > maxFFT {
		return nil, fmt.Errorf("mel features: frame of %d samples, want 2 to %d", cfg.Frame, maxFFT)
	}
	if cfg.FFT == 0 {
		cfg.FFT = nextPow2(cfg.Frame)
	}
	if cfg.PowerScale == 0 {
		cfg.PowerScale = 1
	}
	if cfg.Div == 0 {
		cfg.Div = 1
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	fft, err := NewFFT(cfg.FFT)
	if err != nil {
		return nil, fmt.Errorf("mel features: %w", err)
	}
	bins := cfg.FFT/2 + 1
	bank, err := newMelBank(cfg.Scale, cfg.Bands, bins, cfg.RateHz, cfg.LowHz, cfg.HighHz)
	if err != nil {
		return nil, fmt.Errorf("mel features: %w", err)
	}
	return &MelFrames{
		cfg: cfg, window: cfg.Window.Weights(cfg.Frame), fft: fft, bank: bank,
		dct: newDCT(cfg.Coefficients, cfg.Bands),
		x:   make([]float32, cfg.Frame), bands: make([]float32, cfg.Bands),
		re: make([]float32, bins), im: make([]float32, bins),
	}, nil
}

func (c *MelConfig) validate() error {
	switch {
	case c.Step < 1 || c.Step > c.Frame:
		return fmt.Errorf("mel features: step of %d samples, want 1 to the frame's %d", c.Step, c.Frame)
	case c.FFT < c.Frame:
		return fmt.Errorf("mel features: fft of %d samples, want at least the frame's %d", c.FFT, c.Frame)
	case c.Coefficients < 0 || c.Coefficients > c.Bands:
		return fmt.Errorf("mel features: %d coefficients, want 0 to the %d bands", c.Coefficients, c.Bands)
	case !(c.Offset > 0) && !c.Clip:
		return fmt.Errorf("mel features: offset %g, want a positive one: the logarithm of silence is infinite", c.Offset)
	}
	return nil
}

// FrameLen returns the samples in one frame.
func (m *MelFrames) FrameLen() int { return m.cfg.Frame }

// Step returns the samples between the starts of two frames.
func (m *MelFrames) Step() int { return m.cfg.Step }

// Width returns the features of one frame.
func (m *MelFrames) Width() int {
	if m.cfg.Coefficients > 0 {
		return m.cfg.Coefficients
	}
	return m.cfg.Bands
}

// Reset starts a new recording: the sample before the next frame counts as 0.
func (m *MelFrames) Reset() { m.last = 0 }

// Last returns the sample before the next frame, which is all the state there
// is. Writing to it sets it.
func (m *MelFrames) Last() *float32 { return &m.last }

// Frame computes the Width features of one frame of FrameLen samples into dst.
// Frames come Step samples apart: pre-emphasis needs the sample before.
func (m *MelFrames) Frame(dst, frame []float32) {
	m.shape(frame)
	m.fft.Real(m.re, m.im, m.x)
	scale := float32(m.cfg.PowerScale)
	for i, re := range m.re {
		p := float32(re*re) + float32(m.im[i]*m.im[i])
		if !m.cfg.Power {
			p = float32(math.Sqrt(float64(p)))
		}
		m.re[i] = float32(scale * p)
	}
	m.bank.Apply(m.bands, m.re)
	for i, v := range m.bands {
		m.bands[i] = m.compress(v)
	}
	if len(m.dct) == 0 {
		copy(dst, m.bands)
		return
	}
	for k, row := range m.dct {
		var sum float32
		for j, w := range row {
			sum += float32(w * m.bands[j])
		}
		dst[k] = sum
	}
}

// shape pre-emphasizes and windows the frame into m.x.
func (m *MelFrames) shape(frame []float32) {
	last, c := m.last, float32(m.cfg.Preemphasis)
	for i, w := range m.window {
		v := frame[i]
		m.x[i] = float32(w * (v - float32(c*last)))
		last = v
	}
	m.last = frame[m.cfg.Step-1]
}

// compress takes the logarithm of a band and maps it.
func (m *MelFrames) compress(v float32) float32 {
	x := float64(v) + m.cfg.Offset
	if m.cfg.Decibel {
		x = float64(10 * fmath.Log10(x))
	} else {
		x = fmath.Log(x)
	}
	x = (x + m.cfg.Add) / m.cfg.Div
	if m.cfg.Clip {
		x = min(max(x, 0), 1)
	}
	return float32(x)
}

// DivideByMax divides x by its largest value, as MLPerf Tiny's keyword
// spotting prepares a clip. Without a positive value x stays as it is (the
// original divides by zero there).
func DivideByMax(x []float32) {
	var top float32
	for _, v := range x {
		top = max(top, v)
	}
	if top > 0 {
		for i := range x {
			x[i] /= top
		}
	}
}
