package haltest

import (
	"math"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

// Registers of the LSM6DS3.
const (
	lsmFIFO1   = 0x06 // and 07: threshold
	lsmFIFO3   = 0x08 // decimation
	lsmFIFO5   = 0x0a // rate and mode
	lsmInt1    = 0x0d
	lsmID      = 0x0f
	lsmAccel   = 0x10
	lsmGyro    = 0x11
	lsmControl = 0x12
	lsmStatus  = 0x1e
	lsmOutG    = 0x22
	lsmOutXL   = 0x28
	lsmFIFOSt1 = 0x3a
	lsmFIFOOut = 0x3e
	lsmWords   = 4096 // of 16 bits in the FIFO
)

// LSM6DS3 is ST's accelerometer and gyroscope: data sheet DocID026899 Rev. 8,
// section 5.5 "FIFO" and the register descriptions; AN4650 DocID027415 section 8.
// Not modelled: FIFO modes other than bypass, FIFO and continuous, decimation
// other than none, the hub, the pedometer, events, filters, self test.
type LSM6DS3 struct {
	mu     sync.Mutex
	regs   [128]byte
	ptr    byte
	motion Motion
	skew   float64
	conv   sampler
	fifo   byteFIFO
	sets   int // bytes of a sample in the FIFO
}

// NewLSM6DS3 returns a chip after power-up: converters off.
func NewLSM6DS3(now func() time.Time, skew float64, motion Motion) *LSM6DS3 {
	c := &LSM6DS3{motion: motion, skew: skew, conv: sampler{now: now}, fifo: byteFIFO{ring: make([]byte, 2*lsmWords)}}
	c.reset()
	return c
}

// Reset is a loss of power.
func (c *LSM6DS3) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reset()
}

func (c *LSM6DS3) reset() {
	c.regs = [128]byte{lsmID: 0x69, lsmControl: 0x04, 0x18: 0x38, 0x19: 0x38}
	c.fifo.clear()
	c.conv.run(0)
}

// Int1 is the level of pin INT1: FIFO threshold (bit 3), overrun (bit 4) and
// full (bit 5) of INT1_CTRL, or acceleration data ready (bit 0).
func (c *LSM6DS3) Int1() gpio.Level {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fill()
	s := c.fifoStatus2()
	on := c.regs[lsmInt1]&0x08 != 0 && s&0x80 != 0 || c.regs[lsmInt1]&0x10 != 0 && s&0x40 != 0 || c.regs[lsmInt1]&0x01 != 0 && c.regs[lsmStatus]&1 != 0
	return gpio.Level(on)
}

func (c *LSM6DS3) fifoStatus2() byte {
	words := c.fifo.n / 2
	s := byte(min(words, lsmWords-1) >> 8 & 0x0f)
	if mark := int(c.regs[lsmFIFO1]) | int(c.regs[lsmFIFO1+1]&0x0f)<<8; mark > 0 && words >= mark {
		s |= 0x80
	}
	if c.fifo.overran {
		s |= 0x40
	}
	if words >= lsmWords-1 {
		s |= 0x20
	}
	if words == 0 {
		s |= 0x10
	}
	return s
}

// lsmRate is the rate of a code of ODR: 6.66 kHz, halved for each one less.
func lsmRate(code byte) float64 {
	if code == 0 || code > 10 {
		return 0
	}
	return 6660 * math.Exp2(float64(code)-10)
}

func (c *LSM6DS3) fill() {
	due := c.conv.due()
	for k := c.conv.taken - due; k < c.conv.taken; k++ {
		c.convert(float64(k+1) / c.conv.rateHz)
		if mode := c.regs[lsmFIFO5] & 7; mode == 6 || mode == 1 && c.fifo.n+c.sets <= len(c.fifo.ring) {
			c.store()
		}
	}
}

