package haltest

import (
	"testing"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/devices/v3/ads1x15"
)

// TestADS1115Conversion: a single conversion takes its time, and the pin tells.
func TestADS1115Conversion(t *testing.T) {
	clock, b := NewClock(), NewBus()
	c := NewADS1115(clock.Now, 0.1, func(mux int, _ time.Time) float64 { return float64(mux) / 4 })
	b.Attach(0x48, c)
	word := func(reg byte) uint16 { r := readI2C(t, b, 0x48, reg, 2); return uint16(r[0])<<8 | uint16(r[1]) }
	if v := word(1); v != 0x8583 {
		t.Errorf("config %#x", v)
	}
	writeI2C(t, b, 0x48, 2, 0, 0)
	writeI2C(t, b, 0x48, 3, 0x80, 0)
	writeI2C(t, b, 0x48, 1, 0xc3, 0x80) // AIN0, 4.096 V, single, 128 SPS
	clock.Advance(8 * time.Millisecond)
	if v := word(1); v>>15 != 0 || c.Ready() != gpio.High || word(0) != 0 {
		t.Errorf("done early: %#x", v)
	}
	clock.Advance(time.Millisecond)
	if v := word(1); v>>15 != 1 || c.Ready() != gpio.Low || c.Ready() != gpio.High || word(0) != 8000 {
		t.Errorf("config %#x, conversion %d", v, word(0))
	}
}

// TestADS1115Periph: periph's driver reads what is there.
func TestADS1115Periph(t *testing.T) {
	b := NewBus()
	b.Attach(0x48, NewADS1115(time.Now, -0.1, func(mux int, _ time.Time) float64 { return map[int]float64{4: 3.3, 1: -0.7}[mux] }))
	d, err := ads1x15.NewADS1115(b, &ads1x15.DefaultOpts)
	if err != nil {
		t.Fatal(err)
	}
	for channel, want := range map[ads1x15.Channel]physic.ElectricPotential{ads1x15.Channel0: 3300 * physic.MilliVolt, ads1x15.Channel0Minus3: -700 * physic.MilliVolt} {
		pin, err := d.PinForChannel(channel, 4*physic.Volt, 100*physic.Hertz, ads1x15.SaveEnergy)
		if err != nil {
			t.Fatal(err)
		}
		s, err := pin.Read()
		if off := s.V - want; err != nil || off > physic.MilliVolt || off < -physic.MilliVolt {
			t.Errorf("channel %v: %s, want %s, %v", channel, s.V, want, err)
		}
	}
}
