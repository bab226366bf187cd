package haltest

import (
	"encoding/binary"
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"
)

// TestLSM6DS3: the FIFO's data sets come gyroscope first, its output registers
// follow each other in a ring, continuous mode drops the oldest and says so.
func TestLSM6DS3(t *testing.T) {
	const addr = 0x6a
	clock, b := NewClock(), NewBus()
	c := NewLSM6DS3(clock.Now, 0, func(s float64) (a, g [3]float64) {
		return [3]float64{s, -1, 0.5}, [3]float64{70, 0, -245}
	})
	b.Attach(addr, c)
	if r := readI2C(t, b, addr, 0x0f, 1)[0]; r != 0x69 {
		t.Fatalf("WHO_AM_I %#x", r)
	}
	writeI2C(t, b, addr, 0x06, 60, 0)      // threshold of 10 samples
	writeI2C(t, b, addr, 0x08, 0x09)       // both, not decimated
	writeI2C(t, b, addr, 0x0a, 4<<3|6)     // 104 Hz, continuous
	writeI2C(t, b, addr, 0x0d, 0x08)       // threshold on INT1
	writeI2C(t, b, addr, 0x10, 0x48, 0x40) // 104 Hz, 4 g; 104 Hz, 245 °/s
	clock.Advance(90 * time.Millisecond)   // 9
	if c.Int1() != gpio.Low {
		t.Error("early")
	}
	clock.Advance(10 * time.Millisecond) // 10
	if c.Int1() != gpio.High {
		t.Error("no interrupt at the threshold")
	}
	if s := readI2C(t, b, addr, 0x3a, 2); s[0] != 60 || s[1] != 0x80 {
		t.Errorf("status % x", s)
	}
	r := readI2C(t, b, addr, 0x3e, 24)
	word := func(i int) int16 { return int16(binary.LittleEndian.Uint16(r[2*i:])) }
	if word(0) != 8000 || word(2) != -28000 || word(3) != 79 || word(4) != -8197 || word(5) != 4098 || word(9) != 158 {
		t.Errorf("% x", r)
	}
	clock.Advance(time.Minute)
	if s := readI2C(t, b, addr, 0x3a, 2); s[1]&0x60 != 0x60 {
		t.Errorf("overrun: status % x", s)
	}
	writeI2C(t, b, addr, 0x0a, 0)
	if s := readI2C(t, b, addr, 0x3a, 2); s[0] != 0 || s[1] != 0x10 {
		t.Errorf("after bypass: status % x", s)
	}
}
