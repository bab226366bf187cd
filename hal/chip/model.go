package chip

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/dunlin-edge/dunlin/hal/bus"
)

// A model is what a kind of chip can do.
type model struct {
	name      string
	summary   string
	addresses []uint16 // on I2C, the usual one first
	spi       *spiMode // nil where it has I2C only
	fifo      int      // bytes
	big       bool     // high byte first
	groups    []group  // in the FIFO's order
	ranges    []float64
	rotations []float64
	rates     func(spi bool) []float64
	device    func(*link, *plan) device
}

// A group of channels is in the FIFO whole or not at all.
type group struct {
	unit  string
	names []string
	scale func(p *plan) float64 // unit per LSB
}

// A plan is how a chip is going to be read.
type plan struct {
	rateHz, span, rotation float64 // as the chip has them
	names                  []string
	units                  []string
	groups                 []bool // which are in the FIFO
	words                  int    // of a frame in the FIFO
	depth                  int    // frames the FIFO holds
	pick                   []int  // word of each channel
	scale                  []float32
	big                    bool
}

// unit is that of all channels, or empty.
func (p *plan) unit() string {
	if slices.ContainsFunc(p.units, func(u string) bool { return u != p.units[0] }) {
		return ""
	}
	return p.units[0]
}

// plan checks a configuration and fills in what it leaves open.
func (m *model) plan(cfg *Config) (p plan, err error) {
	onSPI, err := bus.IsSPI(cfg.Bus)
	if err != nil {
		return p, err
	}
	if onSPI && m.spi == nil {
		return p, fmt.Errorf("it is on I2C only, not on %s", cfg.Bus)
	}
	if cfg.Address == 0 {
		cfg.Address = int(m.addresses[0])
	}
	if cfg.Address < 0x08 || cfg.Address > 0x77 {
		return p, fmt.Errorf("address 0x%02x: want 0x08 to 0x77; it has %s", cfg.Address, hexes(m.addresses))
	}
	if cfg.RateHz, err = nearest("rate", "Hz", cfg.RateHz, m.rates(onSPI)); err != nil {
		if all := m.rates(true); !onSPI && m.spi != nil && cfg.RateHz > slices.Max(m.rates(false)) && cfg.RateHz <= slices.Max(all) {
			err = fmt.Errorf("%w; it is faster on SPI", err)
		}
		return p, err
	}
	if cfg.Range, err = fit("range", cfg.Range, m.ranges); err != nil {
		return p, err
	}
	if cfg.Rotation, err = fit("rotation", cfg.Rotation, m.rotations); err != nil {
		return p, err
	}
	p.rateHz, p.span, p.rotation, p.big = cfg.RateHz, cfg.Range, cfg.Rotation, m.big
	return p, m.wire(cfg, &p)
}

// wire places the channels in the FIFO's frames.
func (m *model) wire(cfg *Config, p *plan) error {
	if len(cfg.Channels) == 0 {
		cfg.Channels = m.groups[m.usual()].names
	}
	var all []string
	p.groups = make([]bool, len(m.groups))
	for i, g := range m.groups {
		all = append(all, g.names...)
		if p.groups[i] = slices.ContainsFunc(g.names, func(n string) bool { return slices.Contains(cfg.Channels, n) }); p.groups[i] {
			p.words += len(g.names)
		}
	}
	for i, name := range cfg.Channels {
		word := 0
		for k, g := range m.groups {
			if at := slices.Index(g.names, name); at >= 0 && !slices.Contains(p.names[:i], name) {
				p.names, p.units, p.pick = append(p.names, name), append(p.units, g.unit), append(p.pick, word+at)
				p.scale = append(p.scale, float32(g.scale(p)))
			}
			if p.groups[k] {
				word += len(g.names)
			}
		}
		if len(p.names) != i+1 {
			return fmt.Errorf("channel %.40q: unknown or twice; it has %s", name, strings.Join(all, ", "))
		}
	}
	p.depth = min(m.fifo/(2*p.words), maxDepth)
	return nil
}

// maxDepth bounds the frames read at once where a FIFO is large.
const maxDepth = 256

// usual is the group that is read when nothing else is said: acceleration.
func (m *model) usual() int {
	return max(0, slices.IndexFunc(m.groups, func(g group) bool { return g.unit == "g" }))
}

// nearest returns the one of what a chip has that was meant, within 0.5 %, or
// an error that names the nearest.
func nearest(what, unit string, want float64, have []float64) (float64, error) {
	best := have[0]
	for _, h := range have {
		if math.Abs(h-want) < math.Abs(best-want) {
			best = h
		}
	}
	if !(math.Abs(best-want) <= 0.005*want) {
		return want, fmt.Errorf("it has no %s of %v %s; the nearest is %.6g", what, want, unit, best)
	}
	return best, nil
}

func fit(what string, want float64, have []float64) (float64, error) {
	switch {
	case want == 0 && len(have) == 0:
		return 0, nil
	case want == 0:
		return have[0], nil
	case slices.Contains(have, want):
		return want, nil
	}
	return 0, fmt.Errorf("%s %v: it has %v", what, want, have)
}

func hexes(all []uint16) string {
	var words []string
	for _, a := range all {
		words = append(words, fmt.Sprintf("0x%02x", a))
	}
	return strings.Join(words, ", ")
}

// decode turns frames of the FIFO into values.
func (p *plan) decode(buf []float32, raw []byte, frames int) {
	width := len(p.pick)
	for f := range frames {
		frame := raw[f*2*p.words : (f+1)*2*p.words]
		for c, w := range p.pick {
			v := binary.LittleEndian.Uint16(frame[2*w:])
			if p.big {
				v = v>>8 | v<<8
			}
			buf[f*width+c] = float32(int16(v)) * p.scale[c]
		}
	}
}

func axes(kind string) []string { return []string{kind + "_x", kind + "_y", kind + "_z"} }

// identify checks the register that says which chip it is.
func (l *link) identify(reg byte, want ...byte) error {
	var id [1]byte
	if err := l.read(reg, id[:]); err != nil {
		return fmt.Errorf("read its identity: %w", err)
	}
	if !slices.Contains(want, id[0]) {
		return fmt.Errorf("another chip is there: its register 0x%02x says 0x%02x, not 0x%02x", reg, id[0], want[0])
	}
	return nil
}

// level reads a counter of one or two bytes twice, so that a bit that flipped on
// the way is noticed: it may only have grown by a little.
func (l *link) level(reg byte, raw *[4]byte, two *[2]request, size int, value func([]byte) int) (int, error) {
	two[0], two[1] = request{reg, raw[:size]}, request{reg, raw[size : 2*size]}
	if err := l.batch(two[:]); err != nil {
		return 0, fmt.Errorf("read the FIFO's level: %w", err)
	}
	l.levelAt = l.now()
	a, b := value(raw[:size]), value(raw[size:2*size])
	if b < a {
		return 0, fmt.Errorf("the FIFO's level fell from %d to %d", a, b)
	}
	return a, nil
}

func models() []model { return []model{adxl345Model(), mpu6050Model(), lsm6ds3Model()} }
