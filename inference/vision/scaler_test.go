package vision

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// ramp is a gray picture whose values are 10*y + x.
func ramp(w, h int) Image {
	m := Image{Width: w, Height: h, Stride: w + 3, Channels: 1, Pix: make([]byte, (w+3)*h)}
	for y := range h {
		for x := range w {
			m.Pix[y*m.Stride+x] = byte(10*y + x)
		}
	}
	return m
}

func TestFitsAndCrops(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  Config
		want []float32
	}{
		"stretch":   {Config{Width: 2, Height: 1}, []float32{15.5, 17.5}},
		"cover":     {Config{Width: 2, Height: 4, Fit: Cover, Method: Nearest}, []float32{1, 2, 11, 12, 21, 22, 31, 32}},
		"letterbox": {Config{Width: 4, Height: 6, Fit: Letterbox, Fill: 9, Method: Nearest}, []float32{9, 9, 9, 9, 0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23, 30, 31, 32, 33, 9, 9, 9, 9}},
		"rectangle": {Config{Width: 2, Height: 2, Crop: Crop{X: 1, Y: 2, Width: 2, Height: 2}}, []float32{21, 22, 31, 32}},
		"fraction":  {Config{Width: 2, Height: 2, Crop: Crop{Fraction: 0.5}}, []float32{11, 12, 21, 22}},
	} {
		c.cfg.Color = Gray
		if got := scale(t, c.cfg, ramp(4, 4)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestColorsAndNormalization(t *testing.T) {
	m := Image{Width: 1, Height: 1, Stride: 3, Channels: 3, Pix: []byte{10, 20, 30}}
	for name, c := range map[string]struct {
		cfg  Config
		want []float32
	}{
		"rgb":  {Config{}, []float32{10, 20, 30}},
		"bgr":  {Config{Color: BGR}, []float32{30, 20, 10}},
		"gray": {Config{Color: Gray, Mean: []float32{18.15}, Std: []float32{2}}, []float32{0}},
		"norm": {Config{Mean: []float32{10}, Std: []float32{1, 2, 4}}, []float32{0, 5, 5}},
	} {
		c.cfg.Width, c.cfg.Height = 1, 1
		got := scale(t, c.cfg, m)
		for i, w := range c.want {
			if len(got) != len(c.want) || math.Abs(float64(got[i]-w)) > 1e-5 {
				t.Errorf("%s: %v, want %v", name, got, c.want)
			}
		}
	}
	if got := scale(t, Config{Width: 1, Height: 1, Signed: true}, m); !slices.Equal(got, []float32{138, 148, 158}) {
		t.Errorf("signed pixels: %v, want 128 more", got)
	}
	gray := Image{Width: 1, Height: 1, Stride: 1, Channels: 1, Pix: []byte{7}}
	if got := scale(t, Config{Width: 1, Height: 1}, gray); !slices.Equal(got, []float32{7, 7, 7}) {
		t.Errorf("gray source: %v, want the value three times", got)
	}
}

func TestScalerErrors(t *testing.T) {
	for want, cfg := range map[string]Config{
		"output of 0x4":     {Height: 4},
		"want a rectangle":  {Width: 4, Height: 4, Crop: Crop{Width: 3}},
		"fraction 2":        {Width: 4, Height: 4, Crop: Crop{Fraction: 2}},
		"2 values of mean":  {Width: 4, Height: 4, Mean: []float32{1, 2}},
		"std 0":             {Width: 4, Height: 4, Std: []float32{0}},
		"want a finite num": {Width: 4, Height: 4, Mean: []float32{float32(math.NaN())}},
	} {
		if _, err := NewScaler(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", cfg, err, want)
		}
	}
	s, err := NewScaler(Config{Width: 2, Height: 2, Color: Gray, Crop: Crop{X: 3, Width: 4, Height: 4}})
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]float32, 4)
	for want, m := range map[string]Image{
		"crop":      ramp(4, 4),
		"sides":     {},
		"channels":  {Width: 1, Height: 1, Stride: 4, Channels: 4, Pix: make([]byte, 4)},
		"stride":    {Width: 2, Height: 1, Stride: 1, Channels: 1, Pix: make([]byte, 4)},
		"of 1 byte": {Width: 2, Height: 1, Stride: 2, Channels: 1, Pix: make([]byte, 1)},
	} {
		if err := s.Run(dst, m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%dx%d: %v, want %q", m.Width, m.Height, err, want)
		}
	}
	if err := s.Run(dst[:3], ramp(8, 8)); err == nil {
		t.Error("short output: no error")
	}
}

func TestScalerAllocatesNothing(t *testing.T) {
	s, _ := NewScaler(Config{Width: 24, Height: 20, Fit: Letterbox})
	m, dst := noiseImage(64, 48, 3), make([]float32, s.Len())
	if err := s.Run(dst, m); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(10, func() { s.Run(dst, m) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkScale640x480To224(b *testing.B) {
	s, _ := NewScaler(Config{Width: 224, Height: 224, Mean: []float32{127.5}, Std: []float32{127.5}})
	m, dst := noiseImage(640, 480, 3), make([]float32, s.Len())
	for b.Loop() {
		s.Run(dst, m)
	}
}
