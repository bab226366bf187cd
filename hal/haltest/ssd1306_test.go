package haltest

import (
	"image"
	"testing"

	"periph.io/x/devices/v3/ssd1306"
	"periph.io/x/devices/v3/ssd1306/image1bit"
)

// TestSSD1306Periph: what periph's driver draws is seen, upright; after Halt
// nothing is.
func TestSSD1306Periph(t *testing.T) {
	b, c := NewBus(), NewSSD1306()
	b.Attach(0x3c, c)
	d, err := ssd1306.NewI2C(b, &ssd1306.DefaultOpts)
	if err != nil {
		t.Fatal(err)
	}
	for turn := range 3 { // later ones send only what changed
		img := image1bit.NewVerticalLSB(image.Rect(0, 0, 128, 64))
		lit := func(x, y int) bool { return (x*7+y*13+turn)%5 == 0 || x < 10*turn && y > 60 }
		for y := range 64 {
			for x := range 128 {
				img.SetBit(x, y, image1bit.Bit(lit(x, y)))
			}
		}
		if err := d.Draw(img.Bounds(), img, image.Point{}); err != nil {
			t.Fatal(err)
		}
		seen := c.Pixels()
		for y := range 64 {
			for x := range 128 {
				if seen[y][x] != lit(x, y) {
					t.Fatalf("turn %d: pixel %d,%d is %v", turn, x, y, seen[y][x])
				}
			}
		}
	}
	if err := d.Halt(); err != nil || c.Pixels() != [64][128]bool{} {
		t.Errorf("after Halt it shows something, %v", err)
	}
}

// TestSSD1306Addressing: by page, as after reset, and vertically.
func TestSSD1306Addressing(t *testing.T) {
	c := NewSSD1306()
	c.Write([]byte{0x00, 0xaf, 0xa1, 0xc8, 0xb2, 0x05, 0x11})
	c.Write([]byte{0x40, 0x01, 0x80})
	if p := c.Pixels(); !p[16][0x15] || !p[23][0x16] || p[16][0x16] {
		t.Error("by page")
	}
	c.Write([]byte{0x80, 0x20, 0x80, 0x01, 0x80, 0x21, 0x80, 10, 0x80, 11, 0x80, 0x22, 0x80, 6, 0x80, 7, 0x40, 1, 2, 4, 8})
	if p := c.Pixels(); !p[48][10] || !p[57][10] || !p[50][11] || !p[59][11] {
		t.Error("vertically")
	}
}
