package chip

import (
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/devices/v3/aht20"
	"periph.io/x/devices/v3/bh1750"
	"periph.io/x/devices/v3/bmxx80"
	"periph.io/x/devices/v3/ina219"
	"periph.io/x/devices/v3/mcp9808"
	"periph.io/x/devices/v3/tmp102"
)

// Channels of what periph has.
var (
	temperature = quantity{"temp", "°C"}
	pressure    = quantity{"pressure", "kPa"}
	humidity    = quantity{"humidityrelative", "%"}
	environment = []quantity{temperature, pressure, humidity}
)

// senser is what periph's drivers of the environment have in common.
type senser interface{ Sense(*physic.Env) error }

// sense asks one of them.
func sense(d senser, err error, of ...quantity) (reader, error) {
	if err != nil {
		return nil, err
	}
	var e physic.Env
	return func(_ func(time.Duration) error, out []float64) error {
		if err := d.Sense(&e); err != nil {
			return err
		}
		for i, q := range of {
			switch q {
			case temperature:
				out[i] = e.Temperature.Celsius()
			case pressure:
				out[i] = float64(e.Pressure) / float64(physic.KiloPascal)
			case humidity:
				out[i] = float64(e.Humidity) / float64(physic.PercentRH)
			}
		}
		return nil
	}, nil
}

// upTo is a bound on the rate of what takes so long to ask.
func upTo(hz float64) func(int) float64 { return func(int) float64 { return hz } }

// periphModels are the chips that periph.io/x/devices reads.
func periphModels() []polledModel {
	bosch := func(of ...quantity) func(i2c.Bus, *Config) (reader, error) {
		return func(b i2c.Bus, cfg *Config) (reader, error) {
			d, err := bmxx80.NewI2C(b, uint16(cfg.Address), &bmxx80.DefaultOpts)
			return sense(d, err, of...)
		}
	}
	return []polledModel{
		{name: "bme280", summary: "temperature, pressure and humidity", addresses: []uint16{0x76, 0x77}, channels: environment, maxHz: upTo(10), open: bosch(environment...)},
		{name: "bmp280", summary: "temperature and pressure", addresses: []uint16{0x76, 0x77}, channels: environment[:2], maxHz: upTo(10), open: bosch(environment[:2]...)},
		{name: "bmp180", summary: "temperature and pressure", addresses: []uint16{0x77}, channels: environment[:2], maxHz: upTo(10), open: bosch(environment[:2]...)},
		{name: "aht20", summary: "temperature and humidity", addresses: []uint16{0x38}, channels: []quantity{temperature, humidity}, maxHz: upTo(5),
			open: func(b i2c.Bus, _ *Config) (reader, error) {
				d, err := aht20.NewI2C(b, &aht20.DefaultOpts)
				return sense(d, err, temperature, humidity)
			}},
		{name: "mcp9808", summary: "temperature", addresses: []uint16{0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f}, channels: environment[:1], maxHz: upTo(4),
			open: func(b i2c.Bus, cfg *Config) (reader, error) {
				d, err := mcp9808.New(b, &mcp9808.Opts{Addr: cfg.Address, Res: mcp9808.Maximum})
				return sense(d, err, temperature)
			}},
		{name: "tmp102", summary: "temperature", addresses: []uint16{0x48, 0x49, 0x4a, 0x4b}, channels: environment[:1], maxHz: upTo(8),
			open: func(b i2c.Bus, cfg *Config) (reader, error) {
				d, err := tmp102.NewI2C(b, uint16(cfg.Address), &tmp102.Opts{SampleRate: tmp102.RateEightHertz, AlertSetting: tmp102.ModeComparator})
				return sense(d, err, temperature)
			}},
		{name: "bh1750", summary: "light", addresses: []uint16{0x23, 0x5c}, channels: []quantity{{"illuminance", "lx"}}, maxHz: upTo(5), open: openLight},
		{name: "ina219", summary: "voltage, current and power", addresses: []uint16{0x40, 0x41, 0x44, 0x45},
			channels: []quantity{{"voltage", "V"}, {"current", "A"}, {"power", "W"}}, shunt: 0.1, maxHz: upTo(200), open: openPower},
	}
}

func openLight(b i2c.Bus, cfg *Config) (reader, error) {
	d, err := bh1750.NewI2C(b, uint16(cfg.Address))
	if err != nil {
		return nil, err
	}
	return func(_ func(time.Duration) error, out []float64) error {
		v, err := d.Sense()
		out[0] = float64(v) / float64(physic.Lumen) // of a square metre: lux
		return err
	}, nil
}

// openPower: the range follows from the shunt, over which the chip measures up
// to 320 mV (data sheet SBOS448G, section 8.5).
func openPower(b i2c.Bus, cfg *Config) (reader, error) {
	shunt := cfg.Shunt
	d, err := ina219.New(b, &ina219.Opts{Address: cfg.Address, SenseResistor: physic.ElectricResistance(shunt * float64(physic.Ohm)), MaxCurrent: physic.ElectricCurrent(0.32 / shunt * float64(physic.Ampere))})
	if err != nil {
		return nil, err
	}
	return func(_ func(time.Duration) error, out []float64) error {
		p, err := d.Sense()
		out[0], out[1], out[2] = float64(p.Voltage)/float64(physic.Volt), float64(p.Current)/float64(physic.Ampere), float64(p.Power)/float64(physic.Watt)
		return err
	}, nil
}
