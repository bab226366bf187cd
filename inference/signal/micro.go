package signal

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/dunlin-edge/dunlin/inference/internal/fmath"
	"github.com/dunlin-edge/dunlin/inference/internal/micro"
)

// MicroConfig describes a micro_speech front end. The zero value is the one of
// the published models: 16 kHz, 30 ms windows every 20 ms, 40 channels.
type MicroConfig struct {
	RateHz   int // 16000
	WindowMS int // 30
	StepMS   int // 20; wake-word models use 10
	Channels int // 40 mel channels from 125 to 7500 Hz
}

// MicroFrontend computes the features of micro_speech, bit for bit as
// tflite-micro's audio_preprocessor models do: Hann window, auto-scaled 16-bit
// FFT, mel energies, square root, noise subtraction, PCAN gain and logarithm.
// The noise estimate is state: it carries from frame to frame until Reset.
// Source: tflite-micro micro_speech/audio_preprocessor.py and signal/src.
type MicroFrontend struct {
	cfg    MicroConfig
	window []int16
	fft    *micro.FFT
	bank   *microBank
	gain   []int16 // of micro.PCAN
	log    *micro.Log

	scaled  []int16
	pairs   []micro.Complex
	work    []micro.Complex
	bins    []micro.Complex
	energy  []uint32
	acc     []uint64
	noise   []uint32
	correct uint
}

const (
	microWindowBits = 12
	microGainBits   = 21
	microSmoothBits = 10
	microLogScale   = 64
	microLowHz      = 125
	microHighHz     = 7500
	// Noise subtraction, in 14 fractional bits: smoothing 0.025 on even and
	// 0.06 on odd channels, at least 0.05 of the signal remains.
	microSubBits = 14
	microEven    = 409
	microOdd     = 983
	microRemain  = 819
)

// NewMicroFrontend builds the tables of cfg.
func NewMicroFrontend(cfg MicroConfig) (*MicroFrontend, error) {
	cfg.defaults()
	n := cfg.RateHz * cfg.WindowMS / 1000
	size := 64
	for size < n {
		size *= 2
	}
	if err := cfg.validate(size); err != nil {
		return nil, err
	}
	log2 := bits.Len(uint(size)) - 1
	correct := log2 - microWeightBits/2
	f := &MicroFrontend{
		cfg:     cfg,
		fft:     micro.NewFFT(size),
		bank:    newMicroBank(size/2+1, cfg.Channels, float64(cfg.RateHz), microLowHz, microHighHz),
		gain:    microGain(0.95, 80, microGainBits, microSmoothBits-correct),
		log:     micro.NewLog(),
		scaled:  make([]int16, size),
		pairs:   make([]micro.Complex, size/2),
		work:    make([]micro.Complex, size/2),
		bins:    make([]micro.Complex, size/2+1),
		energy:  make([]uint32, size/2+1),
		acc:     make([]uint64, cfg.Channels+1),
		noise:   make([]uint32, cfg.Channels),
		correct: uint(correct),
	}
	for i := range n {
		_, c := fmath.SinCosTurn(2*i+1, 2*n)
		f.window = append(f.window, int16(math.RoundToEven((0.5-float64(0.5*c))*(1<<microWindowBits))))
	}
	return f, nil
}

