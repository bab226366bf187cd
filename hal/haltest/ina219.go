package haltest

import "sync"

// INA219 is Texas Instruments' current and power monitor: data sheet SBOS448G,
// section 8.6 "Register Maps", 8.5 "Programming". Not modelled: averaging,
// conversion times, single shots.
type INA219 struct {
	mu   sync.Mutex
	regs [6]uint16 // configuration, shunt, bus, power, current, calibration
	ptr  byte
}

// NewINA219 returns a chip after power-up.
func NewINA219() *INA219 { return &INA219{regs: [6]uint16{0: 0x399f}} }

// Load is what hangs on it: volts at the bus and over the shunt.
func (c *INA219) Load(busV, shuntV float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.regs[1] = uint16(int16(shuntV / 10e-6))
	c.regs[2] = uint16(busV/4e-3)<<3 | 2 // conversion ready
}

// Write implements Chip.
func (c *INA219) Write(w []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ptr = w[0]
	if len(w) == 3 && (c.ptr == 0 || c.ptr == 5) {
		c.regs[c.ptr] = uint16(w[1])<<8 | uint16(w[2])
	}
}

// Read implements Chip.
func (c *INA219) Read(r []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	current := int64(int16(c.regs[1])) * int64(c.regs[5]&^1) / 4096
	c.regs[4] = uint16(int16(current))
	c.regs[3] = uint16(max(current, -current) * int64(c.regs[2]>>3) / 5000)
	for i := range r {
		v := uint16(0xffff)
		if int(c.ptr) < len(c.regs) {
			v = c.regs[c.ptr]
		}
		r[i] = byte(v >> (8 * (1 - i%2)))
	}
}
