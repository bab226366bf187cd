package chip

import (
	"errors"
	"testing"
	"time"

	"periph.io/x/conn/v3/i2c"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

// noise is a bus on which every byte read is the next of some bytes, over and
// over; a transfer fails where one is 0xee.
type noise struct {
	bytes []byte
	at    int
}

func (n *noise) Tx(_ uint16, _, r []byte) error {
	for i := range r {
		r[i] = n.bytes[n.at%len(n.bytes)]
		if n.at++; r[i] == 0xee {
			return errors.New("no acknowledge")
		}
	}
	return nil
}

func (n *noise) String() string                            { return "noise" }
func (n *noise) SetSpeed(physic.Frequency) error           { return nil }
func (n *noise) Close() error                              { return nil }
func (n *noise) I2C(string, uint16) (i2c.BusCloser, error) { return n, nil }
func (n *noise) SPI(string) (spi.PortCloser, error)        { return nil, errors.New("none") }

// FuzzDrain: whatever a chip answers, a driver with a FIFO neither panics nor
// returns more than it was given room for, and never for long.
func FuzzDrain(f *testing.F) {
	f.Add([]byte{0xe5})
	f.Add([]byte{0x68, 0x00, 0x0c, 0x00, 0x0c})
	f.Add([]byte{0x69, 0xff, 0x0f, 0x10, 0x00, 0x00, 0x10})
	f.Add([]byte{0x20, 0x20, 0x01, 0xee})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		for _, m := range models() {
			cfg := Config{Model: m.name, Bus: "i2c-1", RateHz: m.rates(false)[0]}
			p, err := m.plan(&cfg)
			if err != nil {
				t.Fatal(err)
			}
			n := &noise{bytes: data}
			d := m.device(&link{closer: n, i2c: n, now: time.Now}, &p)
			_ = d.start()
			buf := make([]float32, p.depth*len(p.names))
			for range 8 {
				got, err := d.drain(buf)
				if got.frames < 0 || got.left < 0 || got.frames > p.depth || err != nil && got.frames > 0 {
					t.Fatalf("%s: %+v, %v", m.name, got, err)
				}
			}
		}
	})
}
