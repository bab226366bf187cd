package haltest

import (
	"sync"
	"time"
)

// HX711 is Avia Semiconductor's 24-bit converter of load cells, on two pins: data
// sheet HX711, "Serial Interface" and "Reset and Power-Down". Not modelled: the
// settling of four conversions after a change of gain.
type HX711 struct {
	mu      sync.Mutex
	now     func() time.Time
	rateHz  float64
	counts  func(channel byte, gain int) int32
	high    bool
	risen   time.Time
	pulses  int // since the conversion became ready
	shift   uint32
	gain    int
	channel byte
	next    time.Time // when the next conversion is ready
	asleep  bool
	Slips   int // how often it was put to sleep by a clock that stayed high
}

// NewHX711 returns a chip that is ready after its first conversion, on channel A
// with gain 128. Its rate is 10 or 80 Hz by a pin of its own.
func NewHX711(now func() time.Time, rateHz float64, counts func(channel byte, gain int) int32) *HX711 {
	c := &HX711{now: now, rateHz: rateHz, counts: counts}
	c.wake()
	return c
}

func (c *HX711) wake() {
	c.asleep, c.gain, c.channel, c.pulses = false, 128, 'A', 0
	c.next = c.now().Add(time.Duration(1e9 / c.rateHz))
}

// sleeps notices a clock that has been high for 60 µs.
func (c *HX711) sleeps() {
	if c.high && !c.asleep && c.now().Sub(c.risen) > 60*time.Microsecond {
		c.asleep = true
		c.Slips++
	}
}

// Clock sets PD_SCK.
func (c *HX711) Clock(high bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sleeps()
	switch {
	case high && !c.high:
		c.risen = c.now()
		if c.pulses == 0 {
			c.shift = uint32(c.counts(c.channel, c.gain)) << 8
		}
		c.pulses++
	case !high && c.high && c.asleep:
		c.wake()
	case !high && c.high && c.pulses >= 25:
		c.gain, c.channel = map[int]int{25: 128, 26: 32, 27: 64}[c.pulses], 'A'
		if c.pulses == 26 {
			c.channel = 'B'
		}
		c.next = c.now().Add(time.Duration(1e9 / c.rateHz))
	}
	c.high = high
	return nil
}

// Data is DOUT: high until a conversion is ready, then its bits, the highest
// first.
func (c *HX711) Data() (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sleeps()
	switch {
	case c.asleep:
		return true, nil
	case c.pulses >= 25 && !c.high && !c.now().Before(c.next):
		c.pulses = 0 // the next conversion is ready
		return false, nil
	case c.pulses == 0:
		return c.now().Before(c.next), nil
	case c.pulses > 24:
		return true, nil
	}
	return c.shift>>(32-c.pulses)&1 == 1, nil
}
