package chip

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/haltest"
)

var _ hal.Paced = (*fifoSensor)(nil)

// TestSignal: a known signal comes back within the chip's resolution, every
// sample of it, with its times, at the rate of a chip whose clock is off.
func TestSignal(t *testing.T) {
	for _, p := range parts() {
		t.Run(p.String(), func(t *testing.T) { p.signal(t) })
	}
}

func (p part) signal(t *testing.T) {
	clock := haltest.NewClock()
	b, motion := p.on(t, clock)
	start, real := clock.Now(), p.real()
	values, times, lost := b.read(int(20 * p.rate))
	if len(lost) > 0 {
		t.Errorf("lost %v", lost)
	}
	// Some converters run before the FIFO does.
	first := float64(index(values))
	late := 0
	for k, at := range times {
		s := (first + float64(k)) / real
		accel, gyro := motion(s)
		for i, v := range values[b.width*k : b.width*(k+1)] {
			want, lsb := accel[i%3], p.lsb
			if i >= 3 {
				want, lsb = gyro[i%3]*math.Pi/180, p.gyroLSB
			}
			if math.Abs(float64(v)-want) > lsb {
				t.Fatalf("sample %d, channel %d: %v, want %v", k, i, v, want)
			}
		}
		if off := at.Sub(start).Seconds() - s; !at.IsZero() && math.Abs(off) > 2/p.rate && k > int(2*p.rate) {
			late++
		}
	}
	if late > 0 {
		t.Errorf("%d of %d times are off by more than two periods", late, len(times))
	}
	if pace := b.s.Pace(); math.Abs(pace.RateHz/real-1) > 0.002 && p.rate > 10 || pace.Jitter.Seconds() > 1/p.rate {
		t.Errorf("measured %+v, want %v Hz", pace, real)
	}
}

// TestOverrun: what the FIFO drops while nobody reads is counted.
func TestOverrun(t *testing.T) {
	for _, p := range parts() {
		if p.rate < 100 {
			continue
		}
		t.Run(p.String(), func(t *testing.T) { p.overrun(t) })
	}
}

func (p part) overrun(t *testing.T) {
	clock := haltest.NewClock()
	b, _ := p.on(t, clock)
	b.read(int(3 * p.rate)) // by then it knows the rate
	full := time.Duration(float64(b.s.model.fifo/2/b.s.plan.words) / p.rate * 1e9)
	for _, pause := range []time.Duration{full * 5 / 4, full * 3 / 2, 2 * full} {
		before, _, lost := b.read(64)
		if len(lost) > 0 {
			t.Errorf("lost without a pause: %v", lost)
		}
		clock.Advance(pause)
		after, _, lost := b.read(640)
		whole := append(before[len(before)-b.width:], after...)
		sum, jumps := uint64(0), 0
		for _, n := range lost {
			sum += n
		}
		for k := b.width; k < len(whole); k += b.width {
			jumps += (index(whole[k:]) - index(whole[k-b.width:]) - 1 + cycle) % cycle
		}
		if diff := int(sum) - jumps; sum == 0 || len(lost) != 1 || diff < -1 || diff > 1 {
			t.Errorf("%s: %d reported at %v, %d missing", pause, sum, lost, jumps)
		}
	}
}

// TestStarved: a reader that is kept away again and again, for longer than any
// FIFO bridges, between its reads or in the middle of one, still accounts for
// every sample.
func TestStarved(t *testing.T) {
	for _, p := range parts() {
		if p.rate < 100 {
			continue
		}
		for _, within := range []bool{false, true} {
			p.starved(t, within)
		}
	}
}

func (p part) starved(t *testing.T, within bool) {
	clock := haltest.NewClock()
	b, _ := p.on(t, clock)
	b.read(int(3 * p.rate))
	r := rand.New(rand.NewPCG(1, 2))
	pause := func() { clock.Advance(time.Duration(r.IntN(2000)) * time.Millisecond) }
	if within {
		b.fault(haltest.Faults{Pause: func() {
			if r.IntN(20) == 0 {
				pause()
			}
		}})
	}
	start, frames, lost, gaps := clock.Now(), 0, uint64(0), 0
	last := start
	length := 2 * time.Minute
	if testing.Short() {
		length = 30 * time.Second
	}
	for clock.Now().Sub(start) < length {
		if !within {
			pause()
		}
		for range r.IntN(4) {
			block, err := b.s.Read(t.Context(), b.buf)
			if err != nil {
				t.Fatalf("%s, within %v: %v", p, within, err)
			}
			frames, last = frames+block.Frames, clock.Now()
			if lost += block.Lost; block.Lost > 0 {
				gaps++
			}
		}
	}
	want := last.Sub(start).Seconds() * p.real()
	if off := float64(frames) + float64(lost) - want; math.Abs(off) > 4*p.rate+float64(gaps) { // what is pending at the end
		t.Errorf("%s, within %v: %d read, %d lost in %d gaps, of %.0f: %.0f off", p, within, frames, lost, gaps, want, off)
	}
}

