package chip

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/haltest"
)

// TestADS1115: channels come in the order asked for, at an even pace, each
// reading a conversion of its own, also from a chip that is 10 % slow.
func TestADS1115(t *testing.T) {
	for _, skew := range []float64{-0.1, 0, 0.1} {
		clock, b := haltest.NewClock(), haltest.NewBus()
		b.Attach(0x49, haltest.NewADS1115(clock.Now, skew, func(mux int, at time.Time) float64 {
			return map[int]float64{0: -1.5, 6: 3.3}[mux] + float64(at.Second())/100
		}))
		s, err := Open(Config{Model: "ads1115", Bus: "i2c-1", Address: 0x49, RateHz: 100, Channels: []string{"voltage2", "voltage0-voltage1"}, Buses: haltest.Wiring{Bus: b}, Clock: clock})
		if err != nil {
			t.Fatal(err)
		}
		if i := s.Info(); i.Unit != "V" || i.Channels != 2 || i.Kind != hal.KindSamples {
			t.Errorf("%+v", i)
		}
		start := clock.Now()
		buf := make([]float32, 8)
		for k := range 500 {
			block, err := s.Read(t.Context(), buf)
			if err != nil || block.Frames != 1 || block.Lost != 0 {
				t.Fatalf("%+v, %v", block, err)
			}
			off := float64(clock.Now().Second()) / 100
			if off0 := block.Time.Sub(start).Seconds() - float64(k)/100; math.Abs(off0) > 1e-3 {
				t.Fatalf("reading %d is %v s off", k, off0)
			}
			if math.Abs(float64(buf[0])-3.3-off) > 0.0101 || math.Abs(float64(buf[1])+1.5-off) > 0.0101 {
				t.Fatalf("%v, want %v more than 3.3 and -1.5", buf[:2], off)
			}
		}
	}
}

// TestADS1115Faults: each is told, and survived.
func TestADS1115Faults(t *testing.T) {
	clock, b := haltest.NewClock(), haltest.NewBus()
	b.Attach(0x48, haltest.NewADS1115(clock.Now, 0, func(int, time.Time) float64 { return 1 }))
	s, err := Open(Config{Model: "ads1115", Bus: "i2c-1", RateHz: 100, Channels: []string{"voltage0"}, Buses: haltest.Wiring{Bus: b}, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]float32, 1)
	for want, f := range map[string]haltest.Faults{
		"nothing answers": {Absent: true}, "holds a line low": {Stuck: true}, "another chip is there": {Short: 1}, "gone": {Err: errors.New("gone")},
	} {
		b.Fault(f)
		if _, err := s.Read(t.Context(), buf); !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", f, err)
		}
		b.Fault(haltest.Faults{})
		if _, err := s.Read(t.Context(), buf); err != nil || math.Abs(float64(buf[0])-1) > 1e-3 {
			t.Errorf("healed: %v, %v", buf, err)
		}
	}
	b.Attach(0x48, haltest.NewADS1115(clock.Now, 0.9, func(int, time.Time) float64 { return 1 }))
	if _, err := s.Read(t.Context(), buf); err == nil || !strings.Contains(err.Error(), "takes more than") {
		t.Errorf("a slow converter: %v", err)
	}
	if err := s.Halt(); err != nil {
		t.Error(err)
	}
	if _, err := s.Read(t.Context(), buf); !errors.Is(err, hal.ErrHalted) {
		t.Error(err)
	}
}

// TestPeriph: what periph's drivers read comes out in the units of hal/iio.
func TestPeriph(t *testing.T) {
	b, power := haltest.NewBus(), haltest.NewINA219()
	b.Attach(0x76, haltest.NewBME280(time.Now))
	b.Attach(0x40, power)
	power.Load(12, 0.02)
	for _, c := range []struct {
		cfg  Config
		want []float64
	}{
		{Config{Model: "bme280", Channels: []string{"pressure", "temp"}}, []float64{100.653, 25.08}},
		{Config{Model: "ina219", Shunt: 0.01}, []float64{12, 2, 24}},
		{Config{Model: "ina219", Channels: []string{"current"}}, []float64{0.2}},
	} {
		c.cfg.Bus, c.cfg.RateHz, c.cfg.Buses = "i2c-1", 5, haltest.Wiring{Bus: b}
		s, err := Open(c.cfg)
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]float32, 4)
		if _, err := s.Read(t.Context(), buf); err != nil {
			t.Fatal(err)
		}
		for i, w := range c.want {
			if math.Abs(float64(buf[i])/w-1) > 2e-3 {
				t.Errorf("%s: %v, want %v", c.cfg.Model, buf, c.want)
			}
		}
	}
	for _, m := range polledModels() {
		s, err := Open(Config{Model: m.name, Bus: "i2c-1", Address: int(m.addresses[len(m.addresses)-1]), RateHz: m.maxHz(len(m.channels)), Buses: haltest.Wiring{Bus: haltest.NewBus()}})
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
			continue
		}
		if _, err := s.Read(t.Context(), make([]float32, 16)); !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), "nothing answers") {
			t.Errorf("%s on an empty bus: %v", m.name, err)
		}
	}
}

func TestBadPolled(t *testing.T) {
	for want, cfg := range map[string]Config{
		"the nearest is 100":                 {Model: "ads1115", Bus: "i2c-1", RateHz: 400, Channels: []string{"voltage0", "voltage1", "voltage2", "voltage3"}},
		"it has temp, pressure":              {Model: "bmp280", Bus: "i2c-1", RateHz: 1, Channels: []string{"humidityrelative"}},
		"0x76, 0x77":                         {Model: "bme280", Bus: "i2c-1", RateHz: 1, Address: 0x40},
		"read on I2C":                        {Model: "bme280", Bus: "spi0.0", RateHz: 1},
		"it has [4.096 6.144":                {Model: "ads1115", Bus: "i2c-1", RateHz: 1, Range: 5},
		"no rate of 0 Hz with 3 channels; t": {Model: "bme280", Bus: "i2c-1"},
	} {
		if _, err := Open(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", cfg, err, want)
		}
	}
}
