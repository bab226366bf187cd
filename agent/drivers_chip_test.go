package agent

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/hal"
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
		"driver: ads1115, bus: i2c-1, channels: [voltage0], rate: 100, range: 2.048", "driver: ina219, bus: i2c-1, shunt: 0.01, address: 0x41",
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
