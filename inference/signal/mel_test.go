package signal

import (
	"math"
	"strings"
	"testing"
)

// melClip is the seeded clip of scripts/golden/signal_mel.py.
func melClip() []float32 {
	const n = 16000
	noise := lcgNoise(7, n, 32768)
	out := make([]float32, n)
	for i := 3000; i < n; i++ {
		period := 200 - i/100
		square := -9000
		if i%period*2 < period {
			square = 9000
		}
		v := square + int(noise[i])*i>>16
		out[i] = float32(min(max(v, -32768), 32767)) / 32768
	}
	return out
}

func melPreset(name string) MelConfig {
	switch name {
	case "kws":
		return KWSConfig()
	case "wakeword":
		return WakeWordConfig()
	}
	return ToyCarConfig()
}

// Largest distances allowed from TensorFlow, which computes the filters in
// float32: of cepstra (range 150), of a [0, 1] value, of decibel, of a weight.
var melTolerance = map[string]float64{
	"kws": 1e-4, "wakeword": 1e-5, "toycar": 2e-4,
	"kws bank": 1e-5, "wakeword bank": 1e-5, "toycar bank": 1e-7,
}

func TestMelFeaturesNearTensorFlow(t *testing.T) {
	r := openGolden(t, "mel.gz")
	for {
		name, ok := readNamed(t, r)
		if !ok {
			break
		}
		shape := readLE(t, r, make([]uint16, 2))
		rows, width := int(shape[0]), int(shape[1])
		want := readLE(t, r, make([]float32, rows*width))
		preset, isBank := strings.CutSuffix(name, " bank")
		got := melFeatures(t, preset, isBank, rows, width)
		worst, at := maxDiff(got, want)
		t.Logf("%s: %dx%d, largest difference %.3g", name, rows, width, worst)
		if !(worst <= melTolerance[name]) {
			t.Errorf("%s: row %d column %d is %v, want %v within %g", name, at/width, at%width, got[at], want[at], melTolerance[name])
		}
	}
}

func melFeatures(t *testing.T, preset string, isBank bool, rows, width int) []float32 {
	t.Helper()
	m, err := NewMelFrames(melPreset(preset))
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, rows*width)
	if isBank {
		for band, weights := range m.bank.weight {
			for i, w := range weights {
				got[(m.bank.start[band]+i)*width+band] = w
			}
		}
		return got
	}
	x := melClip()
	if preset == "kws" {
		DivideByMax(x)
	}
	for row := range rows {
		start := row * m.Step()
		m.Frame(got[row*width:(row+1)*width], x[start:start+m.FrameLen()])
	}
	return got
}

func TestMelConfigErrors(t *testing.T) {
	for name, change := range map[string]func(*MelConfig){
		"frame":        func(c *MelConfig) { c.Frame = 1 },
		"step":         func(c *MelConfig) { c.Step = 481 },
		"fft":          func(c *MelConfig) { c.FFT = 256 },
		"power of two": func(c *MelConfig) { c.FFT = 600 },
		"bands":        func(c *MelConfig) { c.Bands = 0 },
		"interval":     func(c *MelConfig) { c.HighHz = 9000 },
		"coefficients": func(c *MelConfig) { c.Coefficients = 41 },
		"offset":       func(c *MelConfig) { c.Offset = 0 },
	} {
		c := KWSConfig()
		change(&c)
		if _, err := NewMelFrames(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestMelSilenceIsFinite(t *testing.T) {
	for _, preset := range []string{"kws", "wakeword", "toycar"} {
		m, err := NewMelFrames(melPreset(preset))
		if err != nil {
			t.Fatal(err)
		}
		row := make([]float32, m.Width())
		m.Frame(row, make([]float32, m.FrameLen()))
		for i, v := range row {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				t.Errorf("%s: feature %d of silence is %v", preset, i, v)
			}
		}
	}
	quiet := []float32{-1, -0.5, 0}
	DivideByMax(quiet)
	if quiet[0] != -1 {
		t.Errorf("no positive sample: %v", quiet)
	}
}

func TestMelFramesAllocateNothing(t *testing.T) {
	m, _ := NewMelFrames(KWSConfig())
	row, frame := make([]float32, m.Width()), lcgFloats(3, m.FrameLen())
	if n := testing.AllocsPerRun(20, func() { m.Frame(row, frame) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkMelFrameKWS(b *testing.B) {
	m, _ := NewMelFrames(KWSConfig())
	row, frame := make([]float32, m.Width()), lcgFloats(3, m.FrameLen())
	for b.Loop() {
		m.Frame(row, frame)
	}
}
