package replay

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/internal/pixels"
	"golang.org/x/image/bmp"
)

// Limits of one image.
const (
	MaxImageBytes = 64 << 20 // of the file
	MaxPixels     = 64 << 20
)

// images is the camera that shows files one after the other.
type images struct {
	cfg   Config
	items []string
	info  hal.FrameInfo
	pacer *hal.Pacer
	at    int
	seq   uint64
}

// OpenImages shows an image file (PNG, JPEG, BMP or GIF, told by content), or
// the *.png, *.jpg, *.jpeg, *.bmp and *.gif files of a folder, as a camera.
// Gray images have one channel, all others three (RGB); what is transparent
// shows black. The first image must be readable; a later one that is not gives
// one error that names it. Channels, Kind, Mono and the CSV settings do not
// apply.
func OpenImages(cfg Config) (hal.Camera, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("replay images: %w", err)
	}
	if cfg.RateHz == 0 {
		cfg.RateHz = 1
	}
	items, err := list(cfg.Path, ".png", ".jpg", ".jpeg", ".bmp", ".gif")
	if err != nil {
		return nil, fmt.Errorf("replay images: %w", err)
	}
	first, err := load(items[0])
	if err != nil {
		return nil, fmt.Errorf("replay images: %w", err)
	}
	c := &images{cfg: cfg, items: items, pacer: hal.NewPacer(cfg.Clock, cfg.RateHz, cfg.Realtime)}
	c.info = hal.FrameInfo{Width: first.Bounds().Dx(), Height: first.Bounds().Dy(), RateHz: cfg.RateHz}
	return c, nil
}

// Info describes the first image and the pace.
func (c *images) Info() hal.FrameInfo { return c.info }

// Halt stops the camera.
func (c *images) Halt() error {
	c.pacer.Halt()
	return nil
}

// Capture shows the next image when it is due.
func (c *images) Capture(ctx context.Context, f *hal.Frame) error {
	if err := c.pacer.Err(ctx); err != nil {
		return err
	}
	if c.at == len(c.items) {
		if !c.cfg.Loop {
			return io.EOF
		}
		c.at = 0
	}
	path := c.items[c.at]
	c.at++
	img, err := load(path)
	if err != nil {
		return err
	}
	pixels.Fill(f, img)
	f.Seq, f.Item = c.seq, itemName(c.cfg.Path, path)
	c.seq++
	f.Time, err = c.pacer.Advance(ctx, 1)
	return err
}

// load reads and decodes one file.
func load(path string) (image.Image, error) {
	f, size, err := openFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, trimPath(err))
	}
	defer f.Close()
	if size > MaxImageBytes {
		return nil, fmt.Errorf("%s: %d bytes, limit %d", path, size, MaxImageBytes)
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxImageBytes))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	img, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return img, nil
}

// codec is one image format, told by how its files begin.
type codec struct {
	name, magic string
	config      func(io.Reader) (image.Config, error)
	decode      func(io.Reader) (image.Image, error)
}

func codecs() [4]codec {
	return [4]codec{
		{"PNG", "\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode},
		{"JPEG", "\xff\xd8\xff", jpeg.DecodeConfig, jpeg.Decode},
		{"BMP", "BM", bmp.DecodeConfig, bmp.Decode},
		{"GIF", "GIF8", gif.DecodeConfig, gif.Decode},
	}
}

// decode checks the size an image claims before making room for it.
func decode(data []byte) (image.Image, error) {
	for _, c := range codecs() {
		if !bytes.HasPrefix(data, []byte(c.magic)) {
			continue
		}
		conf, err := c.config(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("%s image: %w", c.name, err)
		}
		if conf.Width <= 0 || conf.Height <= 0 || conf.Width > MaxPixels/conf.Height {
			return nil, fmt.Errorf("%s image: %d x %d pixels, limit %d in all", c.name, conf.Width, conf.Height, MaxPixels)
		}
		img, err := c.decode(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("%s image: %w", c.name, err)
		}
		return img, nil
	}
	return nil, fmt.Errorf("not a PNG, JPEG, BMP or GIF image (%d bytes)", len(data))
}
