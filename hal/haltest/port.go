package haltest

import (
	"fmt"
	"sync"

	"periph.io/x/conn/v3"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

// A Slave is a chip on SPI: one call is one frame, from chip select low to high.
type Slave interface {
	// Limits are the highest clock and the mode the chip understands.
	Limits() (physic.Frequency, spi.Mode)
	Frame(w, r []byte) // of the same length
}

// A Port is a chip select of an SPI bus with a chip behind it. It implements
// spi.PortCloser and, connected, spi.Conn.
type Port struct {
	mu     sync.Mutex
	chip   Slave
	faults Faults
	bytes  int
	w, r   []byte // of one frame
}

// NewPort returns a port with a chip.
func NewPort(chip Slave) *Port { return &Port{chip: chip} }

// Fault makes the port fail from now on; the zero value heals it.
func (p *Port) Fault(f Faults) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = f
}

// Connect implements spi.Port.
func (p *Port) Connect(f physic.Frequency, mode spi.Mode, bits int) (spi.Conn, error) {
	most, want := p.chip.Limits()
	if f > most || mode != want || bits != 8 {
		return nil, fmt.Errorf("fake SPI: %s, %s, %d bits; the chip wants up to %s, %s, 8", f, mode, bits, most, want)
	}
	return p, nil
}

// LimitSpeed implements spi.PortCloser.
func (p *Port) LimitSpeed(physic.Frequency) error { return nil }

// String implements spi.Port.
func (p *Port) String() string { return "fake SPI" }

// Close implements spi.PortCloser; the port can be used again.
func (p *Port) Close() error { return nil }

// Duplex implements conn.Conn.
func (p *Port) Duplex() conn.Duplex { return conn.Full }

// Tx implements conn.Conn.
func (p *Port) Tx(w, r []byte) error { return p.TxPackets([]spi.Packet{{W: w, R: r}}) }

// TxPackets implements spi.Conn: packets up to one without KeepCS are a frame.
func (p *Port) TxPackets(all []spi.Packet) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults.begin()
	if p.faults.Err != nil {
		return p.faults.Err
	}
	first := 0
	for i := range all {
		if i == len(all)-1 || !all[i].KeepCS {
			p.frame(all[first : i+1])
			first = i + 1
		}
	}
	return nil
}

func (p *Port) frame(all []spi.Packet) {
	p.w = p.w[:0]
	for _, x := range all {
		p.w = append(p.w, x.W...)
		for range len(x.R) - len(x.W) {
			p.w = append(p.w, 0)
		}
	}
	p.r = append(p.r[:0], p.w...)
	clear(p.r)
	switch {
	case p.faults.Absent:
		for i := range p.r {
			p.r[i] = 0xff
		}
	case p.faults.Stuck:
	default:
		p.chip.Frame(p.w, p.r)
		p.faults.damage(p.r, &p.bytes)
	}
	r := p.r
	for _, x := range all {
		copy(x.R, r)
		r = r[max(len(x.W), len(x.R)):]
	}
}
