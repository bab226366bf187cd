package haltest

import (
	"math"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"
)

// ADS1115 is Texas Instruments' 16-bit converter: data sheet SBAS444E, Config
// register, "Data Format", "Conversion Ready Pin". Not modelled: the comparator
// beyond its use as conversion-ready pin, high-speed mode, the reset by general
// call.
type ADS1115 struct {
	mu    sync.Mutex
	now   func() time.Time
	skew  float64
	volts func(mux int, at time.Time) float64
	ptr   byte
	regs  [4]uint16 // conversion, config, low and high threshold
	busy  bool
	done  time.Time // end of the conversion under way
	ready bool      // one has ended since the pin was last looked at
}

// NewADS1115 returns a chip after power-up. volts is the voltage between the
// inputs that a code of MUX chooses. A conversion takes 1/DR * (1 + skew); the
// data sheet allows 10 %.
func NewADS1115(now func() time.Time, skew float64, volts func(mux int, at time.Time) float64) *ADS1115 {
	return &ADS1115{now: now, skew: skew, volts: volts, regs: [4]uint16{0, 0x8583, 0x8000, 0x7fff}}
}

// Ready is the level of ALERT/RDY, which falls for a moment after a conversion
// where it is set up for that; a fall is told once.
func (c *ADS1115) Ready() gpio.Level {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance()
	fell := c.ready && c.regs[2]>>15 == 0 && c.regs[3]>>15 == 1 && c.regs[1]&3 != 3
	c.ready = false
	return gpio.Level(!fell)
}

func (c *ADS1115) continuous() bool { return c.regs[1]>>8&1 == 0 }

func (c *ADS1115) period() time.Duration {
	rate := [8]float64{8, 16, 32, 64, 128, 250, 475, 860}[c.regs[1]>>5&7]
	return time.Duration((1 + c.skew) / rate * 1e9)
}

func (c *ADS1115) advance() {
	now := c.now()
	for c.busy && !now.Before(c.done) {
		span := [8]float64{6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256}[c.regs[1]>>9&7]
		v := math.Round(c.volts(int(c.regs[1]>>12&7), c.done) / span * 32768)
		c.regs[0] = uint16(int16(min(max(v, -32768), 32767)))
		c.ready = true
		if c.busy = c.continuous(); c.busy {
			c.done = c.done.Add(c.period())
		}
	}
}

// Write implements Chip: the pointer, then a register high byte first.
func (c *ADS1115) Write(w []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance()
	c.ptr = w[0] & 3
	if len(w) < 3 || c.ptr == 0 {
		return
	}
	v := uint16(w[1])<<8 | uint16(w[2])
	if c.ptr != 1 {
		c.regs[c.ptr] = v
		return
	}
	start := v>>15 == 1 && !c.busy
	c.regs[1] = v &^ 0x8000
	if start || c.continuous() {
		c.busy, c.done = true, c.now().Add(c.period())
	}
}

// Read implements Chip: the register pointed at, again and again.
func (c *ADS1115) Read(r []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance()
	v := c.regs[c.ptr]
	if c.ptr == 1 && !c.busy {
		v |= 0x8000
	}
	for i := range r {
		r[i] = byte(v >> (8 * (1 - i%2)))
	}
}
