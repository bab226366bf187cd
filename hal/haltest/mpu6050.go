package haltest

import (
	"encoding/binary"
	"math"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"
)

// Registers of the MPU-6050.
const (
	mpuDivider   = 0x19
	mpuConfig    = 0x1a
	mpuGyro      = 0x1b
	mpuAccel     = 0x1c
	mpuFIFOEn    = 0x23
	mpuIntEnable = 0x38
	mpuIntStatus = 0x3a
	mpuData      = 0x3b // acceleration, temperature, rotation: 14 registers
	mpuUser      = 0x6a
	mpuPower     = 0x6b
	mpuCount     = 0x72
	mpuFIFO      = 0x74
	mpuID        = 0x75
)

// MPU6050 is InvenSense's accelerometer and gyroscope: MPU-6000/MPU-6050
// Register Map and Descriptions RM-MPU-6000A-00 Rev. 4.2, map p. 6-8, FIFO count
// p. 43, FIFO p. 44. Not modelled: self test, cycles, the auxiliary bus, standby
// of single axes, filters.
type MPU6050 struct {
	mu     sync.Mutex
	regs   [128]byte
	ptr    byte
	motion Motion
	skew   float64
	conv   sampler
	fifo   byteFIFO
	count  [2]byte // what the count's registers show
	ready  bool    // data-ready flag of INT_STATUS
	flow   bool    // overflow flag
	last   byte    // what an empty FIFO reads as
}

// NewMPU6050 returns a chip after power-up: asleep.
func NewMPU6050(now func() time.Time, skew float64, motion Motion) *MPU6050 {
	c := &MPU6050{motion: motion, skew: skew, conv: sampler{now: now}, fifo: byteFIFO{ring: make([]byte, 1024)}}
	c.reset()
	return c
}

// Reset is a loss of power.
func (c *MPU6050) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reset()
}

func (c *MPU6050) reset() {
	c.regs = [128]byte{mpuPower: 0x40, mpuID: 0x68}
	c.fifo.clear()
	c.count, c.ready, c.flow = [2]byte{}, false, false
	c.conv.run(0)
}

// Int is the level of the pin INT, active high and pulsed longer than anybody
// looks away.
func (c *MPU6050) Int() gpio.Level {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fill()
	return gpio.Level(c.status()&c.regs[mpuIntEnable] != 0)
}

func (c *MPU6050) status() (s byte) {
	if c.ready {
		s |= 0x01
	}
	if c.flow {
		s |= 0x10
	}
	return s
}

func (c *MPU6050) fill() {
	due := c.conv.due()
	for k := c.conv.taken - due; k < c.conv.taken; k++ {
		c.convert(float64(k+1) / c.conv.rateHz)
		c.ready = true
		if c.regs[mpuUser]&0x40 != 0 {
			c.store()
		}
	}
}

// convert fills the data registers, high bytes first.
func (c *MPU6050) convert(seconds float64) {
	a, g := c.motion(seconds)
	aLSB := 16384 / float64(int(1)<<(c.regs[mpuAccel]>>3&3))
	gLSB := 131.072 / float64(int(1)<<(c.regs[mpuGyro]>>3&3))
	for i := range 3 {
		put := func(at int, v float64) {
			binary.BigEndian.PutUint16(c.regs[mpuData+at:], uint16(int16(min(max(math.Round(v), -32768), 32767))))
		}
		put(2*i, a[i]*aLSB)
		put(8+2*i, g[i]*gLSB)
	}
}

// store writes what FIFO_EN asks for, in the order of registers (p. 44).
func (c *MPU6050) store() {
	en := c.regs[mpuFIFOEn]
	for _, part := range []struct {
		bit      byte
		at, size int
	}{{0x08, 0, 6}, {0x80, 6, 2}, {0x40, 8, 2}, {0x20, 10, 2}, {0x10, 12, 2}} {
		if en&part.bit == 0 {
			continue
		}
		for _, v := range c.regs[mpuData+part.at : mpuData+part.at+part.size] {
			c.fifo.push(v)
		}
	}
	c.flow = c.flow || c.fifo.overran
	c.fifo.overran = false
}

func (c *MPU6050) get(reg byte) byte {
	reg &= 0x7f
	if c.regs[mpuPower]&0x40 == 0 {
		c.fill()
	}
	switch reg {
	case mpuIntStatus:
		s := c.status()
		c.ready, c.flow = false, false
		return s
	case mpuCount: // reading it loads both
		binary.BigEndian.PutUint16(c.count[:], uint16(c.fifo.n))
		return c.count[0]
	case mpuCount + 1:
		return c.count[1]
	case mpuFIFO:
		if v, ok := c.fifo.pop(); ok {
			c.last = v
		}
		return c.last
	}
	return c.regs[reg]
}

func (c *MPU6050) set(reg, v byte) {
	reg &= 0x7f
	c.fill()
	switch {
	case reg == mpuPower && v&0x80 != 0:
		c.reset()
		return
	case reg == mpuUser && v&0x04 != 0:
		c.fifo.clear()
		v &^= 0x04 // clears itself
	case reg == mpuID || reg == mpuIntStatus || reg >= mpuData && reg < mpuData+14 || reg == mpuCount || reg == mpuCount+1:
		return
	}
	c.regs[reg] = v
	if reg == mpuDivider || reg == mpuConfig || reg == mpuPower {
		c.pace()
	}
}

// pace starts the converter: 8 kHz without the low-pass filter, else 1 kHz,
// divided. The accelerometer repeats itself above 1 kHz.
func (c *MPU6050) pace() {
	rate := 1000.0
	if dlpf := c.regs[mpuConfig] & 7; dlpf == 0 || dlpf == 7 {
		rate = 8000
	}
	if c.regs[mpuPower]&0x40 != 0 {
		rate = 0
	}
	c.conv.run(rate / float64(1+int(c.regs[mpuDivider])) * (1 + c.skew))
}

// Write implements Chip.
func (c *MPU6050) Write(w []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ptr = w[0]
	for _, v := range w[1:] {
		c.set(c.ptr, v)
		c.ptr++
	}
}

// Read implements Chip: the register goes on, except that of the FIFO.
func (c *MPU6050) Read(r []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range r {
		r[i] = c.get(c.ptr)
		if c.ptr != mpuFIFO {
			c.ptr++
		}
	}
}
