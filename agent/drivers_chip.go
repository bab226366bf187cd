package agent

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	pins "github.com/dunlin-edge/dunlin/hal/board"
	"github.com/dunlin-edge/dunlin/hal/bus"
	"github.com/dunlin-edge/dunlin/hal/chip"
)

// chips lists the drivers of chips on I2C, SPI and GPIO lines, by the chips' names.
func chips() []config.Driver {
	var all []config.Driver
	for _, m := range chip.Models() {
		all = append(all, config.Driver{Name: m.Name, Summary: m.Summary, Parse: parseChip(m)})
	}
	return append(all, config.Driver{Name: "hx711", Summary: "a load cell's converter on two GPIO lines, up to 80 Hz", Parse: parseHX711})
}

func parseHX711(f *config.Fields) any {
	cfg := pins.HX711Config{
		Root:   f.String("root", ""),
		Clock:  f.Required("clock", "the line of PD_SCK: its name, or pin such as header/29"),
		Data:   f.Required("data", "the line of DOUT"),
		Gain:   int(f.Int("gain", 128, 32, 128)),
		RateHz: f.Float("rate", 10, 0.001, 1000),
		Offset: f.Float("offset", 0, -1<<24, 1<<24),
		Scale:  f.Float("scale", 1, -1e9, 1e9),
		Unit:   f.String("unit", ""),
	}
	h, err := pins.OpenHX711(cfg)
	if err != nil {
		f.Problem("", "such as: {driver: hx711, clock: GPIO5, data: GPIO6, rate: 10, offset: 84210, scale: 0.0021, unit: g}", "%v", err)
		return nil
	}
	_ = h.Halt()
	return openSensor(true, func() (hal.Sensor, error) { return pins.OpenHX711(cfg) })
}

func parseChip(m chip.Model) func(*config.Fields) any {
	return func(f *config.Fields) any {
		cfg := chip.Config{
			Model:    m.Name,
			Bus:      f.Required("bus", "such as i2c-1 or spi0.0; dunlin sensors scan lists them"),
			Address:  int(f.Int("address", 0, 0x08, 0x77)),
			RateHz:   f.Float("rate", m.RateHz, 0.001, 10e3),
			Channels: f.Strings("channels"),
			Buses:    bus.Linux{Root: f.String("root", "")},
		}
		if len(m.Ranges) > 0 {
			cfg.Range = f.Float("range", m.Ranges[0], 1e-3, 1e4)
		}
		if len(m.Rotations) > 0 {
			cfg.Rotation = f.Float("rotation", m.Rotations[0], 1, 1e5)
		}
		if m.Shunt > 0 {
			cfg.Shunt = f.Float("shunt", m.Shunt, 1e-5, 10)
		}
		s, err := chip.Open(cfg)
		if err != nil {
			f.Problem("", fmt.Sprintf("such as: {driver: %s, bus: i2c-1, address: 0x%02x, rate: %g}", m.Name, m.Addresses[0], m.RateHz), "%v", err)
			return nil
		}
		_ = s.Halt()
		return openSensor(true, func() (hal.Sensor, error) { return chip.Open(cfg) })
	}
}
