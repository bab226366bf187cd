package signal

import (
	"fmt"
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/fmath"
)

// Names of vibration features, in the unit of the input (g) where they have
// one. All but mean describe the window after its mean is removed.
const (
	Mean         = "mean"           // the static part: tilt and sensor offset
	RMS          = "rms"            // root mean square
	Peak         = "peak"           // largest magnitude
	Crest        = "crest"          // peak / rms
	Skewness     = "skewness"       // m3 / m2^1.5
	Kurtosis     = "kurtosis"       // excess: m4 / m2^2 - 3, 0 for Gaussian noise
	Bands        = "bands"          // power per band of BandsHz
	Spectrum     = "spectrum"       // power per FFT bin, 0 to half the rate
	EnvBands     = "envelope_bands" // the same of the envelope without its mean
	EnvSpectrum  = "envelope_spectrum"
	maxVibration = 1 << 20
)

// VibrationConfig describes the features of a window of acceleration.
type VibrationConfig struct {
	RateHz   float64
	Length   int // samples in the window
	Axes     int
	Features []string     // computed per axis, in this order
	BandsHz  [][2]float64 // [low, high) of Bands and EnvBands
	FFT      int          // Welch segment, a power of two <= Length; 0: the largest
	Log      bool         // powers as 10 fmath.Log10(p + 1e-12)
}

// Vibration computes features of machine vibration per axis. Spectra are
// Welch's: Hann segments that overlap by half, averaged, one-sided, scaled so
// that the bins sum to the power of the window (scipy.signal.welch with
// detrend=False, times the bin width). Envelopes are the magnitude of the
// analytic signal (scipy.signal.hilbert on the zero-padded power of two).
type Vibration struct {
	cfg   VibrationConfig
	width int
	axis  []float32
	env   *envelope
	welch *welch
}

// NewVibration builds the tables of cfg.
func NewVibration(cfg VibrationConfig) (*Vibration, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("vibration features: %w", err)
	}
	if cfg.FFT == 0 {
		cfg.FFT = min(nextPow2(cfg.Length+1)/2, maxFFT)
	}
	v := &Vibration{cfg: cfg, axis: make([]float32, cfg.Length)}
	var err error
	if v.welch, err = newWelch(cfg.FFT, cfg.Length); err != nil {
		return nil, fmt.Errorf("vibration features: %w", err)
	}
	for _, name := range cfg.Features {
		n := v.size(name)
		if n == 0 {
			return nil, fmt.Errorf("vibration features: no feature %q, want one of %v", name, VibrationFeatures())
		}
		if v.width += n; name == EnvBands || name == EnvSpectrum {
			v.env = newEnvelope(cfg.Length)
		}
	}
	if v.width *= cfg.Axes; v.width > maxVibration {
		return nil, fmt.Errorf("vibration features: %d values, want at most %d", v.width, maxVibration)
	}
	return v, nil
}

func (c *VibrationConfig) validate() error {
	switch {
	case !(c.RateHz > 0) || math.IsInf(c.RateHz, 0):
		return fmt.Errorf("rate %g Hz, want a positive one", c.RateHz)
	case c.Length < 4 || c.Length > maxFFT:
		return fmt.Errorf("window of %d samples, want 4 to %d", c.Length, maxFFT)
	case c.Axes < 1 || c.Axes > 64:
		return fmt.Errorf("%d axes, want 1 to 64", c.Axes)
	case len(c.Features) == 0:
		return fmt.Errorf("no features, want some of %v", VibrationFeatures())
	case c.FFT > c.Length:
		return fmt.Errorf("fft of %d samples, want at most the window's %d", c.FFT, c.Length)
	}
	for i, b := range c.BandsHz {
		if !(b[0] >= 0 && b[0] < b[1] && b[1] <= c.RateHz/2) {
			return fmt.Errorf("band %d is %g to %g Hz, want an interval between 0 and %g", i, b[0], b[1], c.RateHz/2)
		}
	}
	for _, f := range c.Features {
		if (f == Bands || f == EnvBands) && len(c.BandsHz) == 0 {
			return fmt.Errorf("feature %q without bands_hz", f)
		}
	}
	return nil
}

// VibrationFeatures returns the names of all features.
func VibrationFeatures() []string {
	return []string{Mean, RMS, Peak, Crest, Skewness, Kurtosis, Bands, Spectrum, EnvBands, EnvSpectrum}
}

// size returns the values of a feature, 0 for an unknown one.
func (v *Vibration) size(name string) int {
	switch name {
	case Mean, RMS, Peak, Crest, Skewness, Kurtosis:
		return 1
	case Bands, EnvBands:
		return len(v.cfg.BandsHz)
	case Spectrum, EnvSpectrum:
		return v.cfg.FFT/2 + 1
	}
	return 0
}

// Width returns the features of one window, all axes together.
func (v *Vibration) Width() int { return v.width }

// Window computes the Width features of one window into dst: the features of
// the first axis in the order of the configuration, then of the next axis. x
// holds Length frames of Axes interleaved samples.
func (v *Vibration) Window(dst, x []float32) {
	for axis := range v.cfg.Axes {
		for i := range v.axis {
			v.axis[i] = x[i*v.cfg.Axes+axis]
		}
		s := removeMean(v.axis)
		s.shape(v.axis)
		power, envPower := false, false
		for _, name := range v.cfg.Features {
			n := v.size(name)
			switch name {
			case Bands, Spectrum:
				if !power {
					v.welch.run(v.axis)
					power, envPower = true, false
				}
				v.powers(dst[:n], name == Bands)
			case EnvBands, EnvSpectrum:
				if !envPower {
					v.welch.run(v.env.run(v.axis))
					power, envPower = false, true
				}
				v.powers(dst[:n], name == EnvBands)
			default:
				dst[0] = s.value(name)
			}
			dst = dst[n:]
		}
	}
}

// powers copies the spectrum to dst, bin by bin or summed by band.
func (v *Vibration) powers(dst []float32, bands bool) {
	copy(dst, v.welch.power)
	if bands {
		binHz := v.cfg.RateHz / float64(v.cfg.FFT)
		for b, edge := range v.cfg.BandsHz {
			first, end := int(math.Ceil(edge[0]/binHz)), int(math.Ceil(edge[1]/binHz))
			dst[b] = 0
			for _, p := range v.welch.power[first:end] {
				dst[b] += p
			}
		}
	}
	if v.cfg.Log {
		for i, p := range dst {
			dst[i] = float32(10 * fmath.Log10(float64(p)+1e-12))
		}
	}
}
