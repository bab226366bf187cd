// Package chip reads sensors by their registers over I2C and SPI: inertial ones
// that fill a FIFO at a rate of their own, and those that are asked.
//
// Start with [Open] and [Models]. A FIFO is emptied in bursts before it is
// half full; samples get their times by counting them, and what a chip lost is
// counted by the clock. A chip that goes away or answers nonsense is set up anew
// by the next Read. What periph has drivers for goes through them.
package chip

import (
	"fmt"
	"strings"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/bus"
)

// Config says which chip to read and how.
type Config struct {
	Model    string   // one of Models
	Bus      string   // i2c-1 or spi0.0
	Address  int      // on I2C; 0 is the model's first
	RateHz   float64  // of a FIFO one of the model's, else up to its highest
	Range    float64  // full scale: g of acceleration, V of a converter; 0 is the model's first
	Rotation float64  // full scale of rotation, degrees a second; 0 is the model's first
	Shunt    float64  // Ω, of a current sensor; 0 is the model's
	Channels []string // in the order wanted; none is the model's usual ones
	Buses    Buses    // nil is the machine's
	Clock    hal.Clock
}

// Open returns a sensor; nothing is touched yet. One goroutine reads it. One with
// a FIFO is a hal.Paced too.
func Open(cfg Config) (hal.Sensor, error) {
	if cfg.Buses == nil {
		cfg.Buses = bus.Linux{}
	}
	for _, m := range models() {
		if m.name == cfg.Model {
			return openFIFO(&m, cfg)
		}
	}
	for _, m := range polledModels() {
		if m.name == cfg.Model {
			return openPolled(&m, cfg)
		}
	}
	var names []string
	for _, m := range Models() {
		names = append(names, m.Name)
	}
	return nil, fmt.Errorf("chip %.40q: unknown; there are %s", cfg.Model, strings.Join(names, ", "))
}

// A Model is a chip that can be read.
type Model struct {
	Name, Summary string
	RateHz        float64   // usual one
	Addresses     []uint16  // on I2C
	Ranges        []float64 // full scales, g or V; none where there is no choice
	Rotations     []float64 // of rotation, degrees a second
	Shunt         float64   // Ω, that is usual; 0 where there is none
}

// Models lists the chips.
func Models() []Model {
	var all []Model
	for _, m := range models() {
		all = append(all, Model{m.name, m.summary, m.rates(false)[0], m.addresses, m.ranges, m.rotations, 0})
	}
	for _, m := range polledModels() {
		all = append(all, Model{m.name, m.summary, min(1, m.maxHz(1)), m.addresses, m.ranges, nil, m.shunt})
	}
	return all
}
