package vision

import (
	"fmt"
	"image"
	"image/color"
)

// Image is an 8-bit picture, row by row.
type Image struct {
	Width, Height int
	Stride        int // bytes from one row to the next
	Channels      int // 1 (gray) or 3 (red, green, blue interleaved)
	Pix           []byte
}

// check reports what is inconsistent about the picture.
func (m Image) check() error {
	switch {
	case m.Width < 1 || m.Height < 1 || m.Width > maxSide || m.Height > maxSide:
		return fmt.Errorf("image of %dx%d pixels, want sides of 1 to %d", m.Width, m.Height, maxSide)
	case m.Channels != 1 && m.Channels != 3:
		return fmt.Errorf("image of %d channels, want 1 (gray) or 3 (RGB)", m.Channels)
	case m.Stride < m.Width*m.Channels:
		return fmt.Errorf("image stride of %d bytes, want at least %d", m.Stride, m.Width*m.Channels)
	case len(m.Pix) < (m.Height-1)*m.Stride+m.Width*m.Channels:
		return fmt.Errorf("image of %d bytes, want %d", len(m.Pix), (m.Height-1)*m.Stride+m.Width*m.Channels)
	}
	return nil
}

// FromImage copies a picture. Gray ones, paletted ones with only grays among
// them, get one channel; transparent pixels are laid over black.
func FromImage(img image.Image) Image {
	b := img.Bounds()
	m := Image{Width: b.Dx(), Height: b.Dy(), Channels: 3}
	if isGray(img) {
		m.Channels = 1
	}
	m.Stride = m.Width * m.Channels
	m.Pix = make([]byte, m.Stride*m.Height)
	for y := range m.Height {
		row := m.Pix[y*m.Stride:][:m.Stride]
		switch src := img.(type) {
		case *image.Gray:
			copy(row, src.Pix[src.PixOffset(b.Min.X, b.Min.Y+y):])
		case *image.YCbCr:
			rowYCbCr(row, src, b.Min.X, b.Min.Y+y)
		case *image.RGBA:
			rowRGBA(row, src.Pix[src.PixOffset(b.Min.X, b.Min.Y+y):])
		default:
			rowAny(row, img, b.Min.X, b.Min.Y+y, m.Channels)
		}
	}
	return m
}

func isGray(img image.Image) bool {
	switch src := img.(type) {
	case *image.Gray, *image.Gray16:
		return true
	case *image.Paletted:
		for _, c := range src.Palette {
			if r, g, b, _ := c.RGBA(); r != g || g != b {
				return false
			}
		}
		return true
	}
	return false
}

func rowYCbCr(row []byte, src *image.YCbCr, x, y int) {
	for i := 0; i < len(row); i += 3 {
		c := src.COffset(x, y)
		row[i], row[i+1], row[i+2] = color.YCbCrToRGB(src.Y[src.YOffset(x, y)], src.Cb[c], src.Cr[c])
		x++
	}
}

func rowRGBA(row, pix []byte) {
	for i, j := 0, 0; i < len(row); i, j = i+3, j+4 {
		copy(row[i:i+3], pix[j:j+3])
	}
}

func rowAny(row []byte, img image.Image, x, y, channels int) {
	for i := 0; i < len(row); i += channels {
		r, g, b, _ := img.At(x, y).RGBA()
		row[i] = byte(r >> 8)
		if channels == 3 {
			row[i+1], row[i+2] = byte(g>>8), byte(b>>8)
		}
		x++
	}
}
