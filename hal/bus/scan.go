package bus

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/dunlin-edge/dunlin/hal/internal/devfs"
)

// Addresses that devices have, and how long a scan may take: on a bus that is
// stuck every address takes the adapter's whole timeout. That alone does not tell
// it: the i.MX's driver times out wherever nobody answers.
const (
	firstAddress = 0x08
	lastAddress  = 0x77
	scanTime     = 15 * time.Second
)

// Scan lists who answers on the bus of an adapter below root, and what the
// kernel's drivers hold there. It asks as i2cdetect does: by an empty write, and
// by reading a byte where that could change an EEPROM, or was not answered: some
// controllers cannot write nothing.
func (l Linux) Scan(name string) ([]Found, error) {
	b, err := openI2C(devfs.Root(l.Root), name, 0)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return b.Scan(), nil
}

// Scan is Linux.Scan on an open bus.
func (b *I2C) Scan() []Found {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []Found
	end := time.Now().Add(scanTime)
	for a := uint16(firstAddress); a <= lastAddress; a++ {
		if f, known := kernelDevice(b.root, b.name, a); known {
			all = append(all, f)
			continue
		}
		if time.Now().Before(end) && b.ask(a) == nil {
			all = append(all, Found{Address: a})
		}
	}
	return all
}

// ask returns nil where somebody answers.
func (b *I2C) ask(a uint16) error {
	if err := b.slave(a); err != nil {
		return err
	}
	byRead := b.funcs&funcQuick == 0 || a >= 0x30 && a <= 0x37 || a >= 0x50 && a <= 0x5f
	if !byRead {
		if err := b.smbusTx(smbusWrite, 0, smbusQuick); err == nil || errors.Is(err, syscall.ETIMEDOUT) {
			return err
		}
	}
	return b.smbusTx(smbusRead, 0, smbusByte)
}

// kernelDevice tells of a device that the kernel knows at an address.
func kernelDevice(root devfs.Root, bus string, address uint16) (f Found, known bool) {
	var n int
	if _, err := fmt.Sscanf(bus, "i2c-%d", &n); err != nil {
		return f, false
	}
	dir := fmt.Sprintf("/sys/bus/i2c/devices/%d-%04x", n, address)
	name, err := root.Attr(dir, "name")
	if err != nil {
		return f, false
	}
	f = Found{Address: address, Name: name}
	if driver, err := os.Readlink(root.Path(dir, "driver")); err == nil {
		f.Driver = filepath.Base(driver)
	}
	return f, true
}

// holder words who has an address, with the way out.
func holder(root devfs.Root, bus string, address uint16) string {
	f, known := kernelDevice(root, bus, address)
	if !known || f.Driver == "" {
		return "a driver of the kernel holds it"
	}
	return fmt.Sprintf("the kernel's driver %s holds it as %s: use driver iio if dunlin sensors scan lists it, or give it up: echo %d-%04x > /sys/bus/i2c/drivers/%s/unbind",
		f.Driver, f.Name, number(bus), address, f.Driver)
}

func number(bus string) (n int) {
	_, _ = fmt.Sscanf(bus, "i2c-%d", &n)
	return n
}
