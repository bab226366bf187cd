//go:build kernel

package hwmon

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/hal/bus"
	"github.com/dunlin-edge/dunlin/hal/chip"
)

const thermometer = 0x48

// stub returns the bus of i2c-stub, which speaks SMBus only.
func stub(t *testing.T) string {
	t.Helper()
	names, _ := filepath.Glob("/sys/bus/i2c/devices/i2c-*/name")
	for _, n := range names {
		if data, _ := os.ReadFile(n); strings.HasPrefix(string(data), "SMBus stub") {
			return filepath.Base(filepath.Dir(n))
		}
	}
	t.Fatal("no i2c-stub")
	return ""
}

// TestKernelLM75: registers are written over SMBus, periph's driver reads them
// over SMBus, and the kernel's driver lm75 gives the same by hwmon.
func TestKernelLM75(t *testing.T) {
	name := stub(t)
	for _, celsius := range []float64{25, -12.5, 60.5} {
		b, err := bus.Linux{}.I2C(name, thermometer)
		if err != nil {
			t.Fatal(err)
		}
		raw := uint16(int16(celsius * 256))
		if err := b.Tx(thermometer, []byte{0, byte(raw >> 8), byte(raw)}, nil); err != nil {
			t.Fatal(err)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		c, err := chip.Open(chip.Config{Model: "tmp102", Bus: name, RateHz: 8})
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]float32, 1)
		if _, err := c.Read(t.Context(), buf); err != nil || math.Abs(float64(buf[0])-celsius) > 0.07 {
			t.Errorf("over SMBus: %v, want %v, %v", buf[0], celsius, err)
		}
		if err := os.WriteFile("/sys/bus/i2c/devices/"+name+"/new_device", fmt.Appendf(nil, "lm75 0x%02x", thermometer), 0); err != nil {
			t.Fatal(err)
		}
		s, err := Open(Config{Device: "lm75", Channels: []string{"temp1"}, RateHz: 10})
		if err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if _, err = s.Read(t.Context(), buf); err == nil || time.Now().After(end) {
				break
			}
		}
		if err != nil || math.Abs(float64(buf[0])-celsius) > 0.51 {
			t.Errorf("by hwmon: %v, want %v, %v", buf[0], celsius, err)
		}
		if _, err := (bus.Linux{}).I2C(name, thermometer); err == nil || !strings.Contains(err.Error(), "lm75") {
			t.Errorf("held by lm75: %v", err)
		}
		if err := os.WriteFile("/sys/bus/i2c/devices/"+name+"/delete_device", fmt.Appendf(nil, "0x%02x", thermometer), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(t.Context(), buf); err == nil {
			t.Error("it reads a device that is gone")
		}
	}
}
