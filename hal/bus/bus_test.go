package bus

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/internal/devfs"
)

var (
	_ i2c.BusCloser  = (*I2C)(nil)
	_ spi.PortCloser = (*SPI)(nil)
	_ spi.Conn       = (*SPI)(nil)
)

// TestLayout: structures are those of the kernel's headers.
func TestLayout(t *testing.T) {
	if n := unsafe.Sizeof(spiTransfer{}); n != 32 {
		t.Errorf("spi_ioc_transfer: %d bytes", n)
	}
	if o := unsafe.Offsetof(message{}.buf); o != 8 {
		t.Errorf("i2c_msg: buf at %d", o)
	}
	if o := unsafe.Offsetof(smbus{}.data); o != 8 {
		t.Errorf("i2c_smbus_ioctl_data: data at %d", o)
	}
	if o := unsafe.Offsetof(transfer{}.n); o != unsafe.Sizeof(uintptr(0)) {
		t.Errorf("i2c_rdwr_ioctl_data: nmsgs at %d", o)
	}
	if r := spiMessage | uintptr(1)<<21; r != 0x40206b00 { // SPI_IOC_MESSAGE(1)
		t.Errorf("SPI_IOC_MESSAGE(1): %#x", r)
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{"i2c-0": false, "i2c-12": false, "spi0.0": true, "spi10.1": true} {
		if is, err := IsSPI(name); err != nil || is != want {
			t.Errorf("%s: %v %v", name, is, err)
		}
	}
	for _, name := range []string{"", "i2c", "i2c-", "i2c-1x", "i2c--1", "spi0", "spi0.0.0", "../i2c-1", "/dev/i2c-1", "i2c-01", "spi-1.0"} {
		if _, err := IsSPI(name); err == nil {
			t.Errorf("%q is a bus", name)
		}
		l := Linux{t.TempDir()}
		if _, err := l.I2C(name, 0x53); err == nil {
			t.Errorf("%q was opened", name)
		}
		if _, err := l.SPI(name); err == nil {
			t.Errorf("%q was opened", name)
		}
	}
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestAbsent: a bus that is not there, or is none.
func TestAbsent(t *testing.T) {
	root := t.TempDir()
	write(t, root, "dev/i2c-1", "")
	write(t, root, "dev/spidev0.0", "")
	l := Linux{root}
	for _, name := range []string{"i2c-1", "i2c-7"} {
		if _, err := l.I2C(name, 0x53); !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := l.SPI("spi7.0"); !errors.Is(err, hal.ErrAbsent) {
		t.Errorf("%v", err)
	}
	p, err := l.SPI("spi0.0")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Connect(physic.MegaHertz, spi.Mode3, 8); err == nil {
		t.Errorf("a file as a device: %v", err)
	}
	if _, err := p.Connect(physic.MegaHertz, spi.Mode3|spi.NoCS, 8); err == nil {
		t.Error("a mode that is not supported was taken")
	}
}

// TestHolder: an address that the kernel's driver holds is told with the way
// out, and a scan names what the kernel knows.
func TestHolder(t *testing.T) {
	root := t.TempDir()
	write(t, root, "sys/bus/i2c/devices/1-0053/name", "adxl345\n")
	if err := os.Symlink("../../../../bus/i2c/drivers/adxl345_i2c", filepath.Join(root, "sys/bus/i2c/devices/1-0053/driver")); err != nil {
		t.Fatal(err)
	}
	if s := holder(devfs.Root(root), "i2c-1", 0x53); !strings.Contains(s, "adxl345_i2c holds it as adxl345") || !strings.Contains(s, "echo 1-0053 > /sys/bus/i2c/drivers/adxl345_i2c/unbind") {
		t.Error(s)
	}
	f, known := kernelDevice(devfs.Root(root), "i2c-1", 0x53)
	if !known || f.String() != "0x53 (adxl345, held by the kernel's adxl345_i2c)" {
		t.Errorf("%v %v", f, known)
	}
	if s := Words([]Found{f, {Address: 0x76}}); s != "on the bus: 0x53 (adxl345, held by the kernel's adxl345_i2c), 0x76" {
		t.Error(s)
	}
	if s := Words(nil); !strings.Contains(s, "pull-ups") {
		t.Error(s)
	}
}
