//go:build kernel

package chip

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/bus"
)

// The machine has a TMP105 at 0x48 and the magnetometer of an LSM303DLHC at 0x1e
// on one bus, which is found by who answers.
const (
	thermometer  = 0x48
	magnetometer = 0x1e
)

// kernelBus finds the bus with the chips.
func kernelBus(t *testing.T) string {
	t.Helper()
	nodes, _ := filepath.Glob("/dev/i2c-*")
	for _, n := range nodes {
		b, err := bus.Linux{}.I2C(filepath.Base(n), thermometer)
		if err != nil {
			t.Log(err)
			continue
		}
		err = b.Tx(thermometer, []byte{0}, make([]byte, 2))
		_ = b.Close()
		if t.Logf("%s: %v", n, err); err == nil {
			return filepath.Base(n)
		}
	}
	t.Fatal("no bus with the thermometer")
	return ""
}

// tell asks the outside to change a chip, by a line on the console.
func tell(object, property string, value int) {
	fmt.Printf("\nKERNELTEST SET %s %s %d\n", object, property, value)
}

// TestKernelI2C reads a real /dev/i2c: periph's driver of the TMP102 the
// machine's TMP105, whose temperature is changed from outside while it is read.
func TestKernelI2C(t *testing.T) {
	name := kernelBus(t)
	s, err := Open(Config{Model: "tmp102", Bus: name, Address: thermometer, RateHz: 8})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Halt() }()
	for _, milli := range []int{25500, -10000, 60500} {
		tell("tmp", "temperature", milli)
		follow(t, s, 0, float64(milli)/1000, 0.07)
	}
	wrong, err := Open(Config{Model: "adxl345", Bus: name, RateHz: 100})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wrong.Read(t.Context(), make([]float32, 3)); !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), "on the bus: 0x") || !strings.Contains(err.Error(), "0x1e") {
		t.Errorf("wrong address: %v", err)
	} else {
		t.Log(err)
	}
	another, err := Open(Config{Model: "adxl345", Bus: name, Address: magnetometer, RateHz: 100})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := another.Read(t.Context(), make([]float32, 3)); err == nil || !strings.Contains(err.Error(), "another chip is there") {
		t.Errorf("wrong chip: %v", err)
	} else {
		t.Log(err)
	}
}

// follow reads a sensor until a channel has a value.
func follow(t *testing.T, s hal.Sensor, channel int, want, within float64) {
	t.Helper()
	buf := make([]float32, 64)
	for end := time.Now().Add(20 * time.Second); ; {
		b, err := s.Read(t.Context(), buf)
		if err != nil {
			t.Fatal(err)
		}
		got := float64(buf[(b.Frames-1)*s.Info().Channels+channel])
		if math.Abs(got-want) <= within {
			t.Logf("it follows: %.4f", got)
			return
		}
		if time.Now().After(end) {
			t.Fatalf("it stays at %v, want %v", got, want)
		}
	}
}

// TestKernelMagnetometer reads the registers of a second chip on the bus, whose
// field is changed from outside. The kernel's st_magn does not bind to it: QEMU's
// model has no WHO_AM_I.
func TestKernelMagnetometer(t *testing.T) {
	name := kernelBus(t)
	b, err := bus.Linux{}.I2C(name, magnetometer)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Tx(magnetometer, []byte{0x02, 0x00}, nil); err != nil { // MR_REG_M: convert all the time
		t.Fatal(err)
	}
	field := make([]byte, 6) // OUT_X_H_M and five more
	if err := b.Tx(magnetometer, []byte{0x03}, field); err != nil {
		t.Fatal(err)
	}
	before := fmt.Sprintf("% x", field)
	tell("mag", "mag-x", 50000)
	for end := time.Now().Add(20 * time.Second); fmt.Sprintf("% x", field) == before; {
		if err := b.Tx(magnetometer, []byte{0x03}, field); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(end) {
			t.Fatalf("the field stays at %s", before)
		}
	}
	t.Logf("the field was %s, is % x", before, field)
}

// TestKernelHeld: an address that a driver of the kernel holds is refused with
// its name and the way out, and a scan tells of it.
func TestKernelHeld(t *testing.T) {
	name := kernelBus(t)
	if err := os.WriteFile("/sys/bus/i2c/devices/"+name+"/new_device", fmt.Appendf(nil, "tmp105 0x%02x", thermometer), 0); err != nil {
		t.Fatal(err)
	}
	s, err := Open(Config{Model: "tmp102", Bus: name, Address: thermometer, RateHz: 8})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(t.Context(), make([]float32, 1)); err == nil || !strings.Contains(err.Error(), "the kernel's driver lm75 holds it as tmp105") || !strings.Contains(err.Error(), "unbind") {
		t.Errorf("busy: %v", err)
	} else {
		t.Log(err)
	}
	if err := os.WriteFile("/sys/bus/i2c/devices/"+name+"/delete_device", fmt.Appendf(nil, "0x%02x", thermometer), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(t.Context(), make([]float32, 1)); err != nil {
		t.Errorf("given up by the kernel: %v", err)
	}
}
