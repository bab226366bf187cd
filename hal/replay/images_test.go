package replay

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
	"golang.org/x/image/bmp"
)

func encodePNG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func grayImage(w, h int) *image.Gray {
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = byte(i * 7)
	}
	return m
}

func TestImageFolder(t *testing.T) {
	dir := t.TempDir()
	m := grayImage(5, 3)
	rgba := image.NewRGBA(image.Rect(0, 0, 2, 2))
	rgba.Set(0, 0, color.RGBA{200, 100, 50, 255}) // the rest is transparent
	var b, j, g bytes.Buffer
	if err := errors.Join(bmp.Encode(&b, rgba), jpeg.Encode(&j, m, nil), gif.Encode(&g, m, nil)); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "1.png", encodePNG(t, m))
	write(t, dir, "2.png", encodePNG(t, rgba))
	write(t, dir, "3.jpg", j.Bytes())
	write(t, dir, "4.gif", g.Bytes())
	write(t, dir, "sub/5.bmp", b.Bytes())
	write(t, dir, "6.png", []byte("no image"))
	g16 := image.NewGray16(image.Rect(0, 0, 1, 1))
	g16.SetGray16(0, 0, color.Gray16{0xABCD})
	write(t, dir, "7.png", encodePNG(t, g16))
	c, err := OpenImages(Config{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	if i := c.Info(); i.Width != 5 || i.Height != 3 || i.RateHz != 1 {
		t.Errorf("info %+v", i)
	}
	var f hal.Frame
	capture := func(item string, channels int) {
		t.Helper()
		if err := c.Capture(t.Context(), &f); err != nil || f.Item != item || f.Channels != channels || len(f.Pix) != f.Stride*f.Height {
			t.Fatalf("%s: %+v, %v", item, f, err)
		}
	}
	capture("1.png", 1)
	if !slices.Equal(f.Pix, m.Pix) {
		t.Error("gray pixels changed")
	}
	capture("2.png", 3)
	if want := []byte{200, 100, 50, 0, 0, 0}; !slices.Equal(f.Pix[:6], want) {
		t.Errorf("pixels %v, want %v", f.Pix[:6], want)
	}
	capture("3.jpg", 1)
	capture("4.gif", 3) // its palette has colours
	if err := c.Capture(t.Context(), &f); err == nil || !strings.Contains(err.Error(), "6.png: not a PNG, JPEG, BMP or GIF image (8 bytes)") {
		t.Errorf("got %v", err)
	}
	capture("7.png", 1)
	if f.Pix[0] != 0xAB {
		t.Errorf("pixel %#x", f.Pix[0])
	}
	capture("sub/5.bmp", 3)
	if err := c.Capture(t.Context(), &f); err != io.EOF || f.Seq != 5 {
		t.Errorf("got %v at %d", err, f.Seq)
	}
}

func TestImagesRealtimeLoop(t *testing.T) {
	path := write(t, t.TempDir(), "1.png", encodePNG(t, grayImage(8, 8)))
	clock := &stepClock{now: time.Unix(100, 0)}
	c, err := OpenImages(Config{Path: path, RateHz: 4, Realtime: true, Loop: true, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	var f hal.Frame
	for i := range 6 {
		if err := c.Capture(t.Context(), &f); err != nil || f.Seq != uint64(i) || f.Item != "1.png" {
			t.Fatalf("%+v %v", f, err)
		}
	}
	if clock.total != 1500*time.Millisecond {
		t.Errorf("six images took %v", clock.total)
	}
	if err := errors.Join(c.Halt(), c.Halt()); err != nil {
		t.Error(err)
	}
	if err := c.Capture(t.Context(), &f); !errors.Is(err, hal.ErrHalted) {
		t.Errorf("got %v", err)
	}
}

func TestImageErrors(t *testing.T) {
	good := encodePNG(t, grayImage(8, 8))
	huge := bytes.Clone(good)
	copy(huge[16:], []byte{0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff})
	for _, tc := range []struct {
		name, want string
		data       []byte
	}{
		{"cut", "PNG image", good[:40]}, {"empty", "(0 bytes)", nil}, {"huge", "PNG image", huge}, {"bmp", "BMP image", []byte("BM")},
		{"jpeg", "JPEG image", []byte("\xff\xd8\xff\x00")}, {"gif", "GIF image", []byte("GIF89a")},
	} {
		path := write(t, t.TempDir(), "x.png", tc.data)
		if _, err := OpenImages(Config{Path: path}); err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want %q", tc.name, err, tc.want)
		}
	}
}
