package haltest

import (
	"math"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/devices/v3/adxl345"
)

// ramp counts samples at rateHz in the x axis, in LSBs of 1/256 g.
func ramp(rateHz float64) Motion {
	return func(s float64) (a, g [3]float64) {
		a[0] = math.Round(s*rateHz) / 256
		return a, g
	}
}

func readI2C(t *testing.T, b *Bus, addr uint16, reg byte, n int) []byte {
	t.Helper()
	r := make([]byte, n)
	if err := b.Tx(addr, []byte{reg}, r); err != nil {
		t.Fatal(err)
	}
	return r
}

func writeI2C(t *testing.T, b *Bus, addr uint16, w ...byte) {
	t.Helper()
	if err := b.Tx(addr, w, nil); err != nil {
		t.Fatal(err)
	}
}

// TestADXL345FIFO: the stream holds the latest 33, the oldest first, and tells
// when some were lost.
func TestADXL345FIFO(t *testing.T) {
	clock, b := NewClock(), NewBus()
	c := NewADXL345(clock.Now, 0, ramp(100))
	b.Attach(0x53, c)
	if id := readI2C(t, b, 0x53, 0, 1)[0]; id != 0xe5 {
		t.Fatalf("id %#x", id)
	}
	writeI2C(t, b, 0x53, 0x31, 0x0b)       // full resolution, 16 g
	writeI2C(t, b, 0x53, 0x38, 0x80|10)    // stream, watermark 10
	writeI2C(t, b, 0x53, 0x2e, 0x02)       // INT1 on the watermark
	writeI2C(t, b, 0x53, 0x2c, 0x0a, 0x08) // 100 Hz, measure
	clock.Advance(95 * time.Millisecond)
	if c.Int1() != gpio.Low || readI2C(t, b, 0x53, 0x39, 1)[0] != 9 {
		t.Errorf("9 samples: INT1 %v, status %d", c.Int1(), readI2C(t, b, 0x53, 0x39, 1)[0])
	}
	clock.Advance(10 * time.Millisecond)
	if c.Int1() != gpio.High {
		t.Error("no interrupt at the watermark")
	}
	for want := byte(1); want <= 10; want++ {
		if r := readI2C(t, b, 0x53, 0x32, 6); r[0] != want {
			t.Fatalf("sample %d: % x", want, r)
		}
	}
	if r := readI2C(t, b, 0x53, 0x32, 6); r[0] != 10 {
		t.Errorf("an empty FIFO changed its last sample: % x", r)
	}
	clock.Advance(time.Second) // 100 more, 67 are lost
	if r := readI2C(t, b, 0x53, 0x30, 1)[0]; r&1 == 0 {
		t.Errorf("no overrun: %#x", r)
	}
	if r := readI2C(t, b, 0x53, 0x32, 8); r[0] != 110-32 || r[7] != 32 {
		t.Errorf("the oldest left: % x", r)
	}
}

// TestADXL345UpperRates: from 1600 Hz on the last bit is 0, and the range clips.
func TestADXL345UpperRates(t *testing.T) {
	clock, b := NewClock(), NewBus()
	b.Attach(0x53, NewADXL345(clock.Now, 0, func(float64) (a, g [3]float64) { return [3]float64{3.0 / 256, -20, 20}, g }))
	writeI2C(t, b, 0x53, 0x31, 0x0b)
	writeI2C(t, b, 0x53, 0x2c, 0x0f, 0x08)
	clock.Advance(time.Second)
	r := readI2C(t, b, 0x53, 0x32, 6)
	if x, y, z := int16(r[0])|int16(r[1])<<8, int16(r[2])|int16(r[3])<<8, int16(r[4])|int16(r[5])<<8; x != 4 || y != -4096 || z != 4095 {
		t.Errorf("%d %d %d", x, y, z)
	}
}

// TestADXL345Periph: periph's driver knows the chip on SPI, switches it on and
// reads its registers. Its Update is not asked: it shifts the high byte of every
// axis out of an int16.
func TestADXL345Periph(t *testing.T) {
	clock := NewClock()
	c := NewADXL345(clock.Now, 0, func(float64) (a, g [3]float64) { return [3]float64{1, -0.5, 0.25}, g })
	d, err := adxl345.NewSpi(NewPort(c), &adxl345.Opts{ExpectedDeviceID: 0xe5, Sensitivity: adxl345.S4G})
	if err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Second)
	reg := func(a byte) byte {
		v, err := d.Read(a)
		if err != nil {
			t.Fatal(err)
		}
		return byte(uint16(v) >> 8)
	}
	if reg(adxl345.DataFormat) != 1 || reg(adxl345.PowerCtl) != 8 {
		t.Errorf("format %#x, power %#x", reg(adxl345.DataFormat), reg(adxl345.PowerCtl))
	}
	for i, want := range []int16{256, -128, 64} {
		low, high := reg(byte(0x32+2*i)), reg(byte(0x33+2*i))
		if v := int16(low) | int16(high)<<8; v != want {
			t.Errorf("axis %d: %d, want %d", i, v, want)
		}
	}
}

// TestBusFaults: each fault is what a driver would see of it.
func TestBusFaults(t *testing.T) {
	clock, b := NewClock(), NewBus()
	b.Attach(0x53, NewADXL345(clock.Now, 0, ramp(100)))
	r := make([]byte, 3)
	for _, f := range []Faults{{Absent: true}, {Stuck: true}} {
		b.Fault(f)
		if err := b.Tx(0x53, []byte{0}, r); err == nil {
			t.Errorf("%+v: no error", f)
		}
	}
	b.Fault(Faults{Short: 1})
	if err := b.Tx(0x53, []byte{0x1d}, r); err != nil || r[0] != 0 || r[1] != 0xff || r[2] != 0xff {
		t.Errorf("short: % x, %v", r, err)
	}
	b.Fault(Faults{FlipEvery: 4})
	wrong := 0
	for range 8 {
		if readI2C(t, b, 0x53, 0, 1)[0] != 0xe5 {
			wrong++
		}
	}
	if wrong != 2 {
		t.Errorf("%d of 8 bytes are wrong, want 2", wrong)
	}
	if err := NewBus().Tx(0x53, nil, r); err == nil {
		t.Error("an empty bus answers")
	}
}
