package haltest

import (
	"math"
	"testing"
	"time"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/devices/v3/bmxx80"
	"periph.io/x/devices/v3/ina219"
)

// TestBME280Periph: periph's driver computes what the data sheet's example does.
func TestBME280Periph(t *testing.T) {
	b := NewBus()
	b.Attach(0x76, NewBME280(time.Now))
	d, err := bmxx80.NewI2C(b, 0x76, &bmxx80.DefaultOpts)
	if err != nil {
		t.Fatal(err)
	}
	var e physic.Env
	if err := d.Sense(&e); err != nil {
		t.Fatal(err)
	}
	pascal := float64(e.Pressure) / float64(physic.Pascal)
	if math.Abs(e.Temperature.Celsius()-25.08) > 0.006 || math.Abs(pascal-100653.27) > 1 {
		t.Errorf("%v, %v Pa, want 25.08 °C and 100653.27 Pa", e.Temperature, pascal)
	}
	// BST-BME280-DS002, section 8.1, in floating point.
	fine := 25.0825 * 5120
	h := fine - 76800
	h = (29000 - (316*64 + 48.0/16384*h)) * (362.0 / 65536 * (1 + 30.0/67108864*h*(1+0)))
	h *= 1 - 75*h/524288
	if got := float64(e.Humidity) / float64(physic.PercentRH); math.Abs(got-h) > 0.05 {
		t.Errorf("%v %%, want %v", got, h)
	}
}

// TestINA219Periph: periph's driver reads the load.
func TestINA219Periph(t *testing.T) {
	b, c := NewBus(), NewINA219()
	b.Attach(0x40, c)
	d, err := ina219.New(b, &ina219.DefaultOpts)
	if err != nil {
		t.Fatal(err)
	}
	c.Load(5.0, 0.05) // 0.5 A over 0.1 Ω
	p, err := d.Sense()
	if err != nil {
		t.Fatal(err)
	}
	volts, amps, watts := float64(p.Voltage)/1e9, float64(p.Current)/1e9, float64(p.Power)/1e9
	if math.Abs(volts-5) > 0.004 || math.Abs(amps-0.5) > 0.001 || math.Abs(watts-2.5) > 0.01 {
		t.Errorf("%v V, %v A, %v W", volts, amps, watts)
	}
}
