package agent

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/chip"
	"github.com/dunlin-edge/dunlin/hal/haltest"
	"github.com/dunlin-edge/dunlin/inference"
)

// oneSource reads a configuration with one source.
func oneSource(t *testing.T, source string) (*config.Config, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "agent.yaml")
	text := "sources: {acc: {" + source + "}}\npipelines: {p: {source: acc, bundle: x.dunlin}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Load(file, Drivers())
}

// TestChipMistakes: each is told with what would be right.
func TestChipMistakes(t *testing.T) {
	for source, want := range map[string]string{
		"driver: adxl346, bus: i2c-1":                           `did you mean "adxl345"?`,
		"driver: thermocouple, bus: i2c-1":                      "adxl345, mpu6050, lsm6ds3, ads1115, bme280",
		"driver: adxl345":                                       "sources.acc.bus: missing",
		"driver: adxl345, bus: i2c-1, rate: 3200":               "nearest is 800; it is faster on SPI",
		"driver: mpu6050, bus: i2c-1, rate: 600":                "the nearest is 500",
		"driver: mpu6050, bus: spi0.0":                          "it is on I2C only",
		"driver: adxl345, bus: i2c-1, rotation: 250":            "rotation",
		"driver: bme280, bus: i2c-1, range: 2":                  "range",
		"driver: adxl345, bus: i2c-1, address: 0x99":            "outside",
		"driver: lsm6ds3, bus: i2c-1, channels: [accel_w]":      "it has anglvel_x",
		"driver: ads1115, bus: i2c-1, rate: 1000, range: 4.096": "nearest is",
		"driver: bme280, bus: i2c-1, address: 0x53, rate: 1":    "it has 0x76, 0x77",
		"driver: hx711, clock: GPIO5, data: GPIO6, gain: 100":   "128 and 64 on channel A",
		"driver: hx711, clock: GPIO5, data: GPIO6, rate: 90":    "nearest is 80",
		"driver: adxl345, bus: ttyUSB0":                         "i2c-1 or spi0.0",
	} {
		_, err := oneSource(t, source)
		var e *config.Error
		if !errors.As(err, &e) || !strings.Contains(e.Error()+"\n"+e.Hint(), want) {
			t.Errorf("%s: %v, want %q", source, err, want)
		}
	}
}

// TestChipAbsent: a right configuration is taken without its bus, which is told
// when it is read.
func TestChipAbsent(t *testing.T) {
	for _, source := range []string{
		"driver: adxl345, bus: spi0.0, rate: 3200, range: 4", "driver: mpu6050, bus: i2c-1, channels: [accel_x, anglvel_z], rotation: 500",
		"driver: ads1115, bus: i2c-1, channels: [voltage0], rate: 100, range: 2.048", "driver: ina219, bus: i2c-1, shunt: 0.01, address: 0x41", "driver: hx711, clock: GPIO5, data: GPIO6, gain: 64",
	} {
		cfg, err := oneSource(t, source+", root: "+t.TempDir())
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if _, err := Probe(t.Context(), cfg.Sources[0], time.Second); !errors.Is(err, hal.ErrAbsent) {
			t.Errorf("%s: %v", source, err)
		}
	}
}

// TestChipUnplugged: a chip that goes in the middle of a run is told, what its
// decisions drive goes dark, and when it is back everything goes on.
func TestChipUnplugged(t *testing.T) {
	const rate = 3330
	port := haltest.NewPort(haltest.NewLSM6DS3(time.Now, 0, func(s float64) (a, g [3]float64) { return [3]float64{math.Sin(s * 180), math.Cos(s * 500), 1}, g }))
	b := &rig{t: t, root: t.TempDir()}
	for name, text := range map[string]string{"max_brightness": "1", "brightness": "0", "trigger": "[none]"} {
		b.write("sys/class/leds/ACT/"+name, text)
	}
	lit := func() bool {
		data, _ := os.ReadFile(filepath.Join(b.root, "sys/class/leds/ACT/brightness"))
		return strings.TrimSpace(string(data)) == "1"
	}
	path := steadyBundle(t, rate)
	u, err := Load(t.Context(), path, inference.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var actions []config.Action
	for _, label := range u.labels { // whatever it makes of it, an LED is lit
		actions = append(actions, config.Action{Kind: config.LED, On: "result", Label: label, Queue: 8, Output: config.Output{Root: b.root, Line: "ACT", Pulse: time.Hour}})
	}
	source := config.Source{Name: "acc", Driver: "lsm6ds3", Settings: openSensor(true, func() (hal.Sensor, error) {
		return chip.Open(chip.Config{Model: "lsm6ds3", Bus: "spi0.0", RateHz: rate, Buses: haltest.Wiring{Port: port}})
	})}
	a := newAgent(t, &config.Config{Sources: []config.Source{source}, Pipelines: []config.Pipeline{pipelineOn("p", "acc", path, actions...)}}, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	within(t, "it decides, and the LED is lit", func() bool { return a.Status().Pipelines[0].Windows > 5 && lit() })

	port.Fault(haltest.Faults{Err: syscall.ENODEV})
	within(t, "its going is told", func() bool { return strings.Contains(a.Status().Sources[0].Reason, "no data since ") })
	within(t, "the LED is dark", func() bool { return !lit() })
	if r := a.Status().Sources[0].Reason; !strings.Contains(r, "lsm6ds3 on spi0.0") || !strings.Contains(r, "check the wires") {
		t.Error(r)
	}
	seen := a.Status().Pipelines[0].Windows
	port.Fault(haltest.Faults{})
	within(t, "it decides again", func() bool { return a.Status().Pipelines[0].Windows > seen+5 && lit() })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if lit() {
		t.Error("the LED is lit after the end")
	}
}
