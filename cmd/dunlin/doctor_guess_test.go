package main

import (
	"testing"

	"github.com/dunlin-edge/dunlin/hal/bus"
)

// TestGuess: an address is for the drivers that have it, unless the kernel holds
// it.
func TestGuess(t *testing.T) {
	for want, f := range map[string]bus.Found{
		" (adxl345?)":           {Address: 0x53},
		" (ads1115 or tmp102?)": {Address: 0x48},
		"":                      {Address: 0x48, Driver: "lm75"},
	} {
		if got := guess(f); got != want {
			t.Errorf("%v: %q, want %q", f, got, want)
		}
	}
	if got := guess(bus.Found{Address: 0x0a}); got != "" {
		t.Error(got)
	}
}
