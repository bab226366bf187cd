package vision

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"unicode/utf8"

	"golang.org/x/image/bmp"
)

// Limits on decoded pictures.
const (
	MaxFileBytes = 64 << 20
	MaxPixels    = 24 << 20 // up to 8 bytes each while decoding
	maxSide      = 1 << 15
)

// ErrFormat is wrapped by errors of data that is no supported picture.
var ErrFormat = errors.New("want a PNG, JPEG, BMP or GIF image")

type codec struct {
	name   string
	magic  string
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

func codecs() []codec {
	return []codec{
		{"png", "\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode},
		{"jpeg", "\xff\xd8", jpeg.DecodeConfig, jpeg.Decode},
		{"bmp", "BM", bmp.DecodeConfig, bmp.Decode},
		{"gif", "GIF8", gif.DecodeConfig, gif.Decode},
	}
}

// Decode reads a PNG, JPEG, BMP or GIF picture (its first frame), told by its
// content. Larger ones than MaxFileBytes or MaxPixels are refused before they
// are decoded. An error names the format found.
func Decode(data []byte) (Image, error) {
	if len(data) == 0 {
		return Image{}, fmt.Errorf("decode image: empty file: %w", ErrFormat)
	}
	if len(data) > MaxFileBytes {
		return Image{}, fmt.Errorf("decode image: %d bytes, want at most %d", len(data), MaxFileBytes)
	}
	for _, c := range codecs() {
		if bytes.HasPrefix(data, []byte(c.magic)) {
			return c.read(data)
		}
	}
	return Image{}, fmt.Errorf("decode image: looks like %s: %w", foreign(data), ErrFormat)
}

func (c codec) read(data []byte) (Image, error) {
	cfg, err := c.config(bytes.NewReader(data))
	if err != nil {
		return Image{}, fmt.Errorf("decode %s header: %w", c.name, err)
	}
	if cfg.Width < 1 || cfg.Height < 1 || cfg.Width > maxSide || cfg.Height > maxSide || cfg.Width*cfg.Height > MaxPixels {
		return Image{}, fmt.Errorf("decode %s: %dx%d pixels, want sides of 1 to %d and at most %d pixels", c.name, cfg.Width, cfg.Height, maxSide, MaxPixels)
	}
	img, err := c.decode(bytes.NewReader(data))
	if err != nil {
		return Image{}, fmt.Errorf("decode %s: %w", c.name, err)
	}
	m := FromImage(img)
	if err := m.check(); err != nil {
		return Image{}, fmt.Errorf("decode %s: %w", c.name, err)
	}
	return m, nil
}

// foreign names what data is by its first bytes.
func foreign(data []byte) string {
	head := data[:min(len(data), 512)]
	for _, f := range []struct {
		at          int
		magic, name string
	}{
		{4, "TFL3", "a TensorFlow Lite model"},
		{8, "WEBP", "a WebP image"},
		{8, "WAVE", "a WAV recording"},
		{4, "ftyp", "a HEIC, AVIF or MP4 file"},
		{0, "II*\x00", "a TIFF image"},
		{0, "MM\x00*", "a TIFF image"},
		{0, "%PDF", "a PDF document"},
		{0, "PK\x03\x04", "a zip archive"},
		{0, "\x1f\x8b", "a gzip file"},
	} {
		if len(head) >= f.at && bytes.HasPrefix(head[f.at:], []byte(f.magic)) {
			return f.name
		}
	}
	if utf8.Valid(head) && !bytes.ContainsRune(head, 0) {
		return "text"
	}
	return "unknown data"
}
