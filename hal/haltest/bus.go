package haltest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"github.com/dunlin-edge/dunlin/hal/bus"
)

// Faults are what is wrong with a bus.
type Faults struct {
	Absent    bool // nobody acknowledges; on SPI every bit reads as 1
	Stuck     bool // data held low: I2C times out, SPI reads zeros
	Short     int  // above 0: bytes of a read that come, then the lines float and read as ones
	FlipEvery int  // above 0: of every so many bytes read, one has a wrong bit
	Err       error
	Pause     func() // what happens to the machine before each transfer; nil is nothing
}

// begin passes the time that a transfer waits for.
func (f *Faults) begin() {
	if f.Pause != nil {
		f.Pause()
	}
}

// damage does to bytes read what the faults say, counting them.
func (f *Faults) damage(r []byte, count *int) {
	for i := range r {
		*count++
		if f.FlipEvery > 0 && *count%f.FlipEvery == 0 {
			r[i] ^= 1 << (*count / f.FlipEvery % 8)
		}
		if f.Short > 0 && i >= f.Short {
			r[i] = 0xff
		}
	}
}

// A Chip is what answers at an I2C address.
type Chip interface {
	Write(w []byte) // what comes after the address
	Read(r []byte)
}

// A Bus is an I2C bus with chips on it. It implements i2c.BusCloser and may be
// used concurrently.
type Bus struct {
	mu     sync.Mutex
	chips  map[uint16]Chip
	faults Faults
	bytes  int
}

// NewBus returns a bus with nothing on it.
func NewBus() *Bus { return &Bus{chips: map[uint16]Chip{}} }

// Attach puts a chip on the bus; nil takes it away.
func (b *Bus) Attach(address uint16, c Chip) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.chips[address] = c; c == nil {
		delete(b.chips, address)
	}
}

// Fault makes the bus fail from now on; the zero value heals it.
func (b *Bus) Fault(f Faults) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = f
}

// Tx implements i2c.Bus.
func (b *Bus) Tx(address uint16, w, r []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults.begin()
	c := b.chips[address]
	switch {
	case b.faults.Err != nil:
		return b.faults.Err
	case b.faults.Stuck:
		return syscall.ETIMEDOUT
	case b.faults.Absent || c == nil:
		return syscall.ENXIO
	}
	if len(w) > 0 {
		c.Write(w)
	}
	if len(r) > 0 {
		c.Read(r)
		b.faults.damage(r, &b.bytes)
	}
	return nil
}

// String implements i2c.Bus.
func (b *Bus) String() string { return "fake I2C" }

// SetSpeed implements i2c.Bus.
func (b *Bus) SetSpeed(physic.Frequency) error { return nil }

// Close implements i2c.BusCloser; the bus can be used again.
func (b *Bus) Close() error { return nil }

// Scan lists who is there.
func (b *Bus) Scan() []bus.Found {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []bus.Found
	for a := range b.chips {
		if !b.faults.Absent && !b.faults.Stuck {
			all = append(all, bus.Found{Address: a})
		}
	}
	slices.SortFunc(all, func(x, y bus.Found) int { return int(x.Address) - int(y.Address) })
	return all
}

// Wiring hands a bus and a port out under any name.
type Wiring struct {
	Bus  *Bus
	Port *Port
}

// I2C returns the bus.
func (w Wiring) I2C(name string, _ uint16) (i2c.BusCloser, error) {
	if w.Bus == nil {
		return nil, fmt.Errorf("no I2C bus %s", name)
	}
	return w.Bus, nil
}

// SPI returns the port.
func (w Wiring) SPI(name string) (spi.PortCloser, error) {
	if w.Port == nil {
		return nil, errors.New("no SPI device " + name)
	}
	return w.Port, nil
}
