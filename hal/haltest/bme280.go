package haltest

import (
	"encoding/binary"
	"sync"
	"time"
)

// Registers of the BME280.
const (
	bmeTrim    = 0x88 // temperature, pressure, first humidity
	bmeID      = 0xd0
	bmeReset   = 0xe0
	bmeTrimH   = 0xe1
	bmeHumid   = 0xf2
	bmeState   = 0xf3
	bmeMeasure = 0xf4
	bmeData    = 0xf7
)

// BME280 is Bosch's sensor of pressure, temperature and humidity: data sheet
// BST-BME280-DS002, memory map in section 5.3, trimming in section 4.2.2. Its
// trimming of temperature and pressure and what it reads are those of the worked
// example of the BMP280's data sheet (BST-BMP280-DS001, section 3.12): 25.08 °C
// and 100653 Pa. Not modelled: the filter, normal mode's standby.
type BME280 struct {
	mu   sync.Mutex
	now  func() time.Time
	regs [256]byte
	ptr  byte
	done time.Time // of the measurement under way
	Raw  [3]uint32 // pressure, temperature (20 bits) and humidity (16), of the next measurement
}

// NewBME280 returns a chip after power-up.
func NewBME280(now func() time.Time) *BME280 {
	c := &BME280{now: now, Raw: [3]uint32{415148, 519888, 29000}}
	for i, v := range []int32{27504, 26435, -1000, 36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000} {
		binary.LittleEndian.PutUint16(c.regs[bmeTrim+2*i:], uint16(v))
	}
	c.regs[0xa1] = 75                                             // H1
	copy(c.regs[bmeTrimH:], []byte{0x6a, 0x01, 0, 19, 12, 3, 30}) // H2 362, H3 0, H4 316, H5 48, H6 30
	c.regs[bmeID] = 0x60
	copy(c.regs[bmeData:], []byte{0x80, 0, 0, 0x80, 0, 0, 0x80, 0})
	return c
}

// settle ends a measurement whose time has come.
func (c *BME280) settle() {
	if c.regs[bmeState]&8 == 0 || c.now().Before(c.done) {
		return
	}
	c.regs[bmeState] &^= 8
	if mode := c.regs[bmeMeasure] & 3; mode == 1 || mode == 2 { // forced: back to sleep
		c.regs[bmeMeasure] &^= 3
	}
	for i := range 2 {
		at := c.regs[bmeData+3*i:]
		at[0], at[1], at[2] = byte(c.Raw[i]>>12), byte(c.Raw[i]>>4), byte(c.Raw[i]<<4)
	}
	binary.BigEndian.PutUint16(c.regs[bmeData+6:], uint16(c.Raw[2]))
}

// Write implements Chip: pairs of register and value.
func (c *BME280) Write(w []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	c.ptr = w[0]
	for ; len(w) >= 2; w = w[2:] {
		reg, v := w[0], w[1]
		switch {
		case reg == bmeReset && v == 0xb6:
			c.regs[bmeMeasure], c.regs[bmeHumid], c.regs[bmeState] = 0, 0, 0
		case reg == bmeHumid || reg == bmeMeasure || reg == bmeMeasure+1:
			c.regs[reg] = v
		}
		if reg == bmeMeasure && v&3 != 0 {
			c.regs[bmeState] |= 8
			over := func(code byte) time.Duration { return time.Duration(1<<min(code, 5)>>1) * 2 * time.Millisecond }
			c.done = c.now().Add(time.Millisecond + over(v>>5) + over(v>>2&7) + over(c.regs[bmeHumid]&7))
		}
	}
}

// Read implements Chip.
func (c *BME280) Read(r []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	for i := range r {
		r[i] = c.regs[c.ptr]
		c.ptr++
	}
}
