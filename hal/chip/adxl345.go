package chip

import (
	"fmt"
	"math"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

// Registers and bits of Analog Devices' ADXL345 (data sheet ADXL345 Rev. E,
// "Register map" and "Register definitions").
const (
	adxlID       = 0x00 // 0xe5
	adxlRate     = 0x2c // BW_RATE
	adxlPower    = 0x2d // POWER_CTL
	adxlInts     = 0x2e // INT_ENABLE
	adxlSource   = 0x30 // INT_SOURCE
	adxlFormat   = 0x31 // DATA_FORMAT
	adxlData     = 0x32 // DATAX0, and five more
	adxlFIFO     = 0x38 // FIFO_CTL
	adxlStatus   = 0x39 // FIFO_STATUS
	adxlMeasure  = 0x08
	adxlFullRes  = 0x08
	adxlStream   = 0x80
	adxlOverrun  = 0x01
	adxlEntries  = 0x3f
	adxlMost     = 33  // entries, with the one at the output
	adxlPerG     = 256 // LSB at full resolution in every range
	adxlFastRate = 15  // code of 3200 Hz; each one less halves it
)

// adxl345Model: on I2C 400 kHz carry up to 800 Hz ("I2C"), 1600 and 3200 Hz want
// 2 MHz of SPI ("SPI", p. 15-17). Between two frames of data 5 µs have to pass,
// of which a register's byte takes 4 at 2 MHz and the kernel's pause of chip
// select 10 ("Retrieving data from FIFO").
func adxl345Model() model {
	return model{
		name: "adxl345", summary: "an accelerometer, up to 3200 Hz on SPI", addresses: []uint16{0x53, 0x1d}, fifo: 32 * 6,
		spi:    &spiMode{clock: 2 * physic.MegaHertz, mode: spi.Mode3, readBit: 0x80, severalBit: 0x40},
		groups: []group{{"g", axes("accel"), func(*plan) float64 { return 1.0 / adxlPerG }}},
		ranges: []float64{16, 8, 4, 2},
		rates: func(onSPI bool) []float64 {
			all := []float64{800, 400, 200, 100, 50, 25, 12.5, 6.25}
			if onSPI {
				all = append(all, 1600, 3200)
			}
			return all
		},
		device: func(l *link, p *plan) device { return &adxl345{link: l, plan: p} },
	}
}

// adxl345 is an open chip.
type adxl345 struct {
	*link
	plan   *plan
	raw    [adxlMost * 6]byte
	source [1]byte
	levels [4]byte
	two    [2]request
	all    [adxlMost + 1]request
}

func (c *adxl345) start() error {
	if err := c.identify(adxlID, 0xe5); err != nil {
		return err
	}
	span := byte(math.Log2(c.plan.span / 2))
	rate := byte(adxlFastRate + int(math.Round(math.Log2(c.plan.rateHz/3200))))
	return c.set([2]byte{adxlPower, 0}, [2]byte{adxlInts, 0}, [2]byte{adxlFormat, adxlFullRes | span}, [2]byte{adxlRate, rate},
		[2]byte{adxlFIFO, 0}, [2]byte{adxlFIFO, adxlStream}, [2]byte{adxlPower, adxlMeasure})
}

// drain reads each entry in a transfer of its own: leaving the data registers
// moves the FIFO on.
func (c *adxl345) drain(buf []float32) (drained, error) {
	there, err := c.level(adxlStatus, &c.levels, &c.two, 1, func(r []byte) int { return int(r[0] & adxlEntries) })
	if err != nil || there == 0 {
		return drained{}, err
	}
	if there > adxlMost {
		return drained{}, fmt.Errorf("the FIFO holds %d entries of %d", there, adxlMost)
	}
	n := min(there, len(buf)/len(c.plan.pick))
	// The flag of an overrun goes out with the first sample read.
	c.all[0] = request{adxlSource, c.source[:]}
	for i := range n {
		c.all[1+i] = request{adxlData, c.raw[i*6 : i*6+6]}
	}
	if err := c.batch(c.all[:1+n]); err != nil {
		return drained{gap: true}, fmt.Errorf("read the FIFO: %w", err)
	}
	c.plan.decode(buf, c.raw[:], n)
	overran := c.source[0]&adxlOverrun != 0
	if overran {
		there = adxlMost // with the one at the output, which the level leaves out
	}
	return drained{n, there - n, overran}, nil
}
