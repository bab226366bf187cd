package display

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/image/font/basicfont"
	"periph.io/x/conn/v3/i2c"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/haltest"
)

func wired(b *haltest.Bus) func(string, uint16) (i2c.BusCloser, error) {
	return func(string, uint16) (i2c.BusCloser, error) { return b, nil }
}

// readText reads letters off the pixels, by the font's own masks.
func readText(seen [64][128]bool, line int) string {
	var b strings.Builder
	for column := range 18 {
		best := '?'
		for r := ' '; r <= '~'; r++ {
			mask := basicfont.Face7x13.Mask
			same := true
			for y := 0; y < letterHeight && same; y++ {
				for x := 0; x < 6 && same; x++ {
					_, _, _, a := mask.At(x, int(r-' ')*letterHeight+y).RGBA()
					row := line*letterHeight + y
					same = row >= 64 || seen[row][1+column*letterWidth+x] == (a != 0)
				}
			}
			if same {
				best = r
				break
			}
		}
		b.WriteRune(best)
	}
	return strings.TrimRight(b.String(), " ")
}

// TestText: what is shown can be read, at either address, and is gone after Halt.
func TestText(t *testing.T) {
	for _, address := range []int{0, 0x3d} {
		b, chip := haltest.NewBus(), haltest.NewSSD1306()
		b.Attach(uint16(max(address, usualAddress)), chip)
		d, err := Open(Config{Bus: "i2c-1", Address: address, Open: wired(b)})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Show("bearing 99.6 %", "machine@1.0.0", "a line that is longer than the display"); err != nil {
			t.Fatal(err)
		}
		for line, want := range []string{"bearing 99.6 %", "machine@1.0.0", "a line that is lon", ""} {
			if got := readText(chip.Pixels(), line); got != want {
				t.Errorf("line %d: %q, want %q", line, got, want)
			}
		}
		if err := d.Halt(); err != nil || chip.Pixels() != [64][128]bool{} {
			t.Errorf("it shows something after Halt, %v", err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestPowerLoss: a display that went and came is set up anew.
func TestPowerLoss(t *testing.T) {
	b, chip := haltest.NewBus(), haltest.NewSSD1306()
	b.Attach(usualAddress, chip)
	d, err := Open(Config{Bus: "i2c-1", Open: wired(b)})
	if err != nil {
		t.Fatal(err)
	}
	b.Attach(usualAddress, nil)
	if err := d.Show("one"); !errors.Is(err, hal.ErrAbsent) {
		t.Errorf("%v", err)
	}
	chip = haltest.NewSSD1306()
	b.Attach(usualAddress, chip)
	if err := d.Show("two"); err != nil || readText(chip.Pixels(), 0) != "two" {
		t.Errorf("%q, %v", readText(chip.Pixels(), 0), err)
	}
}

func TestBad(t *testing.T) {
	for _, cfg := range []Config{{Bus: "i2c-1", Address: 0x50}, {Bus: "i2c-1", Height: 48}, {Bus: "i2c-1", Open: wired(haltest.NewBus())}, {Bus: "none"}} {
		if _, err := Open(cfg); err == nil {
			t.Errorf("%+v was opened", cfg)
		}
	}
}
