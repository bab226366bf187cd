package signal

import (
	"math"
	"strings"
	"testing"
)

// vibrationAxes is the seeded input of scripts/golden/signal_vibration.py.
func vibrationAxes(n int) []float32 {
	a, b := lcgNoise(11, n, 32768), lcgNoise(12, n, 32768)
	c, d := lcgNoise(13, n, 32768), lcgNoise(14, n, 32768)
	out := make([]float32, 0, 3*n)
	for i := range n {
		x := 8000 + int(a[i]>>3)
		y := int(c[i] >> 7)
		if i%100 < 12 {
			y = int(b[i] >> 1)
		}
		z := 4000
		if i%50 >= 25 {
			z = -4000
		}
		z += int(d[i] >> 6)
		out = append(out, float32(x)/4096, float32(y)/4096, float32(z)/4096)
	}
	return out
}

func vibrationCase(name string) VibrationConfig {
	cfg := VibrationConfig{
		RateHz: 1600, Length: 1024, Axes: 3, FFT: 0,
		BandsHz:  [][2]float64{{5, 30}, {30, 200}, {200, 800}},
		Features: []string{Mean, RMS, Peak, Crest, Skewness, Kurtosis, Bands, Spectrum, EnvBands, EnvSpectrum},
	}
	switch name {
	case "averaged":
		cfg.Length, cfg.FFT = 2000, 256
	case "log":
		cfg.Length, cfg.FFT, cfg.Log = 1500, 128, true
	}
	return cfg
}

func TestVibrationNearSciPy(t *testing.T) {
	tolerance := map[string]float64{"linear": 2e-6, "averaged": 2e-6, "log": 1e-4}
	r := openGolden(t, "vibration.gz")
	for {
		name, ok := readNamed(t, r)
		if !ok {
			break
		}
		want := readLE(t, r, make([]float32, *readLE(t, r, new(uint16))))
		cfg := vibrationCase(name)
		v, err := NewVibration(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if v.Width() != len(want) {
			t.Fatalf("%s: %d features, want %d", name, v.Width(), len(want))
		}
		got := make([]float32, v.Width())
		v.Window(got, vibrationAxes(cfg.Length))
		worst, at := maxDiff(got, want)
		t.Logf("%s: %d features, largest difference %.3g", name, len(want), worst)
		if !(worst <= tolerance[name]) {
			t.Errorf("%s: feature %d is %v, want %v within %g", name, at, got[at], want[at], tolerance[name])
		}
	}
}

func TestVibrationOfConstantIsFinite(t *testing.T) {
	cfg := vibrationCase("linear")
	v, err := NewVibration(cfg)
	if err != nil {
		t.Fatal(err)
	}
	x, got := make([]float32, 3*cfg.Length), make([]float32, v.Width())
	for i := range x {
		x[i] = 1
	}
	v.Window(got, x)
	for i, f := range got {
		if math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) {
			t.Fatalf("feature %d is %v", i, f)
		}
	}
	if got[0] != 1 || got[1] != 0 {
		t.Errorf("mean %v rms %v, want 1 and 0", got[0], got[1])
	}
}

func TestVibrationConfigErrors(t *testing.T) {
	for want, change := range map[string]func(*VibrationConfig){
		"rate":        func(c *VibrationConfig) { c.RateHz = math.NaN() },
		"window of 3": func(c *VibrationConfig) { c.Length = 3 },
		"axes":        func(c *VibrationConfig) { c.Axes = 0 },
		"no features": func(c *VibrationConfig) { c.Features = nil },
		"power of":    func(c *VibrationConfig) { c.FFT = 1000 },
		"fft of 2048": func(c *VibrationConfig) { c.FFT = 2048 },
		"band 0":      func(c *VibrationConfig) { c.BandsHz = [][2]float64{{10, 900}} },
		"bands_hz":    func(c *VibrationConfig) { c.BandsHz = nil },
		`"crust"`:     func(c *VibrationConfig) { c.Features = []string{"crust"} },
	} {
		cfg := vibrationCase("linear")
		change(&cfg)
		if _, err := NewVibration(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestVibrationAllocatesNothing(t *testing.T) {
	cfg := vibrationCase("averaged")
	v, _ := NewVibration(cfg)
	x, dst := vibrationAxes(cfg.Length), make([]float32, v.Width())
	if n := testing.AllocsPerRun(10, func() { v.Window(dst, x) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
