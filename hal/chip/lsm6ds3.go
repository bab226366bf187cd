package chip

import (
	"fmt"
	"math"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

// Registers and bits of ST's LSM6DS3 (data sheet DocID026899 Rev. 8, section 5.5
// "FIFO" and register descriptions; AN4650 section 8).
const (
	lsmFIFO3      = 0x08 // FIFO_CTRL3: decimation
	lsmFIFO5      = 0x0a // FIFO_CTRL5: rate and mode
	lsmInts       = 0x0d // INT1_CTRL
	lsmID         = 0x0f // WHO_AM_I: 0x69; LSM6DS3TR-C and LSM6DSL say 0x6a
	lsmAccel      = 0x10 // CTRL1_XL
	lsmGyro       = 0x11 // CTRL2_G
	lsmControl    = 0x12 // CTRL3_C
	lsmStatus     = 0x3a // FIFO_STATUS1, 2
	lsmOut        = 0x3e // FIFO_DATA_OUT_L, H
	lsmBlock      = 0x44 // BDU, IF_INC
	lsmContinuous = 6
	lsmOverrun    = 0x40 // of FIFO_STATUS2
	lsmFull       = 0x20
	lsmEmpty      = 0x10
	lsmBurst      = 1020 // bytes of one transfer: whole frames of 6 and of 12
)

// lsm6ds3Model: 3330 Hz and more are left out on I2C, whose 400 kHz do not carry
// them with rotation.
func lsm6ds3Model() model {
	return model{
		name: "lsm6ds3", summary: "an accelerometer and gyroscope, up to 3330 Hz on SPI", addresses: []uint16{0x6a, 0x6b}, fifo: 8192,
		spi: &spiMode{clock: 5 * physic.MegaHertz, mode: spi.Mode3, readBit: 0x80},
		groups: []group{
			{"rad/s", axes("anglvel"), func(p *plan) float64 { return lsmRotation(p) * math.Pi / 180 }},
			{"g", axes("accel"), func(p *plan) float64 { return 0.061e-3 * p.span / 2 }},
		},
		ranges: []float64{8, 16, 4, 2}, rotations: []float64{1000, 2000, 500, 245},
		rates: func(onSPI bool) []float64 {
			all := []float64{104, 208, 416, 833, 1660, 52, 26, 13}
			if onSPI {
				all = append(all, 3330)
			}
			return all
		},
		device: func(l *link, p *plan) device { return &lsm6ds3{link: l, plan: p} },
	}
}

// lsmRotation is degrees a second of one LSB: 8.75e-3 at 245 °/s, 17.5e-3 at 500.
func lsmRotation(p *plan) float64 { return 8.75e-3 * math.Exp2(float64(lsmSpan(p))) }

func lsmSpan(p *plan) byte { return byte(math.Round(math.Log2(p.rotation / 250))) }

// lsm6ds3 is an open chip.
type lsm6ds3 struct {
	*link
	plan   *plan
	raw    [maxDepth * 12]byte
	levels [4]byte
	two    [2]request
	torn   bool // a transfer of the FIFO failed: frames are out of step
}

func (c *lsm6ds3) start() error {
	if err := c.identify(lsmID, 0x69, 0x6a); err != nil {
		return err
	}
	odr := c.odr()
	span := map[float64]byte{2: 0, 16: 1, 4: 2, 8: 3}[c.plan.span]
	accel, gyro, sets := byte(0), byte(0), byte(0)
	if c.plan.groups[0] {
		gyro, sets = odr<<4|lsmSpan(c.plan)<<2, sets|1<<3
	}
	if c.plan.groups[1] {
		accel, sets = odr<<4|span<<2, sets|1
	}
	c.torn = false
	return c.set([2]byte{lsmControl, lsmBlock}, [2]byte{lsmInts, 0}, [2]byte{lsmFIFO5, 0}, [2]byte{lsmFIFO3, sets},
		[2]byte{lsmAccel, accel}, [2]byte{lsmGyro, gyro}, [2]byte{lsmFIFO5, odr<<3 | lsmContinuous})
}

// odr is the code of the rate: 1 is 13 Hz, each one more doubles it.
func (c *lsm6ds3) odr() byte { return byte(math.Round(math.Log2(c.plan.rateHz/13))) + 1 }

// restart empties the FIFO by way of bypass mode.
func (c *lsm6ds3) restart() error {
	if err := c.set([2]byte{lsmFIFO5, 0}, [2]byte{lsmFIFO5, c.odr()<<3 | lsmContinuous}); err != nil {
		return fmt.Errorf("reset the FIFO: %w", err)
	}
	c.torn = false
	return nil
}

// words reads the FIFO's two registers of status; what contradicts itself is
// more than the FIFO can hold.
func words(r []byte) int {
	n := int(r[0]) | int(r[1]&0x0f)<<8
	if empty := r[1]&lsmEmpty != 0; empty != (n == 0) || empty && r[1]&(lsmOverrun|lsmFull) != 0 {
		return math.MaxInt
	}
	return n
}

// drain reads whole frames. What a FIFO that overran still holds is out of step
// with its pattern: it starts anew.
func (c *lsm6ds3) drain(buf []float32) (drained, error) {
	if c.torn {
		return drained{gap: true}, c.restart()
	}
	n, err := c.level(lsmStatus, &c.levels, &c.two, 2, words)
	if err != nil {
		return drained{}, err
	}
	switch {
	case n == math.MaxInt:
		return drained{}, fmt.Errorf("the FIFO's status contradicts itself: 0x%02x%02x", c.levels[1], c.levels[0])
	case c.levels[1]&(lsmOverrun|lsmFull) != 0:
		c.torn = true
		return drained{gap: true}, c.restart()
	}
	frame := 2 * c.plan.words
	there := 2 * n / frame
	n = min(there, len(buf)/len(c.plan.pick))
	for at := 0; at < n*frame; at += lsmBurst {
		if err := c.read(lsmOut, c.raw[at:min(at+lsmBurst, n*frame)]); err != nil {
			c.torn = true
			return drained{gap: true}, fmt.Errorf("read the FIFO: %w", err)
		}
	}
	c.plan.decode(buf, c.raw[:], n)
	return drained{frames: n, left: there - n}, nil
}