// convert fills the output registers, low bytes first; a converter that is off
// leaves its own as they are.
func (c *LSM6DS3) convert(seconds float64) {
	a, g := c.motion(seconds)
	mg := [4]float64{0.061, 0.488, 0.122, 0.244}[c.regs[lsmAccel]>>2&3]
	mdps := 8.75 * math.Exp2(float64(c.regs[lsmGyro]>>2&3))
	if c.regs[lsmGyro]&0x02 != 0 {
		mdps = 4.375
	}
	put := func(at int, v float64) {
		w := uint16(int16(min(max(math.Round(v), -32768), 32767)))
		c.regs[at], c.regs[at+1] = byte(w), byte(w>>8)
	}
	for i := range 3 {
		if c.regs[lsmAccel]>>4 != 0 {
			put(lsmOutXL+2*i, a[i]*1000/mg)
		}
		if c.regs[lsmGyro]>>4 != 0 {
			put(lsmOutG+2*i, g[i]*1000/mdps)
		}
	}
	c.regs[lsmStatus] = 0x03
}

// store writes the data sets that FIFO_CTRL3 asks for: the gyroscope's first.
func (c *LSM6DS3) store() {
	c.sets = 0
	for _, set := range []struct {
		on bool
		at int
	}{{c.regs[lsmFIFO3]>>3&7 == 1, lsmOutG}, {c.regs[lsmFIFO3]&7 == 1, lsmOutXL}} {
		if set.on {
			c.sets += 6
			for _, v := range c.regs[set.at : set.at+6] {
				c.fifo.push(v)
			}
		}
	}
}

func (c *LSM6DS3) get(reg byte) byte {
	reg &= 0x7f
	switch {
	case reg == lsmFIFOSt1:
		return byte(min(c.fifo.n/2, lsmWords-1))
	case reg == lsmFIFOSt1+1:
		return c.fifoStatus2()
	case reg == lsmFIFOOut || reg == lsmFIFOOut+1:
		v, _ := c.fifo.pop()
		c.fifo.overran = false
		return v
	case reg >= lsmOutG && reg < lsmOutXL+6:
		c.regs[lsmStatus] = 0
	}
	return c.regs[reg]
}

func (c *LSM6DS3) set(reg, v byte) {
	reg &= 0x7f
	switch {
	case reg == lsmControl && v&0x01 != 0:
		c.reset()
		return
	case reg == lsmID || reg == lsmStatus || reg >= lsmOutG && reg < lsmOutXL+6 || reg >= lsmFIFOSt1 && reg <= lsmFIFOOut+1:
		return
	case reg == lsmFIFO5 && v&7 == 0:
		c.fifo.clear()
	}
	c.regs[reg] = v
	if reg == lsmAccel || reg == lsmGyro {
		c.conv.run(max(lsmRate(c.regs[lsmAccel]>>4), lsmRate(c.regs[lsmGyro]>>4)) * (1 + c.skew))
	}
}

// next is the register after one: with IF_INC the next, but the FIFO's two
// output registers follow each other in a ring.
func (c *LSM6DS3) next(reg byte) byte {
	switch {
	case c.regs[lsmControl]&0x04 == 0:
		return reg
	case reg == lsmFIFOOut+1:
		return lsmFIFOOut
	}
	return reg + 1
}

// Write implements Chip.
func (c *LSM6DS3) Write(w []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fill()
	c.ptr = w[0]
	for _, v := range w[1:] {
		c.set(c.ptr, v)
		c.ptr = c.next(c.ptr)
	}
}

// Read implements Chip.
func (c *LSM6DS3) Read(r []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fill()
	for i := range r {
		r[i] = c.get(c.ptr)
		c.ptr = c.next(c.ptr)
	}
}

// Limits implements Slave.
func (c *LSM6DS3) Limits() (physic.Frequency, spi.Mode) { return 10 * physic.MegaHertz, spi.Mode3 }

// Frame implements Slave: read bit and register, then data.
func (c *LSM6DS3) Frame(w, r []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fill()
	reg := w[0] & 0x7f
	for i := 1; i < len(w); i++ {
		if w[0]&0x80 != 0 {
			r[i] = c.get(reg)
		} else {
			c.set(reg, w[i])
		}
		reg = c.next(reg)
	}
}
