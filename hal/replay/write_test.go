package replay

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dunlin-edge/dunlin/hal"
)

// recordAll writes what a sensor gives, and returns the samples and the losses.
func recordAll(t *testing.T, s hal.Sensor, write func(hal.Block, []float32) error) (all []float32, lost uint64) {
	t.Helper()
	buf := make([]float32, 3*100)
	for {
		b, err := s.Read(t.Context(), buf)
		if errors.Is(err, io.EOF) {
			return all, lost
		}
		if err != nil {
			t.Fatal(err)
		}
		n := b.Frames * s.Info().Channels
		if err := write(b, buf[:n]); err != nil {
			t.Fatal(err)
		}
		all, lost = append(all, buf[:n]...), lost+b.Lost
	}
}

// TestRecordingAgain: what is written comes back to the bit with its gaps, and
// recorded again gives the same bytes, at rates whose periods have no end.
func TestRecordingAgain(t *testing.T) {
	for _, rate := range []float64{3200, 3330, 833, 12.5, 0.1} {
		info := hal.StreamInfo{Kind: hal.KindVibration, Channels: 3, RateHz: rate, Unit: "g", Names: []string{"accel_x", "accel_y", "accel_z"}}
		r := rand.New(rand.NewPCG(1, 2))
		var first bytes.Buffer
		w := NewCSVWriter(&first, info)
		var want []float32
		for k := range 20 {
			samples := make([]float32, 3*17)
			for i := range samples {
				samples[i] = float32(r.NormFloat64() * math.Exp2(float64(r.IntN(60)-30)))
			}
			lost := uint64(0)
			if k == 7 {
				lost = 41
			}
			if err := w.Write(hal.Block{Frames: 17, Lost: lost}, samples); err != nil {
				t.Fatal(err)
			}
			want = append(want, samples...)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "a.csv")
		if err := os.WriteFile(path, first.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := OpenCSV(Config{Path: path, Kind: hal.KindVibration, Unit: "g"})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Info(); got.RateHz != rate || !slices.Equal(got.Names, info.Names) {
			t.Errorf("%v Hz: %+v", rate, got)
		}
		var second bytes.Buffer
		again := NewCSVWriter(&second, s.Info())
		got, lost := recordAll(t, s, again.Write)
		if err := again.Flush(); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) || lost != 41 {
			t.Errorf("%v Hz: other values, or %d lost", rate, lost)
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("%v Hz: recorded again it differs", rate)
		}
	}
}

func TestWAVAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.wav")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := NewWAVWriter(f, hal.StreamInfo{Kind: hal.KindAudio, Channels: 2, RateHz: 16000})
	want := []float32{0, 1e-9, -0.5, 0.25, -1, 0.99999994}
	for range 2 {
		if err := w.Write(hal.Block{Frames: 3}, want); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		t.Fatal(err)
	}
	s, err := OpenWAV(Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	got, _ := recordAll(t, s, func(hal.Block, []float32) error { return nil })
	if i := s.Info(); i.RateHz != 16000 || i.Channels != 2 || !slices.Equal(got, slices.Concat(want, want)) {
		t.Errorf("%+v %v", i, got)
	}
}

func TestPNGAgain(t *testing.T) {
	for _, channels := range []int{1, 3} {
		f := hal.Frame{Width: 5, Height: 4, Stride: 5*channels + 3, Channels: channels}
		f.Pix = make([]byte, f.Stride*f.Height)
		for i := range f.Pix {
			f.Pix[i] = byte(i * 7)
		}
		dir := t.TempDir()
		file, err := os.Create(filepath.Join(dir, "0.png"))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(WritePNG(file, &f), file.Close()); err != nil {
			t.Fatal(err)
		}
		c, err := OpenImages(Config{Path: dir})
		if err != nil {
			t.Fatal(err)
		}
		var got hal.Frame
		if err := c.Capture(t.Context(), &got); err != nil || got.Channels != channels {
			t.Fatalf("%d channels, %v", got.Channels, err)
		}
		for y := range 4 {
			if !bytes.Equal(got.Pix[y*got.Stride:][:5*channels], f.Pix[y*f.Stride:][:5*channels]) {
				t.Errorf("%d channels: row %d differs", channels, y)
			}
		}
	}
}
