package vision

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
)

// picture is 4x3 with one colour per corner.
func picture() *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, 4, 3))
	for i := range m.Pix {
		m.Pix[i] = 255
	}
	m.Set(0, 0, color.RGBA{255, 0, 0, 255})
	m.Set(3, 0, color.RGBA{0, 255, 0, 255})
	m.Set(0, 2, color.RGBA{0, 0, 255, 255})
	m.Set(3, 2, color.RGBA{0, 0, 0, 255})
	return m
}

func encoded(t testing.TB, format string, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch format {
	case "png":
		err = png.Encode(&b, m)
	case "bmp":
		err = bmp.Encode(&b, m)
	case "gif":
		err = gif.Encode(&b, m, nil)
	case "jpeg":
		err = jpeg.Encode(&b, m, &jpeg.Options{Quality: 100})
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestDecodeFormats(t *testing.T) {
	want := FromImage(picture())
	for _, format := range []string{"png", "bmp", "gif"} {
		got, err := Decode(encoded(t, format, picture()))
		if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		if got.Width != 4 || got.Height != 3 || got.Channels != 3 || !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("%s: %dx%dx%d %v, want %v", format, got.Width, got.Height, got.Channels, got.Pix, want.Pix)
		}
	}
	got, err := Decode(encoded(t, "jpeg", picture()))
	if err != nil || got.Width != 4 || got.Height != 3 || got.Channels != 3 {
		t.Errorf("jpeg: %+v %v", got, err)
	}
}

func TestDecodeGray(t *testing.T) {
	gray := image.NewGray(image.Rect(2, 1, 7, 3)) // an origin other than 0,0
	for i := range gray.Pix {
		gray.Pix[i] = byte(i * 25)
	}
	for _, format := range []string{"png", "bmp"} {
		got, err := Decode(encoded(t, format, gray))
		if err != nil || got.Channels != 1 || !bytes.Equal(got.Pix, gray.Pix) {
			t.Errorf("%s: %+v %v, want %v", format, got, err, gray.Pix)
		}
	}
	sub := gray.SubImage(image.Rect(3, 2, 6, 3))
	if got := FromImage(sub); got.Width != 3 || got.Height != 1 || got.Pix[0] != 150 {
		t.Errorf("part of a picture: %+v", got)
	}
}

func TestFromImageLaysTransparencyOverBlack(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 1, 1))
	m.SetNRGBA(0, 0, color.NRGBA{200, 100, 50, 128})
	got := FromImage(m)
	if want := []byte{100, 50, 25}; !bytes.Equal(got.Pix, want) {
		t.Errorf("pixel %v, want %v", got.Pix, want)
	}
}

func TestDecodeErrorsSayWhatItWas(t *testing.T) {
	big := encoded(t, "png", picture())
	binary.BigEndian.PutUint32(big[16:], 30000)
	binary.BigEndian.PutUint32(big[20:], 30000)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":     {nil, "empty file"},
		"wav":       {[]byte("RIFF\x24\x00\x00\x00WAVEfmt "), "a WAV recording"},
		"model":     {[]byte("\x20\x00\x00\x00TFL3\x00\x00\x00\x00"), "TensorFlow Lite model"},
		"webp":      {[]byte("RIFF\x24\x00\x00\x00WEBPVP8 "), "a WebP image"},
		"text":      {[]byte("hello"), "like text"},
		"binary":    {[]byte{0, 1, 2, 3}, "unknown data"},
		"truncated": {encoded(t, "png", picture())[:60], "decode png"},
		"cut jpeg":  {encoded(t, "jpeg", picture())[:200], "decode jpeg"},
		"bad size":  {big, "decode png"},
	} {
		_, err := Decode(c.data)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to name %q", name, err, c.want)
		}
	}
	if _, err := Decode([]byte("hello")); !errors.Is(err, ErrFormat) {
		t.Errorf("foreign data: %v, want ErrFormat", err)
	}
}

func TestDecodeRefusesHugePictures(t *testing.T) {
	header := encoded(t, "bmp", picture())
	binary.LittleEndian.PutUint32(header[18:], 20000)
	binary.LittleEndian.PutUint32(header[22:], 20000)
	_, err := Decode(header)
	if err == nil || !strings.Contains(err.Error(), "20000x20000") {
		t.Errorf("%v, want the size in it", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, format := range []string{"png", "bmp", "gif", "jpeg"} {
		f.Add(encoded(f, format, picture()))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := Decode(data); err == nil && m.check() != nil {
			t.Errorf("decoded into an inconsistent image: %v", m.check())
		}
	})
}
