package chip

import (
	"fmt"
	"slices"
	"time"

	"periph.io/x/conn/v3/i2c"
)

// Registers and bits of Texas Instruments' ADS1115 (data sheet SBAS444E, Config
// register).
const (
	adsConversion = 0
	adsConfig     = 1
	adsStart      = 1 << 15 // OS: start, and when read: not converting
	adsSingle     = 1 << 8  // MODE
	adsNoCompare  = 3       // COMP_QUE
	adsTolerance  = 11      // tenths: conversions may take 10 % longer
	adsTries      = 4
	adsBusTime    = time.Millisecond // of the transfers of one conversion at 100 kHz
	adsHighest    = 400              // Hz of one channel
)

// Inputs in the order of MUX, full scales of PGA and rates of DR.
var (
	adsInputs = [8]string{"voltage0-voltage1", "voltage0-voltage3", "voltage1-voltage3", "voltage2-voltage3", "voltage0", "voltage1", "voltage2", "voltage3"}
	adsSpans  = [6]float64{6.144, 4.096, 2.048, 1.024, 0.512, 0.256}
	adsRates  = [8]float64{8, 16, 32, 64, 128, 250, 475, 860}
)

// ads1115Model: every reading is one conversion that this driver started, so
// none is read twice or missed, whatever the chip's oscillator does. In its
// continuous mode only the pin ALERT/RDY could tell one from the next.
func ads1115Model() polledModel {
	m := polledModel{
		name: "ads1115", summary: "a 16-bit converter of up to four voltages", addresses: []uint16{0x48, 0x49, 0x4a, 0x4b}, ranges: []float64{4.096, 6.144, 2.048, 1.024, 0.512, 0.256},
		maxHz: func(n int) float64 { return adsHighest / float64(n) },
		open: func(b i2c.Bus, cfg *Config) (reader, error) {
			c := &ads1115{bus: b, address: uint16(cfg.Address)}
			c.plan(cfg)
			return c.read, nil
		},
	}
	for _, i := range append(slices.Clone(adsInputs[4:]), adsInputs[:4]...) {
		m.channels = append(m.channels, quantity{i, "V"})
	}
	return m
}

type ads1115 struct {
	bus     i2c.Bus
	address uint16
	configs []uint16 // of the channels, in their order
	places  []int    // among the model's channels
	takes   time.Duration
	perLSB  float64
	w       [3]byte
	r       [2]byte
}

// plan takes the slowest conversions that leave a fifth of the time: they have
// the least noise.
func (c *ads1115) plan(cfg *Config) {
	for code, rate := range adsRates {
		c.takes = time.Duration(adsTolerance * 1e8 / rate)
		if code < len(adsRates)-1 && time.Duration(len(cfg.Channels))*(c.takes+adsBusTime) > time.Duration(0.8e9/cfg.RateHz) {
			continue
		}
		span := slices.Index(adsSpans[:], cfg.Range)
		c.perLSB = cfg.Range / 32768
		for _, name := range cfg.Channels {
			mux := slices.Index(adsInputs[:], name)
			c.configs = append(c.configs, uint16(mux<<12|span<<9|code<<5)|adsSingle|adsNoCompare)
			c.places = append(c.places, (mux+4)%8)
		}
		return
	}
}

func (c *ads1115) read(wait func(time.Duration) error, out []float64) error {
	for i, config := range c.configs {
		v, err := c.convert(wait, config)
		if err != nil {
			return err
		}
		out[c.places[i]] = float64(v) * c.perLSB
	}
	return nil
}

func (c *ads1115) convert(wait func(time.Duration) error, config uint16) (int16, error) {
	c.w = [3]byte{adsConfig, byte((config | adsStart) >> 8), byte(config)}
	if err := c.bus.Tx(c.address, c.w[:], nil); err != nil {
		return 0, fmt.Errorf("start a conversion: %w", err)
	}
	for try, d := 0, c.takes; ; try, d = try+1, c.takes/8 {
		if err := wait(d); err != nil {
			return 0, err
		}
		state, err := c.register(adsConfig)
		switch {
		case err != nil:
			return 0, fmt.Errorf("read the state of a conversion: %w", err)
		case state&^adsStart != config:
			return 0, fmt.Errorf("another chip is there, or it was reset: its settings are 0x%04x, not 0x%04x", state&^adsStart, config)
		case state&adsStart != 0:
			v, err := c.register(adsConversion)
			return int16(v), err
		case try == adsTries:
			return 0, fmt.Errorf("a conversion takes more than %s", c.takes*3/2)
		}
	}
}

func (c *ads1115) register(reg byte) (uint16, error) {
	c.w[0] = reg
	err := c.bus.Tx(c.address, c.w[:1], c.r[:])
	return uint16(c.r[0])<<8 | uint16(c.r[1]), err
}
