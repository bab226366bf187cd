//go:build kernel

package iio

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/dunlin-edge/dunlin/hal"
)

// smbus is struct i2c_smbus_ioctl_data.
type smbus struct {
	write, command byte
	size           uint32
	data           *[34]byte
}

// stub returns the bus of i2c-stub and a function that sets its registers,
// which are words.
func stub(t *testing.T) (bus string, set func(register byte, value uint16)) {
	t.Helper()
	names, _ := filepath.Glob("/sys/bus/i2c/devices/i2c-*/name")
	for _, n := range names {
		if data, _ := os.ReadFile(n); strings.HasPrefix(string(data), "SMBus stub") {
			bus = filepath.Base(filepath.Dir(n))
		}
	}
	f, err := os.OpenFile("/dev/"+bus, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	const slaveForce, smbusRequest, wordData = 0x0706, 0x0720, 3
	return bus, func(register byte, value uint16) {
		if err := unix.IoctlSetInt(int(f.Fd()), slaveForce, 0x0f); err != nil {
			t.Fatal(err)
		}
		d := [34]byte{byte(value), byte(value >> 8)}
		a := smbus{0, register, wordData, &d}
		if _, _, e := unix.Syscall(unix.SYS_IOCTL, f.Fd(), smbusRequest, uintptr(unsafe.Pointer(&a))); e != 0 {
			t.Fatal(e)
		}
	}
}

// TestKernelKXCJK, at the 4 g that the driver chooses (512 a g), lets the kernel's driver of an accelerometer, Kionix KXCJK, find
// a chip whose registers are those of i2c-stub, and reads it as any sensor.
func TestKernelKXCJK(t *testing.T) {
	bus, set := stub(t)
	set(0x0f, 0x0a)                       // WHO_AM_I
	acceleration := func(x, y, z int16) { // 12 bits, left-aligned in 16, from 0x06
		for i, v := range []int16{x, y, z} {
			set(byte(0x06+2*i), uint16(v<<4))
		}
	}
	acceleration(0, 0, 1024)
	if err := os.WriteFile("/sys/bus/i2c/devices/"+bus+"/new_device", []byte("kxcjk1013 0x0f"), 0); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); len(List("")) == 0 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
	}
	all := List("")
	if len(all) != 1 {
		t.Fatalf("devices: %+v", all)
	}
	t.Logf("%+v", all[0])
	s := open(t, Config{Device: all[0].Name, Channels: []string{"accel_x", "accel_y", "accel_z"}, RateHz: 200})
	buf := make([]float32, 3)
	for _, raw := range [][3]int16{{0, 0, 1024}, {-512, 128, 2047}, {1, -1, -2048}} {
		acceleration(raw[0], raw[1], raw[2])
		if b, err := s.Read(t.Context(), buf); err != nil || b.Frames != 1 {
			t.Fatal(b, err)
		}
		for i := range 3 {
			if want := float64(raw[i]) / 512; math.Abs(float64(buf[i])-want) > 0.002 {
				t.Errorf("axis %d is %v g, want %v", i, buf[i], want)
			}
		}
	}
	if err := os.WriteFile("/sys/bus/i2c/devices/"+bus+"/delete_device", []byte("0x0f"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(t.Context(), buf); !errors.Is(err, hal.ErrAbsent) {
		t.Errorf("a sensor that was unplugged: %v", err)
	} else {
		t.Logf("unplugged: %v", err)
	}
	if _, err := s.Read(t.Context(), buf); err == nil || !strings.Contains(err.Error(), "here: none") {
		t.Errorf("and then: %v", err)
	}
}
