package main

import (
	"context"

	"github.com/dunlin-edge/dunlin/hal/sim"
)

// Seeds of the simulated machines: no machine is in two sets.
const (
	trainSeeds, trainMachines = 1_000_000, 1500
	validSeeds, validMachines = 2_000_000, 150
	testSeeds, testMachines   = 3_000_000, 200
)

// windowsPerRun is how many windows are taken of each machine and fault.
const windowsPerRun = 5

// settle is how long a machine runs before its first window, in frames.
const settle = 1600

// clipOf runs one machine with one fault and returns its samples, enough for
// windowsPerRun windows. The severity is drawn from the seed, so that light
// faults are as frequent as heavy ones.
func clipOf(seed uint64, fault int, gain, rateHz float64, length, hop int) ([]float32, error) {
	m, err := sim.NewMachine(sim.Config{Seed: seed, Gain: gain, RateHz: rateHz})
	if err != nil {
		return nil, err
	}
	if err := m.Inject(m.Faults()[fault], severityOf(seed, fault)); err != nil {
		return nil, err
	}
	buf := make([]float32, (settle+length+(windowsPerRun-1)*hop)*sim.Channels)
	if _, err := m.Read(context.Background(), buf); err != nil {
		return nil, err
	}
	return buf[settle*sim.Channels:], nil
}

// severityOf returns 0.25 to 1.
func severityOf(seed uint64, fault int) float64 {
	x := (seed*4 + uint64(fault) + 1) * 0x9E3779B97F4A7C15
	x = (x ^ x>>32) * 0xD6E8FEB86659FD93
	return 0.25 + 0.75*float64(x>>40)/(1<<24)
}