func (c *MicroConfig) defaults() {
	for _, d := range []struct {
		field *int
		value int
	}{{&c.RateHz, 16000}, {&c.WindowMS, 30}, {&c.StepMS, 20}, {&c.Channels, 40}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
}

func (c *MicroConfig) validate(size int) error {
	switch {
	case c.RateHz < 2*microHighHz || c.RateHz > 48000:
		return fmt.Errorf("micro front end: rate %d Hz, want %d to 48000", c.RateHz, 2*microHighHz)
	case c.WindowMS < 1 || size > 2048:
		return fmt.Errorf("micro front end: window of %d ms at %d Hz, want 1 to 2048 samples", c.WindowMS, c.RateHz)
	case c.StepMS < 1 || c.StepMS > c.WindowMS:
		return fmt.Errorf("micro front end: step of %d ms, want 1 to the window's %d", c.StepMS, c.WindowMS)
	case c.Channels < 1 || c.Channels > 128:
		return fmt.Errorf("micro front end: %d channels, want 1 to 128", c.Channels)
	}
	return nil
}

// FrameLen returns the samples in one frame.
func (f *MicroFrontend) FrameLen() int { return len(f.window) }

// Step returns the samples between the starts of two frames.
func (f *MicroFrontend) Step() int { return f.cfg.RateHz * f.cfg.StepMS / 1000 }

// Width returns the features of one frame.
func (f *MicroFrontend) Width() int { return f.cfg.Channels }

// Reset forgets the noise estimate.
func (f *MicroFrontend) Reset() { clear(f.noise) }

// Noise returns the noise estimate, which is all the state there is: one value
// a channel. Writing to it sets it.
func (f *MicroFrontend) Noise() []uint32 { return f.noise }

// Frame computes the features of one frame of FrameLen samples into dst:
// 16-bit values, 64 times a natural logarithm, about 0 to 670.
func (f *MicroFrontend) Frame(dst []int16, frame []int16) {
	shift := f.spectrum(frame)
	f.bank.apply(f.energy, f.acc)
	for c := range f.noise {
		v := micro.Sqrt(f.acc[c+1]) >> shift
		v = f.subtractNoise(c, v)
		v = micro.PCAN(v, f.noise[c], f.gain, uint(microGainBits-int(f.correct)-micro.SNRBits)) << f.correct
		dst[c] = 0
		if v > 1 {
			dst[c] = int16(min(f.log.Ln(v, microLogScale), math.MaxInt16))
		}
	}
}

// FrameFloat is Frame for samples in [-1, 1), k/32768 for the 16-bit sample k;
// other values round to the nearest and saturate.
func (f *MicroFrontend) FrameFloat(dst []int16, frame []float32) {
	buf := f.scaled[:len(f.window)]
	for i, v := range frame[:len(buf)] {
		buf[i] = Int16(v)
	}
	f.Frame(dst, buf)
}

// Int16 converts a sample in [-1, 1) to 16 bits.
func Int16(v float32) int16 {
	q := math.RoundToEven(float64(v) * 32768)
	return int16(min(max(q, math.MinInt16), math.MaxInt16))
}

// MicroInt8 is the int8 input that micro_speech models take for a feature:
// (f*256 + 333) / 666 - 128, truncated and clamped.
func MicroInt8(feature int16) int8 {
	q := (int32(feature)*256+333)/666 - 128
	return int8(min(max(q, -128), 127))
}

// MicroReal is the real value of a feature for float models: f / 25.6.
func MicroReal(feature int16) float32 { return float32(feature) / 25.6 }

// spectrum leaves the energies of the windowed frame in f.energy and returns
// by how many bits they were scaled up before the FFT.
func (f *MicroFrontend) spectrum(frame []int16) uint {
	var peak int16
	for i, w := range f.window {
		v := int16(min(max(int32(frame[i])*int32(w)>>microWindowBits, math.MinInt16), math.MaxInt16))
		f.scaled[i] = v
		// -(-32768) wraps, and with it the peak, as in the original.
		if v > peak {
			peak = v
		} else if -int32(v) > int32(peak) {
			peak = -v
		}
	}
	clear(f.scaled[len(f.window):])
	var shift uint
	if peak > 0 {
		shift = uint(15 - bits.Len16(uint16(peak)))
	}
	for i := range f.pairs {
		f.pairs[i] = micro.Complex{Re: f.scaled[2*i] << shift, Im: f.scaled[2*i+1] << shift}
	}
	f.fft.Transform(f.bins, f.pairs, f.work)
	for i := f.bank.start; i < f.bank.end; i++ {
		re, im := int32(f.bins[i].Re), int32(f.bins[i].Im)
		f.energy[i] = uint32(re*re + im*im)
	}
	return shift
}

// subtractNoise updates the noise estimate of channel c, which has
// microSmoothBits more fractional bits than v, and subtracts it.
func (f *MicroFrontend) subtractNoise(c int, v uint32) uint32 {
	smoothing := uint64(microEven)
	if c&1 == 1 {
		smoothing = microOdd
	}
	up := v << microSmoothBits
	est := uint32((uint64(up)*smoothing + uint64(f.noise[c])*(1<<microSubBits-smoothing)) >> microSubBits)
	f.noise[c] = est
	floor := uint32(uint64(v) * microRemain >> microSubBits)
	return max((up-min(est, up))>>microSmoothBits, floor)
}