// TestFaults: every fault ends in an error that says what is wrong, and when it
// is over the samples come again.
func TestFaults(t *testing.T) {
	unplugged := errors.New("no such device")
	for name, c := range map[string]struct {
		fault haltest.Faults
		bus   string
		want  string
	}{
		"absent":        {haltest.Faults{Absent: true}, "i2c-1", "no such device or address"},
		"absent on SPI": {haltest.Faults{Absent: true}, "spi0.0", "63 entries"},
		"stuck":         {haltest.Faults{Stuck: true}, "i2c-1", "holds a line low"},
		"stuck on SPI":  {haltest.Faults{Stuck: true}, "spi0.0", "no sample for"},
		"unplugged":     {haltest.Faults{Err: unplugged}, "spi0.0", "no such device"},
	} {
		clock := haltest.NewClock()
		chip := haltest.NewADXL345(clock.Now, 0, shake(800))
		w := haltest.Wiring{Bus: haltest.NewBus(), Port: haltest.NewPort(chip)}
		w.Bus.Attach(0x53, chip)
		b := open(t, Config{Model: "adxl345", Bus: c.bus, RateHz: 800}, clock, w)
		b.read(400)
		w.Bus.Fault(c.fault)
		w.Port.Fault(c.fault)
		if err := b.fails(); !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err := b.fails(); !errors.Is(err, hal.ErrAbsent) {
			t.Errorf("%s, opened again: %v", name, err)
		}
		w.Bus.Fault(haltest.Faults{})
		w.Port.Fault(haltest.Faults{})
		clock.Advance(time.Minute)
		if _, _, lost := b.read(400); len(lost) > 0 {
			t.Errorf("%s: healed, and lost %v", name, lost)
		}
	}
}

// TestFaultsOfAll: every chip survives every fault; a short read of two bytes
// is none for a chip that reads one.
func TestFaultsOfAll(t *testing.T) {
	for _, p := range parts() {
		for name, f := range map[string]haltest.Faults{"absent": {Absent: true}, "stuck": {Stuck: true}, "short": {Short: 1}, "gone": {Err: errors.New("gone")}} {
			clock := haltest.NewClock()
			b, _ := p.on(t, clock)
			b.read(int(2 * p.rate))
			b.fault(f)
			if name != "short" {
				if err := b.fails(); !errors.Is(err, hal.ErrAbsent) {
					t.Errorf("%s, %s: %v", p, name, err)
				}
			} else {
				for range 50 { // it may go on with wrong values, or fail
					_, _ = b.s.Read(t.Context(), b.buf)
				}
			}
			b.fault(haltest.Faults{})
			if _, err := b.s.Read(t.Context(), b.buf); err != nil {
				clock.Advance(time.Second)
			}
			b.read(int(2 * p.rate))
		}
	}
}

func (b *bench) fault(f haltest.Faults) {
	b.bus.Fault(f)
	if b.port != nil {
		b.port.Fault(f)
	}
}

// TestBrief: a failure or two in a row cost no more than the samples that the
// FIFO could not hold meanwhile.
func TestBrief(t *testing.T) {
	clock := haltest.NewClock()
	chip := haltest.NewADXL345(clock.Now, 0, shake(800))
	w := haltest.Wiring{Bus: haltest.NewBus()}
	w.Bus.Attach(0x53, chip)
	b := open(t, Config{Model: "adxl345", Bus: "i2c-1", RateHz: 800}, clock, w)
	b.read(800)
	for range 20 {
		w.Bus.Fault(haltest.Faults{Absent: true})
		_ = b.s.look(t.Context())
		w.Bus.Fault(haltest.Faults{})
		if _, _, lost := b.read(200); len(lost) > 0 {
			t.Fatalf("lost %v", lost)
		}
	}
}

