// Package display shows lines of text on a small display.
//
// Start with [Open]. The SSD1306 is periph's driver's; letters are 7 by 13
// pixels, so that a display of 128 by 64 has five lines of 18.
package display

import (
	"errors"
	"fmt"
	"image"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
	"periph.io/x/conn/v3/i2c"
	"periph.io/x/devices/v3/ssd1306"
	"periph.io/x/devices/v3/ssd1306/image1bit"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/bus"
)

// usualAddress is the one periph's driver always uses.
const usualAddress = 0x3c

// letter is the size of one, in pixels.
const (
	letterWidth  = 7
	letterHeight = 13
	ascent       = 11
)

// Config says where a display is.
type Config struct {
	Bus     string // i2c-1
	Address int    // 0x3c or 0x3d; 0 is the first
	Height  int    // rows of pixels, 64 or 32; 0 is 64
	// Open opens the bus; nil is the machine's.
	Open func(name string, address uint16) (i2c.BusCloser, error)
}

// Text is a display for lines of text. Its methods may be called concurrently.
type Text struct {
	mu  sync.Mutex
	cfg Config
	bus i2c.BusCloser
	dev *ssd1306.Dev // nil while it has to be set up
	img *image1bit.VerticalLSB
}

// readdressed sends what goes to the usual address elsewhere.
type readdressed struct {
	i2c.BusCloser
	address uint16
}

func (r readdressed) Tx(_ uint16, w, rd []byte) error { return r.BusCloser.Tx(r.address, w, rd) }

// Open sets a display up and blanks it.
func Open(cfg Config) (*Text, error) {
	if cfg.Address == 0 {
		cfg.Address = usualAddress
	}
	if cfg.Height == 0 {
		cfg.Height = 64
	}
	if cfg.Open == nil {
		cfg.Open = bus.Linux{}.I2C
	}
	if cfg.Address != usualAddress && cfg.Address != usualAddress+1 || cfg.Height != 64 && cfg.Height != 32 {
		return nil, fmt.Errorf("display: address 0x%02x, %d rows: want 0x3c or 0x3d, 64 or 32", cfg.Address, cfg.Height)
	}
	b, err := cfg.Open(cfg.Bus, uint16(cfg.Address))
	if err != nil {
		return nil, fmt.Errorf("display: %w", err)
	}
	t := &Text{cfg: cfg, bus: readdressed{b, uint16(cfg.Address)}, img: image1bit.NewVerticalLSB(image.Rect(0, 0, 128, cfg.Height))}
	if err := t.Show(); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return t, nil
}

// Show replaces what is shown; lines and letters that do not fit are left out.
// A display that lost its power or its wires is set up anew by the next call.
func (t *Text) Show(lines ...string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dev == nil {
		opts := ssd1306.DefaultOpts
		opts.H = t.cfg.Height
		opts.Sequential = t.cfg.Height == 32
		d, err := ssd1306.NewI2C(t.bus, &opts)
		if err != nil {
			return t.failed(err)
		}
		t.dev = d
	}
	clear(t.img.Pix)
	for i, line := range lines[:min(len(lines), t.cfg.Height/letterHeight+1)] {
		d := font.Drawer{Dst: t.img, Src: &image.Uniform{C: image1bit.On}, Face: basicfont.Face7x13, Dot: fixed.P(1, i*letterHeight+ascent)}
		d.DrawString(fit(line))
	}
	if err := t.dev.Draw(t.img.Bounds(), t.img, image.Point{}); err != nil {
		return t.failed(err)
	}
	return nil
}

// fit cuts a line to what a row holds.
func fit(line string) string {
	letters := []rune(line)
	return string(letters[:min(len(letters), 128/letterWidth)])
}

// failed forgets the device, so that the next call sets it up.
func (t *Text) failed(err error) error {
	t.dev = nil
	return fmt.Errorf("%w: display on %s, address 0x%02x: %w", hal.ErrAbsent, t.cfg.Bus, t.cfg.Address, err)
}

// Halt shows nothing. It is idempotent.
func (t *Text) Halt() error { return t.Show() }

// Close switches the display off and gives the bus back.
func (t *Text) Close() error {
	err := t.Halt()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dev != nil {
		err = errors.Join(err, t.dev.Halt())
	}
	return errors.Join(err, t.bus.Close())
}
