// Package bus opens the I2C and SPI buses of Linux as periph's i2c.Bus and
// spi.Port, which drivers of chips are written against.
//
// Start with [Linux]. Buses go through i2c-dev and spidev
// (Documentation/i2c/dev-interface.rst, Documentation/spi/spidev.rst); neither
// needs root where a udev rule gives a group access. On an adapter that speaks
// SMBus only, transfers that SMBus has are made of it.
package bus

import (
	"fmt"
	"strings"
	"syscall"
	"unsafe"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/spi"

	"github.com/dunlin-edge/dunlin/hal/internal/devfs"
)

// Linux opens the kernel's buses below a root folder that stands for "/".
type Linux struct{ Root string }

// I2C opens a bus by its name, such as i2c-1, for one device on it. An address
// that a driver of the kernel holds is refused with the driver's name.
func (l Linux) I2C(name string, address uint16) (i2c.BusCloser, error) {
	return openI2C(devfs.Root(l.Root), name, address)
}

// SPI opens a device by its bus and chip select, such as spi0.0.
func (l Linux) SPI(name string) (spi.PortCloser, error) {
	return openSPI(devfs.Root(l.Root), name)
}

// IsSPI tells which kind of bus a name belongs to: i2c-N or spiN.M.
func IsSPI(name string) (bool, error) {
	var bus, cs int
	var rest string
	if n, _ := fmt.Sscanf(name, "i2c-%d%s", &bus, &rest); n == 1 && bus >= 0 && name == fmt.Sprintf("i2c-%d", bus) {
		return false, nil
	}
	if n, _ := fmt.Sscanf(name, "spi%d.%d%s", &bus, &cs, &rest); n == 2 && bus >= 0 && cs >= 0 && name == fmt.Sprintf("spi%d.%d", bus, cs) {
		return true, nil
	}
	return false, fmt.Errorf("bus %.40q: want one such as i2c-1 or spi0.0", name)
}

// A Found device answers on an I2C bus.
type Found struct {
	Address uint16
	Name    string // what the kernel calls it; empty where it does not know it
	Driver  string // of the kernel that holds it; empty where it is free
}

func (f Found) String() string {
	s := fmt.Sprintf("0x%02x", f.Address)
	switch {
	case f.Driver != "":
		s += fmt.Sprintf(" (%s, held by the kernel's %s)", f.Name, f.Driver)
	case f.Name != "":
		s += " (" + f.Name + ")"
	}
	return s
}

// Words lists what was found for people.
func Words(all []Found) string {
	if len(all) == 0 {
		return "nothing answers on the bus: check wires, power and pull-ups"
	}
	var words []string
	for _, f := range all {
		words = append(words, f.String())
	}
	return "on the bus: " + strings.Join(words, ", ")
}

func ioctl(fd, request uintptr, arg unsafe.Pointer) error {
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(arg)); e != 0 {
		return e
	}
	return nil
}
