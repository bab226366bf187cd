package agent

import (
	"strconv"
	"strings"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/serial"
)

func parsePort(f *config.Fields) serial.PortConfig {
	return serial.PortConfig{
		Device: f.Required("device", "such as /dev/ttyUSB0"),
		Baud:   int(f.Int("baud", 115200, 50, 4_000_000)),
		Parity: f.Choice("parity", "none", "none", "even", "odd"),
		Stop:   int(f.Int("stop", 1, 1, 2)),
	}
}

func parseStream(f *config.Fields) serial.StreamConfig {
	return serial.StreamConfig{
		RateHz: f.Float("rate", 0, 0.001, 10000),
		Unit:   f.String("unit", ""),
		Names:  f.Strings("channels"),
		Kind:   f.Choice("kind", hal.KindSamples, hal.KindSamples, hal.KindVibration),
	}
}

// openSerial checks a configuration by opening it, which touches nothing.
func openSerial(f *config.Fields, hint string, open func() (hal.Sensor, error)) any {
	s, err := open()
	if err != nil {
		f.Problem("", hint, "%v", err)
		return nil
	}
	_ = s.Halt()
	return openSensor(true, open)
}

func parseLines(f *config.Fields) any {
	cfg := serial.LinesConfig{Port: parsePort(f), Stream: parseStream(f), Prefix: f.String("prefix", ""), Columns: f.Ints("columns", 0, 1000)}
	if !f.Has("columns") {
		for i := range cfg.Stream.Names {
			cfg.Columns = append(cfg.Columns, i)
		}
	}
	return openSerial(f, "such as: {driver: serial.lines, device: /dev/ttyACM0, channels: [x, y, z], rate: 100, unit: g}",
		func() (hal.Sensor, error) { return serial.OpenLines(cfg) })
}

func parseFrames(f *config.Fields) any {
	cfg := serial.FramesConfig{
		Port: parsePort(f), Stream: parseStream(f), Sync: f.String("sync", ""), Length: int(f.Int("length", 0, 2, 4096)),
		Check: f.Choice("check", "none", "none", "sum8", "xor8", "crc16"),
	}
	for _, text := range f.Strings("fields") {
		offset, kind, scale := numberAt(f, "fields", text)
		cfg.Fields = append(cfg.Fields, serial.Field{Offset: offset, Type: kind, Scale: scale})
	}
	return openSerial(f, `such as: {driver: serial.frames, device: /dev/ttyUSB0, channels: [x], rate: 100, sync: aa55, length: 6, check: crc16, fields: ["2 i16le 0.01"]}`,
		func() (hal.Sensor, error) { return serial.OpenFrames(cfg) })
}

func parseModbus(tcp bool) func(*config.Fields) any {
	return func(f *config.Fields) any {
		var cfg serial.ModbusConfig
		if tcp {
			cfg.Address = f.Required("address", "such as 192.168.1.20:502")
		} else {
			cfg.Port = parsePort(f)
		}
		cfg.Stream = parseStream(f)
		cfg.Unit = int(f.Int("unit_id", 1, 0, 247))
		cfg.Input = f.Choice("registers_of", "holding", "holding", "input") == "input"
		for _, text := range f.Strings("registers") {
			address, kind, scale := numberAt(f, "registers", text)
			cfg.Registers = append(cfg.Registers, serial.Register{Address: address, Type: kind, Scale: scale})
		}
		return openSerial(f, `such as: {driver: modbus.tcp, address: "192.168.1.20:502", channels: [flow], rate: 2, registers: ["100 u16 0.1"]}`,
			func() (hal.Sensor, error) { return serial.OpenModbus(cfg) })
	}
}

// numberAt reads "PLACE TYPE [SCALE]".
func numberAt(f *config.Fields, key, text string) (place int, kind string, scale float64) {
	parts := strings.Fields(text)
	var err error
	if len(parts) >= 2 && len(parts) <= 3 {
		place, err = strconv.Atoi(parts[0])
		kind, scale = parts[1], 1
		if err == nil && len(parts) == 3 {
			scale, err = strconv.ParseFloat(parts[2], 64)
		}
		if err == nil {
			return place, kind, scale
		}
	}
	f.Problem(key, `write place, type and scale: "100 u16 0.1"`, "%.60q is no number of the data", text)
	return 0, "", 0
}
