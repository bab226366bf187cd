package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
)

// stepClock jumps to the end of every wait.
type stepClock struct {
	now   time.Time
	total time.Duration
}

func (c *stepClock) Now() time.Time { return c.now }

func (c *stepClock) After(d time.Duration) <-chan time.Time {
	c.now, c.total = c.now.Add(d), c.total+d
	ch := make(chan time.Time, 1)
	ch <- c.now
	return ch
}

func write(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// blocks reads to the end of the recording, size frames at a time.
func blocks(t testing.TB, s hal.Sensor, size int) (all []hal.Block, values []float32) {
	t.Helper()
	buf := make([]float32, size*s.Info().Channels)
	for {
		b, err := s.Read(t.Context(), buf)
		if err == io.EOF {
			return all, values
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
		values = append(values, buf[:b.Frames*s.Info().Channels]...)
	}
}

func ramp(n int) []int16 {
	v := make([]int16, n)
	for i := range v {
		v[i] = int16(i)
	}
	return v
}

func TestFolderOfWAVs(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "b/two.wav", pcm16(8000, ramp(100)...))
	write(t, dir, "a.WAV", pcm16(8000, ramp(5000)...))
	write(t, dir, "notes.txt", []byte("not played"))
	s, err := OpenWAV(Config{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	if i := s.Info(); i.Kind != hal.KindAudio || i.RateHz != 8000 || i.Channels != 1 || i.Simulated {
		t.Errorf("info %+v", i)
	}
	all, values := blocks(t, s, 1000)
	if len(values) != 5100 || values[4999] != 4999./32768 || values[5001] != 1./32768 {
		t.Errorf("%d values", len(values))
	}
	var items []string
	for _, b := range all {
		if b.NewItem {
			items = append(items, b.Item)
		}
	}
	if !slices.Equal(items, []string{"a.WAV", "b/two.wav"}) {
		t.Errorf("items %v", items)
	}
}

func TestChannelsAndMono(t *testing.T) {
	data := []byte{0, 0x40, 0, 0x20, 0, 0xc0, 0, 0} // 0.5 0.25 / -0.5 0
	path := write(t, t.TempDir(), "s.wav", wavSpec{tag: tagPCM, channels: 2, bits: 16, rate: 8000, data: data}.bytes())
	for _, tc := range []struct {
		cfg  Config
		want []float32
	}{
		{Config{}, []float32{0.5, 0.25, -0.5, 0}},
		{Config{Channels: []int{1}}, []float32{0.25, 0}},
		{Config{Channels: []int{1, 0}}, []float32{0.25, 0.5, 0, -0.5}},
		{Config{Mono: true}, []float32{0.375, -0.25}},
		{Config{Mono: true, Channels: []int{0}}, []float32{0.5, -0.5}},
	} {
		tc.cfg.Path = path
		s, err := OpenWAV(tc.cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, got := blocks(t, s, 16); !slices.Equal(got, tc.want) {
			t.Errorf("%+v: %v, want %v", tc.cfg, got, tc.want)
		}
	}
	if _, err := OpenWAV(Config{Path: path, Channels: []int{2}}); err == nil || !strings.Contains(err.Error(), "channel 2: the recording has 2") {
		t.Errorf("got %v", err)
	}
}

func TestRealtimeAndLoop(t *testing.T) {
	path := write(t, t.TempDir(), "s.wav", pcm16(8000, ramp(400)...))
	c := &stepClock{now: time.Unix(100, 0)}
	s, err := OpenWAV(Config{Path: path, Realtime: true, Loop: true, Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	buf, frames, clips := make([]float32, 8000), 0, 0
	for frames < 2000 {
		b, err := s.Read(t.Context(), buf)
		if err != nil {
			t.Fatal(err)
		}
		if want := time.Unix(100, 0).Add(time.Duration(frames) * time.Second / 8000); !b.Time.Equal(want) {
			t.Fatalf("frame %d at %v, want %v", frames, b.Time, want)
		}
		if b.NewItem {
			clips++
		}
		frames += b.Frames
	}
	if c.total != 250*time.Millisecond || clips != 5 {
		t.Errorf("%d frames took %v in %d clips", frames, c.total, clips)
	}
}

// A gap is reported where it is, at the stream's rate, and time goes on.
func TestCSVGapResampled(t *testing.T) {
	var b strings.Builder
	b.WriteString("time,v\n")
	for i := range 100 {
		at := float64(i) / 100
		if i >= 40 {
			at += 0.2
		}
		fmt.Fprintf(&b, "2026-11-23T10:00:%06.3fZ,%d\n", at, i)
	}
	path := write(t, t.TempDir(), "s.csv", []byte(b.String()))
	s, err := OpenCSV(Config{Path: path, RateHz: 50, Unit: "mV", Kind: hal.KindSamples})
	if err != nil {
		t.Fatal(err)
	}
	all, values := blocks(t, s, 64)
	frames := 0
	for _, b := range all {
		if (b.Lost != 0) != (frames == 20) || b.NewItem != (frames == 0) {
			t.Errorf("after %d frames: %+v", frames, b)
		}
		if b.Lost != 0 && (b.Lost != 10 || !b.Time.Equal(time.Date(2026, 11, 23, 10, 0, 0, 6e8, time.UTC))) {
			t.Errorf("%d lost, then %v", b.Lost, b.Time)
		}
		frames += b.Frames
	}
	if i := s.Info(); i.Unit != "mV" || i.RateHz != 50 || !slices.Equal(i.Names, []string{"v"}) {
		t.Errorf("info %+v", i)
	}
	if len(values) != 50 {
		t.Errorf("%d values", len(values))
	}
}

// A bad file among good ones is one error that names it.
func TestBadFileAmongGood(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "1.wav", pcm16(8000, 1))
	write(t, dir, "2.wav", []byte("nothing"))
	write(t, dir, "3.wav", pcm16(8000, 3))
	write(t, dir, "4.wav", wavSpec{tag: tagPCM, channels: 2, bits: 16, rate: 8000, data: make([]byte, 4)}.bytes())
	s, err := OpenWAV(Config{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	buf := make([]float32, 8)
	for {
		b, err := s.Read(t.Context(), buf)
		if err == io.EOF {
			break
		}
		if err != nil {
			got = append(got, strings.TrimPrefix(err.Error(), dir+string(filepath.Separator)))
			continue
		}
		got = append(got, b.Item)
	}
	want := []string{"1.wav", "2.wav: RIFF header: file ends early", "3.wav", "4.wav: 2 channels, the recordings before have 1"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	for want, cfg := range map[string]Config{
		"no such file": {Path: filepath.Join(dir, "none.wav")}, "no files ending in .wav": {Path: dir},
		"rate": {Path: dir, RateHz: -1}, "channel -1": {Path: dir, Channels: []int{-1}}, "time unit": {Path: dir, TimeUnit: "h"},
	} {
		if _, err := OpenWAV(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestHaltAndCancel(t *testing.T) {
	path := write(t, t.TempDir(), "s.wav", pcm16(8000, ramp(400)...))
	s, err := OpenWAV(Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	buf := make([]float32, 8)
	if _, err := s.Read(ctx, buf); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if b, err := s.Read(t.Context(), buf); err != nil || b.Frames != 8 {
		t.Errorf("reading goes on: %+v, %v", b, err)
	}
	for range 2 {
		if err := s.Halt(); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Read(t.Context(), buf); !errors.Is(err, hal.ErrHalted) {
		t.Errorf("got %v", err)
	}
}
