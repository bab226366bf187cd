package chip

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/bus"
)

// Buses opens what chips hang on. bus.Linux is the machine's.
type Buses interface {
	I2C(name string, address uint16) (i2c.BusCloser, error)
	SPI(name string) (spi.PortCloser, error)
}

// spiMode is how a chip is spoken to over SPI: a byte with the register and
// bits that say what follows.
type spiMode struct {
	clock      physic.Frequency
	mode       spi.Mode
	readBit    byte
	severalBit byte // more than one register follows
}

// A request asks for as many registers as r is long.
type request struct {
	reg byte
	r   []byte
}

// A link reaches a chip's registers. One goroutine uses it; after the first
// transfers of a kind it allocates nothing.
type link struct {
	closer  io.Closer
	i2c     i2c.Bus // nil on SPI
	address uint16
	spi     spi.Conn
	mode    spiMode
	now     func() time.Time
	levelAt time.Time // when the FIFO's level had been read
	out     [2]byte
	one     [1]request
	packets []spi.Packet
	tx, rx  []byte
}

func openLink(buses Buses, name string, address uint16, mode *spiMode, now func() time.Time) (*link, error) {
	onSPI, err := bus.IsSPI(name)
	if err != nil {
		return nil, err
	}
	if !onSPI {
		b, err := buses.I2C(name, address)
		if err != nil {
			return nil, err
		}
		return &link{closer: b, i2c: b, address: address, now: now}, nil
	}
	p, err := buses.SPI(name)
	if err != nil {
		return nil, err
	}
	c, err := p.Connect(mode.clock, mode.mode, 8)
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return &link{closer: p, spi: c, mode: *mode, now: now}, nil
}

func (l *link) read(reg byte, r []byte) error {
	l.one[0] = request{reg, r}
	return l.batch(l.one[:])
}

func (l *link) write(reg, v byte) error {
	l.out = [2]byte{reg, v}
	if l.i2c != nil {
		return l.i2c.Tx(l.address, l.out[:], nil)
	}
	return l.spi.Tx(l.out[:], nil)
}

// set writes registers and reads back what they hold: a bit may have flipped on
// the way, and a chip that is none keeps nothing.
func (l *link) set(pairs ...[2]byte) error {
	var got [1]byte
	for _, p := range pairs {
		if err := l.write(p[0], p[1]); err != nil {
			return fmt.Errorf("write register 0x%02x: %w", p[0], err)
		}
		if err := l.read(p[0], got[:]); err != nil {
			return fmt.Errorf("read register 0x%02x: %w", p[0], err)
		}
		if got[0] != p[1] {
			return fmt.Errorf("register 0x%02x holds 0x%02x after 0x%02x was written", p[0], got[0], p[1])
		}
	}
	return nil
}

// batch answers requests one after the other, on SPI in one system call.
func (l *link) batch(all []request) error {
	if l.i2c != nil {
		for i := range all {
			l.out[0] = all[i].reg
			if err := l.i2c.Tx(l.address, l.out[:1], all[i].r); err != nil {
				return err
			}
		}
		return nil
	}
	size := 0
	for i := range all {
		size += 1 + len(all[i].r)
	}
	l.tx, l.rx = slices.Grow(l.tx[:0], size)[:size], slices.Grow(l.rx[:0], size)[:size]
	l.packets = l.packets[:0]
	clear(l.tx)
	at := 0
	for i := range all {
		end := at + 1 + len(all[i].r)
		l.tx[at] = all[i].reg | l.mode.readBit
		if len(all[i].r) > 1 {
			l.tx[at] |= l.mode.severalBit
		}
		l.packets = append(l.packets, spi.Packet{W: l.tx[at:end], R: l.rx[at:end]})
		at = end
	}
	if err := l.spi.TxPackets(l.packets); err != nil {
		return err
	}
	at = 0
	for i := range all {
		at += 1 + copy(all[i].r, l.rx[at+1:])
	}
	return nil
}

func (l *link) close() { _ = l.closer.Close() }

// absent words that a bus could not be opened for a chip.
func absent(model string, err error) error {
	if errors.Is(err, hal.ErrAbsent) {
		return fmt.Errorf("%s: %w", model, err)
	}
	return fmt.Errorf("%w: %s: %w", hal.ErrAbsent, model, err)
}

// explain words a failure for people.
func (l *link) explain(model, name string, err error) error {
	if l.i2c == nil {
		return fmt.Errorf("%w: %s on %s: %w; check the wires and the chip select", hal.ErrAbsent, model, name, err)
	}
	return fmt.Errorf("%w: %s on %s, address 0x%02x: %w%s", hal.ErrAbsent, model, name, l.address, err, onI2C(l.i2c, err))
}

// onI2C adds what is on the bus where nothing answered at an address or
// something else did. A bus that is stuck times out, and so do some controllers
// where merely nobody answers: the scan tells them apart.
func onI2C(b i2c.Bus, err error) string {
	s, can := b.(interface{ Scan() []bus.Found })
	if !can {
		return ""
	}
	found := s.Scan()
	if errors.Is(err, syscall.ETIMEDOUT) && len(found) == 0 {
		return "; the bus is stuck: something holds a line low, or its clock is too slow; take the power off and on"
	}
	return "; " + bus.Words(found)
}
