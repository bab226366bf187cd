package board

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/haltest"
)

// bench wires a driver to a chip in memory; each look at the pin takes some time.
type bench struct {
	*haltest.HX711
	clock *haltest.Clock
	takes func() time.Duration
	err   error
}

func (b *bench) Data() (bool, error) {
	b.clock.Advance(b.takes())
	high, err := b.HX711.Data()
	return high, errors.Join(err, b.err)
}
func (b *bench) Close() error { return nil }

func load(t *testing.T, gain int, takes func() time.Duration) (*HX711, *bench) {
	t.Helper()
	b := &bench{clock: haltest.NewClock(), takes: takes}
	b.HX711 = haltest.NewHX711(b.clock.Now, 80, func(channel byte, gain int) int32 {
		return map[byte]int32{'A': -8000000, 'B': 123}[channel] + int32(gain)
	})
	h, err := OpenHX711(HX711Config{Clock: "GPIO5", Data: "GPIO6", Gain: gain, RateHz: 10, Offset: 100, Scale: 0.5, Unit: "g", Time: b.clock, open: func() (wires, error) { return b, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return h, b
}

// TestHX711: channel and gain are the ones asked for, from the first value on.
func TestHX711(t *testing.T) {
	for gain, counts := range map[int]float64{128: -7999872, 64: -7999936, 32: 155} {
		h, _ := load(t, gain, func() time.Duration { return 5 * time.Microsecond })
		if i := h.Info(); i.Unit != "g" || i.RateHz != 10 {
			t.Errorf("%+v", i)
		}
		buf := make([]float32, 1)
		for range 20 {
			if b, err := h.Read(t.Context(), buf); err != nil || b.Frames != 1 {
				t.Fatalf("gain %d: %+v, %v", gain, b, err)
			}
			if want := (counts - 100) / 2; math.Abs(float64(buf[0])-want) > 1 {
				t.Fatalf("gain %d: %v, want %v", gain, buf[0], want)
			}
		}
	}
}

// TestHX711Interrupted: a machine that stops in the middle of a clock puts the
// chip to sleep; the reading is given up and another one taken.
func TestHX711Interrupted(t *testing.T) {
	n := 0
	h, b := load(t, 64, func() time.Duration {
		if n++; n%97 == 0 {
			return 200 * time.Microsecond
		}
		return 5 * time.Microsecond
	})
	buf := make([]float32, 1)
	for range 50 {
		if _, err := h.Read(t.Context(), buf); err != nil {
			t.Fatal(err)
		}
		if want := (-7999936.0 - 100) / 2; math.Abs(float64(buf[0])-want) > 1 {
			t.Fatalf("%v, want %v", buf[0], want)
		}
	}
	if b.Slips < 5 {
		t.Errorf("it slept %d times: the test shows nothing", b.Slips)
	}
}

func TestHX711Faults(t *testing.T) {
	busy := func() time.Duration { return 100 * time.Microsecond }
	h, b := load(t, 128, busy)
	buf := make([]float32, 1)
	if _, err := h.Read(t.Context(), buf); !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), "too busy") {
		t.Errorf("always interrupted: %v", err)
	}
	b.takes = func() time.Duration { return 0 }
	if _, err := h.Read(t.Context(), buf); err != nil {
		t.Errorf("healed: %v", err)
	}
	b.HX711 = haltest.NewHX711(b.clock.Now, 1e-6, func(byte, int) int32 { return 0 })
	if _, err := h.Read(t.Context(), buf); err == nil || !strings.Contains(err.Error(), "no conversion for 1s") {
		t.Errorf("no chip: %v", err)
	}
	b.err = errors.New("line is gone")
	if _, err := h.Read(t.Context(), buf); err == nil {
		t.Error("no line, no error")
	}
	if err := h.Halt(); err != nil {
		t.Error(err)
	}
	if _, err := h.Read(t.Context(), buf); !errors.Is(err, hal.ErrHalted) {
		t.Error(err)
	}
	for _, cfg := range []HX711Config{{Gain: 100, RateHz: 1, Scale: 1}, {Gain: 128, RateHz: 100, Scale: 1}, {Gain: 128, RateHz: 1}} {
		if _, err := OpenHX711(cfg); err == nil {
			t.Errorf("%+v was opened", cfg)
		}
	}
}
