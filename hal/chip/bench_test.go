package chip

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/hal/haltest"
)

// A bench is a driver with its chip.
type bench struct {
	t     *testing.T
	clock *haltest.Clock
	bus   *haltest.Bus
	port  *haltest.Port
	s     *fifoSensor
	width int
	buf   []float32
}

func open(t *testing.T, cfg Config, clock *haltest.Clock, w haltest.Wiring) *bench {
	t.Helper()
	cfg.Buses = w
	if clock != nil {
		cfg.Clock = clock
	}
	opened, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s := opened.(*fifoSensor)
	t.Cleanup(func() { _ = s.Halt() })
	n := s.Info().Channels
	return &bench{t, clock, w.Bus, w.Port, s, n, make([]float32, 64*n)}
}

// read collects frames, the times of those that begin a block, and at which of
// them something was lost.
func (b *bench) read(frames int) (values []float32, times []time.Time, lost map[int]uint64) {
	b.t.Helper()
	lost = map[int]uint64{}
	for len(times) < frames {
		block, err := b.s.Read(b.t.Context(), b.buf)
		if err != nil {
			b.t.Fatal(err)
		}
		if block.Lost > 0 {
			lost[len(times)] = block.Lost
		}
		values = append(values, b.buf[:block.Frames*b.width]...)
		times = append(times, block.Time)
		times = append(times, make([]time.Time, block.Frames-1)...)
	}
	return values, times, lost
}

// fails reads until an error comes.
func (b *bench) fails() error {
	b.t.Helper()
	for range 1000 {
		if _, err := b.s.Read(b.t.Context(), b.buf); err != nil {
			return err
		}
	}
	b.t.Fatal("no error")
	return nil
}

// shake is a signal that counts samples in x, in steps of 1/128 g from -4 g on,
// and each turn of it in y; the other axes swing.
func shake(rateHz float64) haltest.Motion {
	return func(s float64) (a, g [3]float64) {
		n := math.Round(s * rateHz)
		a = [3]float64{math.Mod(n, 1024)/128 - 4, math.Mod(math.Floor(n/1024), 256)/128 - 1, math.Cos(s * 31)}
		g = [3]float64{math.Mod(n, 200) - 100, 50 * math.Sin(s*7), 20 * math.Cos(s*3)}
		return a, g
	}
}

// cycle is after how many samples shake's count begins again.
const cycle = 256 * 1024

// index is which sample of the cycle a frame is.
func index(frame []float32) int {
	return int(math.Round((float64(frame[0])+4)*128)) + 1024*int(math.Round((float64(frame[1])+1)*128))
}

// A part is a chip under test.
type part struct {
	model    string
	bus      string
	rate     float64
	skew     float64
	channels []string
	address  uint16
	lsb      float64 // of acceleration at 8 g
	gyroLSB  float64 // of rotation, rad/s
}

func parts() []part {
	both := []string{"accel_x", "accel_y", "accel_z", "anglvel_x", "anglvel_y", "anglvel_z"}
	return []part{
		{"adxl345", "spi0.0", 3200, 0.02, nil, 0, 1.0 / 128, 0},
		{"adxl345", "spi0.0", 100, -0.03, nil, 0, 1.0 / 256, 0},
		{"adxl345", "i2c-1", 800, -0.01, nil, 0x53, 1.0 / 256, 0},
		{"adxl345", "i2c-1", 6.25, 0, nil, 0x53, 1.0 / 256, 0},
		{"mpu6050", "i2c-1", 1000, 0.01, nil, 0x68, 8.0 / 32768, 0},
		{"mpu6050", "i2c-1", 500, -0.02, both, 0x68, 8.0 / 32768, 1000.0 / 32768 * math.Pi / 180},
		{"lsm6ds3", "spi0.0", 3330, -0.03, nil, 0, 0.000244, 0},
		{"lsm6ds3", "i2c-1", 416, 0.02, both, 0x6a, 0.000244, 0.035 * math.Pi / 180},
	}
}

func (p part) String() string { return fmt.Sprintf("%s at %v Hz on %s", p.model, p.rate, p.bus) }

// real is the rate of the chip's own clock. Nominal rates of the LSM6DS3 are
// rounded.
func (p part) real() float64 {
	if p.model == "lsm6ds3" {
		return 6660 / math.Exp2(math.Round(math.Log2(6660/p.rate))) * (1 + p.skew)
	}
	return p.rate * (1 + p.skew)
}

// on wires the part up, with a signal by the chip's real rate.
func (p part) on(t *testing.T, clock *haltest.Clock) (*bench, haltest.Motion) {
	t.Helper()
	motion := shake(p.real())
	w := haltest.Wiring{Bus: haltest.NewBus()}
	switch p.model {
	case "adxl345":
		c := haltest.NewADXL345(clock.Now, p.skew, motion)
		w.Port = haltest.NewPort(c)
		w.Bus.Attach(0x53, c)
	case "lsm6ds3":
		c := haltest.NewLSM6DS3(clock.Now, p.skew, motion)
		w.Port = haltest.NewPort(c)
		w.Bus.Attach(0x6a, c)
	case "mpu6050":
		w.Bus.Attach(0x68, haltest.NewMPU6050(clock.Now, p.skew, motion))
	}
	return open(t, Config{Model: p.model, Bus: p.bus, RateHz: p.rate, Range: 8, Channels: p.channels}, clock, w), motion
}
