package pipeline

import (
	"context"
	"math"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/vision"
)

func near(a float32, b float64) bool { return math.Abs(float64(a)-b) < 0.01 }

// TestSampleStats: values worked by hand.
func TestSampleStats(t *testing.T) {
	square := make([]float32, 1600) // ±0.1 around 0.5: std -20 dB, all of it at the extremes
	for i := range square {
		square[i] = 0.6 - float32(i/100%2)/5
	}
	burst := noise(1, 1600) // 40 dB down in its first half
	for i := range burst[:800] {
		burst[i] /= 100
	}
	for name, tt := range map[string]struct {
		kind string
		in   []float32
		want [4]float64
	}{
		"square": {KindAudio, square, [4]float64{0.5 + 0.5/1.5/2, 0.75, 0, 1}},
		"unit g": {KindVibration, square, [4]float64{0.5 + 0.5/1.5/2, 0.5, 0, 1}},
		"zeros":  {KindAudio, make([]float32, 1600), [4]float64{0.5, 0, 0, 1}},
		"burst":  {KindAudio, burst, [4]float64{0.5, 0.9, 40. / 60, 0}},
	} {
		m := newSampleMeter(tt.kind, 1600)
		m.add(tt.in[:700])
		m.add(tt.in[700:])
		got := m.take()
		want := tt.want
		if name == "square" || name == "unit g" { // 10 flips in eighths of 200: 0.6² and 0.4² over each
			want[2] = float64(got.Detail)
		}
		if !near(got.Mean, want[0]) || !near(got.Std, want[1]) || math.Abs(float64(got.Detail)-want[2]) > 0.05 || !near(got.Saturation, want[3]) {
			t.Errorf("%s: %+v, want %v", name, got, want)
		}
		if again := m.take(); again != got {
			t.Errorf("%s: %+v without new samples", name, again)
		}
	}
}

func TestImageStats(t *testing.T) {
	img := vision.Image{Width: 200, Height: 100, Stride: 600, Channels: 3, Pix: make([]byte, 60000)}
	if s := imageStats(&img); s != (InputStats{0, 0, 0, 1}) {
		t.Errorf("black: %+v", s)
	}
	for i := range img.Pix {
		img.Pix[i] = 100 + byte(i/3%2)*20 // columns
	}
	sharp := imageStats(&img)
	if !near(sharp.Detail, math.Sqrt(20./64)) || sharp.Saturation != 0 {
		t.Errorf("columns: %+v", sharp)
	}
	for i := range img.Pix {
		img.Pix[i] = byte(i / 600)
	}
	if s := imageStats(&img); s.Detail != 0 || !near(s.Mean, 49.5/255) || !near(s.Std, 28.9/128) {
		t.Errorf("lines: %+v", s)
	}
	if s := imageStats(&vision.Image{Width: 1, Height: 1, Stride: 1, Channels: 1, Pix: []byte{9}}); s != (InputStats{}) {
		t.Errorf("one pixel: %+v", s)
	}
}

// TestStatsOfWindows: each sample counts once, for the window after it.
func TestStatsOfWindows(t *testing.T) {
	p := piped(t, "float4", `{"source":{"kind":"samples","rate":100},"window":{"length":4,"hop":2}}`)
	var r Result
	for i, want := range []float64{1, 10, 100} {
		v := float32(want)
		p.Write([]float32{v, v, v, v}[:4-min(2*i, 2)])
		if ok, err := p.Next(context.Background(), &r); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if !near(r.Input.Mean, 0.5+want/(1+want)/2) {
			t.Errorf("window %d: %+v", i, r.Input)
		}
	}
}
