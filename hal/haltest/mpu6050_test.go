package haltest

import (
	"encoding/binary"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"
)

// TestMPU6050: asleep after power-up; the FIFO holds bytes in the order of the
// registers, tells its overflow once, and keeps the latest 1024.
func TestMPU6050(t *testing.T) {
	const addr = 0x68
	clock, b := NewClock(), NewBus()
	c := NewMPU6050(clock.Now, 0, func(s float64) (a, g [3]float64) {
		return [3]float64{s, -1, 0.5}, [3]float64{100, 0, -250}
	})
	b.Attach(addr, c)
	if r := readI2C(t, b, addr, 0x6b, 1)[0]; r != 0x40 {
		t.Fatalf("PWR_MGMT_1 %#x", r)
	}
	clock.Advance(time.Second)
	if r := readI2C(t, b, addr, 0x3b, 6); r[0] != 0 || r[2] != 0 {
		t.Errorf("it converts asleep: % x", r)
	}
	writeI2C(t, b, addr, 0x19, 9, 1)    // 100 Hz
	writeI2C(t, b, addr, 0x1b, 0, 1<<3) // 250 °/s, 4 g
	writeI2C(t, b, addr, 0x23, 0x78)
	writeI2C(t, b, addr, 0x38, 0x01)
	writeI2C(t, b, addr, 0x6a, 0x44)
	writeI2C(t, b, addr, 0x6b, 0x01)
	clock.Advance(105 * time.Millisecond)
	if n := binary.BigEndian.Uint16(readI2C(t, b, addr, 0x72, 2)); n != 120 {
		t.Fatalf("%d bytes of 10 samples", n)
	}
	if c.Int() != gpio.High {
		t.Error("no data-ready interrupt")
	}
	r := readI2C(t, b, addr, 0x74, 24)
	word := func(i int) int16 { return int16(binary.BigEndian.Uint16(r[2*i:])) }
	if word(0) != 82 || word(1) != -8192 || word(2) != 4096 || word(3) != 13107 || word(5) != -32768 || word(6) != 164 {
		t.Errorf("% x", r)
	}
	if s := readI2C(t, b, addr, 0x3a, 1)[0]; s != 0x01 {
		t.Errorf("status %#x", s)
	}
	clock.Advance(time.Second)
	if n := binary.BigEndian.Uint16(readI2C(t, b, addr, 0x72, 2)); n != 1024 {
		t.Errorf("%d bytes in a full FIFO", n)
	}
	if s, again := readI2C(t, b, addr, 0x3a, 1)[0], readI2C(t, b, addr, 0x3a, 1)[0]; s&0x10 == 0 || again != 0 {
		t.Errorf("overflow: status %#x, then %#x", s, again)
	}
	writeI2C(t, b, addr, 0x6a, 0x44)
	if n := binary.BigEndian.Uint16(readI2C(t, b, addr, 0x72, 2)); n != 0 {
		t.Errorf("%d bytes after a reset of the FIFO", n)
	}
}
