package haltest

import (
	"math"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

// Motion is what an inertial chip goes through at a time since its converter
// started: acceleration in g, rotation in degrees a second.
type Motion func(seconds float64) (accel, gyro [3]float64)

// Registers of the ADXL345.
const (
	adxlID         = 0x00
	adxlRate       = 0x2c
	adxlPower      = 0x2d
	adxlIntEnable  = 0x2e
	adxlIntSource  = 0x30
	adxlFormat     = 0x31
	adxlData       = 0x32
	adxlFIFO       = 0x38
	adxlFIFOStatus = 0x39
	adxlDepth      = 32 // entries of the FIFO; one more waits at the output
)

// ADXL345 is Analog Devices' 3-axis accelerometer: data sheet ADXL345 Rev. E,
// SPI p. 15-17, I2C p. 18-19, "FIFO", "Register map" and "Register definitions",
// upper data rates p. 32. Not modelled: taps, activity, free fall, trigger mode,
// 10-bit and left-justified formats, low power, sleep.
type ADXL345 struct {
	mu      sync.Mutex
	regs    [64]byte
	ptr     byte
	motion  Motion
	skew    float64
	conv    sampler
	queue   [adxlDepth + 1][3]int16 // ring; the oldest is in the data registers
	head, n int
	last    [3]int16 // what the data registers keep when nothing waits
	overrun bool
	popping bool // a data register was read since the last sample was taken away
}

// NewADXL345 returns a chip after power-up. Its clock runs off by skew, for
// example 0.01 for 1 % fast; now is time.Now or a Clock's.
func NewADXL345(now func() time.Time, skew float64, motion Motion) *ADXL345 {
	c := &ADXL345{motion: motion, skew: skew, conv: sampler{now: now}}
	c.reset()
	return c
}

// Reset is a loss of power.
func (c *ADXL345) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reset()
}

func (c *ADXL345) reset() {
	c.regs = [64]byte{adxlID: 0xe5, adxlRate: 0x0a, adxlIntSource: 0x02}
	c.n, c.last, c.overrun, c.popping = 0, [3]int16{}, false, false
	c.conv.run(0)
}

// Int1 is the level of pin INT1 as far as INT_MAP leaves everything there.
func (c *ADXL345) Int1() gpio.Level {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fill()
	return gpio.Level(c.source()&c.regs[adxlIntEnable] != 0)
}

// source is INT_SOURCE: data ready (D7), watermark (D1), overrun (D0).
func (c *ADXL345) source() (s byte) {
	if c.n > 0 {
		s |= 0x80
	}
	if mark := int(c.regs[adxlFIFO] & 0x1f); c.streams() && c.n >= mark {
		s |= 0x02
	}
	if c.overrun {
		s |= 0x01
	}
	return s
}

func (c *ADXL345) streams() bool { return c.regs[adxlFIFO]>>6 != 0 }

// fill takes the samples that are due.
func (c *ADXL345) fill() {
	due := c.conv.due()
	for k := c.conv.taken - due; k < c.conv.taken; k++ {
		c.push(c.sample(float64(k+1) / c.conv.rateHz))
	}
}

func (c *ADXL345) push(s [3]int16) {
	room := 1
	if c.streams() {
		room = len(c.queue)
	}
	if c.n >= room {
		c.overrun = true
		if c.regs[adxlFIFO]>>6 == 1 { // FIFO mode stops
			return
		}
		c.head, c.n = (c.head+1)%len(c.queue), c.n-1
	}
	c.queue[(c.head+c.n)%len(c.queue)] = s
	c.n++
}

// sample converts: 256 LSB/g at full resolution, clipped to the range; above
// 800 Hz the last bit is 0 (p. 32).
func (c *ADXL345) sample(seconds float64) (s [3]int16) {
	g, _ := c.motion(seconds)
	limit := float64(int(512) << (c.regs[adxlFormat] & 3))
	for i := range s {
		v := math.Round(g[i] * 256)
		if c.regs[adxlRate]&0x0f >= 0x0e {
			v = 2 * math.Round(g[i]*128)
		}
		s[i] = int16(min(max(v, -limit), limit-1))
	}
	return s
}

// get reads a register.
func (c *ADXL345) get(reg byte) byte {
	reg &= 0x3f
	c.settle(reg)
	switch {
	case reg == adxlIntSource:
		return c.source()
	case reg == adxlFIFOStatus:
		if !c.streams() {
			return 0
		}
		return byte(min(c.n, adxlDepth))
	case reg >= adxlData && reg < adxlData+6:
		if c.n > 0 {
			c.last = c.queue[c.head]
			c.popping = true
		}
		c.overrun = false
		v := uint16(c.last[(reg-adxlData)/2])
		return byte(v >> (8 * ((reg - adxlData) % 2)))
	}
	return c.regs[reg]
}

// settle takes the oldest sample away once the registers of data are left.
func (c *ADXL345) settle(next byte) {
	if c.popping && (next < adxlData || next >= adxlData+6) {
		c.popping = false
		c.head, c.n = (c.head+1)%len(c.queue), c.n-1
	}
}

func (c *ADXL345) set(reg, v byte) {
	reg &= 0x3f
	switch {
	case reg == adxlID || reg == adxlIntSource || reg == adxlFIFOStatus || reg >= adxlData && reg < adxlData+6:
		return // read only
	case reg == adxlFIFO && v>>6 == 0:
		c.n = 0
	}
	was := c.regs[reg]
	c.regs[reg] = v
	if reg == adxlRate || reg == adxlPower && was != v {
		rate := 0.0
		if c.regs[adxlPower]&0x08 != 0 {
			rate = 3200 * math.Exp2(float64(c.regs[adxlRate]&0x0f)-15) * (1 + c.skew)
		}
		c.conv.run(rate)
	}
}

// Write implements Chip: a register, then values for it and the next ones.
func (c *ADXL345) Write(w []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fill()
	c.ptr = w[0]
	for _, v := range w[1:] {
		c.set(c.ptr, v)
		c.ptr++
	}
}

// Read implements Chip.
func (c *ADXL345) Read(r []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fill()
	for i := range r {
		r[i] = c.get(c.ptr)
		c.ptr++
	}
	c.settle(c.ptr)
}

// Limits implements Slave (p. 15, 17).
func (c *ADXL345) Limits() (physic.Frequency, spi.Mode) { return 5 * physic.MegaHertz, spi.Mode3 }

// Frame implements Slave: read bit, multiple-byte bit, register; then data.
func (c *ADXL345) Frame(w, r []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fill()
	reg := w[0] & 0x3f
	for i := 1; i < len(w); i++ {
		if w[0]&0x80 != 0 {
			r[i] = c.get(reg)
		} else {
			c.set(reg, w[i])
		}
		if w[0]&0x40 != 0 {
			reg++
		}
	}
	c.settle(0) // chip select goes high
}
