package agent

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/bus"
	"github.com/dunlin-edge/dunlin/hal/chip"
)

// chips lists the drivers of chips on I2C and SPI, by the chips' names.
func chips() []config.Driver {
	var all []config.Driver
	for _, m := range chip.Models() {
		all = append(all, config.Driver{Name: m.Name, Summary: m.Summary, Parse: parseChip(m)})
	}
	return all
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