// TestFlips: with one wrong bit in every 1997 bytes the drivers go on, and their
// count stays right: what is wrong is values.
func TestFlips(t *testing.T) {
	for _, p := range parts() {
		clock := haltest.NewClock()
		b, _ := p.on(t, clock)
		b.read(int(2 * p.rate))
		b.fault(haltest.Faults{FlipEvery: 1997})
		start, frames, lost, restarts := clock.Now(), 0, uint64(0), 0
		for clock.Now().Sub(start) < 30*time.Second {
			block, err := b.s.Read(t.Context(), b.buf)
			if err != nil {
				restarts++
			}
			frames, lost = frames+block.Frames, lost+block.Lost
		}
		want := 30 * p.real()
		if off := float64(frames) + float64(lost) - want; math.Abs(off) > 0.01*want+2 {
			t.Errorf("%s: %d frames and %d lost of %.0f, %d restarts", p, frames, lost, want, restarts)
		}
	}
}

// TestPowerLoss: a chip that comes back as from power-up is set up anew.
func TestPowerLoss(t *testing.T) {
	clock := haltest.NewClock()
	chip := haltest.NewADXL345(clock.Now, 0, shake(3200))
	b := open(t, Config{Model: "adxl345", Bus: "spi0.0", RateHz: 3200}, clock, haltest.Wiring{Port: haltest.NewPort(chip)})
	b.read(3200)
	chip.Reset()
	if err := b.fails(); !strings.Contains(err.Error(), "no sample for 5") {
		t.Error(err)
	}
	b.read(3200)
}

func TestBadConfig(t *testing.T) {
	for want, cfg := range map[string]Config{
		"there are adxl345":                  {Model: "adxl999", Bus: "i2c-1", RateHz: 100},
		"the nearest is 400":                 {Model: "adxl345", Bus: "i2c-1", RateHz: 500},
		"nearest is 800; it is faster on SP": {Model: "adxl345", Bus: "i2c-1", RateHz: 3200},
		"the nearest is 3200":                {Model: "adxl345", Bus: "spi0.0", RateHz: 8000},
		"the nearest is 6.25":                {Model: "adxl345", Bus: "spi0.0"},
		"it has [16 8 4 2]":                  {Model: "adxl345", Bus: "i2c-1", RateHz: 100, Range: 5},
		"it has accel_x, accel_y, accel_z":   {Model: "adxl345", Bus: "i2c-1", RateHz: 100, Channels: []string{"anglvel_x"}},
		"twice":                              {Model: "adxl345", Bus: "i2c-1", RateHz: 100, Channels: []string{"accel_x", "accel_x"}},
		"it has 0x53, 0x1d":                  {Model: "adxl345", Bus: "i2c-1", RateHz: 100, Address: 0x80},
		"want one such as i2c-1":             {Model: "adxl345", Bus: "/dev/i2c-1", RateHz: 100},
	} {
		if _, err := Open(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", cfg, err, want)
		}
	}
}

// TestWrongAddress: what was found on the bus is told.
func TestWrongAddress(t *testing.T) {
	clock := haltest.NewClock()
	w := haltest.Wiring{Bus: haltest.NewBus()}
	w.Bus.Attach(0x1d, haltest.NewADXL345(clock.Now, 0, shake(100)))
	b := open(t, Config{Model: "adxl345", Bus: "i2c-1", RateHz: 100}, clock, w)
	if err := b.fails(); !strings.Contains(err.Error(), "adxl345 on i2c-1, address 0x53: ") || !strings.HasSuffix(err.Error(), "on the bus: 0x1d") {
		t.Error(err)
	}
	w.Bus.Attach(0x1d, nil)
	if err := b.fails(); !strings.Contains(err.Error(), "nothing answers on the bus") {
		t.Error(err)
	}
	if err := b.s.Halt(); err != nil {
		t.Error(err)
	}
	if err := b.fails(); !errors.Is(err, hal.ErrHalted) {
		t.Error(err)
	}
}

// TestNothingAllocated: not by a sample, nor by a read.
func TestNothingAllocated(t *testing.T) {
	for _, name := range []string{"spi0.0", "i2c-1"} {
		chip := haltest.NewADXL345(time.Now, 0, shake(800))
		w := haltest.Wiring{Bus: haltest.NewBus(), Port: haltest.NewPort(chip)}
		w.Bus.Attach(0x53, chip)
		b := open(t, Config{Model: "adxl345", Bus: name, RateHz: 800}, nil, w)
		b.read(100)
		ctx := t.Context()
		if n := testing.AllocsPerRun(10, func() {
			if _, err := b.s.Read(ctx, b.buf); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%s: a read allocates %v times", name, n)
		}
	}
}
