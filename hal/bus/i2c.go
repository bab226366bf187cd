package bus

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	"periph.io/x/conn/v3/physic"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/internal/devfs"
)

// What include/uapi/linux/i2c-dev.h and i2c.h name.
const (
	i2cSlave  = 0x0703
	i2cFuncs  = 0x0705
	i2cRdwr   = 0x0707
	i2cFlagRd = 0x0001
	funcI2C   = 0x00000001
	funcQuick = 0x00010000
)

// message is struct i2c_msg.
type message struct {
	addr, flags, len uint16
	buf              *byte
}

// transfer is struct i2c_rdwr_ioctl_data.
type transfer struct {
	msgs *message
	n    uint32
}

// I2C is a bus as one device's driver uses it. It implements i2c.BusCloser;
// transfers are serialized.
type I2C struct {
	root devfs.Root
	name string
	fd   *os.File

	mu    sync.Mutex
	funcs uintptr
	msgs  [2]message
	all   transfer
	smbus smbus
}

func openI2C(root devfs.Root, name string, address uint16) (*I2C, error) {
	if spi, err := IsSPI(name); err != nil || spi {
		return nil, errors.Join(err, fmt.Errorf("I2C bus %.40q: want one such as i2c-1", name))
	}
	path := root.Path("dev", name)
	what := fmt.Sprintf("I2C bus %s", name)
	fd, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, root.Explain(what, path, err)
	}
	b := &I2C{root: root, name: name, fd: fd}
	if err := ioctl(fd.Fd(), i2cFuncs, unsafe.Pointer(&b.funcs)); err != nil {
		fd.Close()
		return nil, fmt.Errorf("%w: %s: it is no I2C bus: %w", hal.ErrAbsent, what, err)
	}
	// Whole transfers may go to any address; this one asks who holds it.
	if err := b.slave(address); err != nil {
		fd.Close()
		if errors.Is(err, syscall.EBUSY) {
			return nil, fmt.Errorf("%w: %s, address 0x%02x: %w; %s", hal.ErrAbsent, what, address, err, holder(root, name, address))
		}
		return nil, root.Explain(fmt.Sprintf("%s, address 0x%02x", what, address), path, err)
	}
	return b, nil
}

func (b *I2C) slave(address uint16) error {
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, b.fd.Fd(), i2cSlave, uintptr(address)); e != 0 {
		return e
	}
	return nil
}

// String implements i2c.Bus.
func (b *I2C) String() string { return b.name }

// Close implements i2c.BusCloser.
func (b *I2C) Close() error { return b.fd.Close() }

// SetSpeed implements i2c.Bus: the device tree sets it.
func (b *I2C) SetSpeed(physic.Frequency) error {
	return errors.New("the speed of an I2C bus is set in the device tree or the boot configuration")
}

// Tx implements i2c.Bus: w goes out, then r comes in, with a repeated start
// between them. It allocates nothing.
func (b *I2C) Tx(address uint16, w, r []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(w) > 8192 || len(r) > 8192 { // I2C_RDWR's limit
		return fmt.Errorf("I2C transfer of %d and %d bytes: at most 8192", len(w), len(r))
	}
	if b.funcs&funcI2C == 0 {
		return b.overSMBus(address, w, r)
	}
	n := 0
	if len(w) > 0 {
		b.msgs[n] = message{addr: address, len: uint16(len(w)), buf: &w[0]}
		n++
	}
	if len(r) > 0 {
		b.msgs[n] = message{addr: address, flags: i2cFlagRd, len: uint16(len(r)), buf: &r[0]}
		n++
	}
	if n == 0 {
		return nil
	}
	b.all = transfer{&b.msgs[0], uint32(n)}
	done, _, e := syscall.Syscall(syscall.SYS_IOCTL, b.fd.Fd(), i2cRdwr, uintptr(unsafe.Pointer(&b.all)))
	runtime.KeepAlive(w)
	runtime.KeepAlive(r)
	b.msgs = [2]message{}
	if e != 0 {
		return e
	}
	if int(done) != n {
		return fmt.Errorf("I2C transfer: %d of %d messages", done, n)
	}
	return nil
}
