// Package pixels turns decoded images into frames.
package pixels

import (
	"image"
	"image/draw"

	"github.com/dunlin-edge/dunlin/hal"
)

// Fill copies img into f, reusing its pixels' memory.
func Fill(f *hal.Frame, img image.Image) {
	b := img.Bounds()
	f.Width, f.Height, f.Channels = b.Dx(), b.Dy(), 3
	if isGray(img) {
		f.Channels = 1
	}
	f.Stride = f.Width * f.Channels
	if need := f.Stride * f.Height; cap(f.Pix) < need {
		f.Pix = make([]byte, need)
	} else {
		f.Pix = f.Pix[:need]
	}
	switch m := img.(type) {
	case *image.Gray:
		for y := range f.Height {
			copy(f.Pix[y*f.Stride:][:f.Stride], m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):])
		}
	case *image.Gray16:
		for y := range f.Height {
			row := m.Pix[m.PixOffset(b.Min.X, b.Min.Y+y):]
			for x := range f.Width {
				f.Pix[y*f.Stride+x] = row[2*x] // the upper byte
			}
		}
	default:
		fillFrom(f, onBlack(img))
	}
}

// isGray reports whether one channel is enough.
func isGray(img image.Image) bool {
	switch m := img.(type) {
	case *image.Gray, *image.Gray16:
		return true
	case *image.Paletted:
		for _, c := range m.Palette {
			if r, g, b, _ := c.RGBA(); r != g || g != b {
				return false
			}
		}
		return true
	}
	return false
}

// onBlack draws img over black.
func onBlack(img image.Image) *image.RGBA {
	b := img.Bounds()
	dst := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(dst, dst.Rect, img, b.Min, draw.Src)
	return dst
}

func fillFrom(f *hal.Frame, m *image.RGBA) {
	for i := range f.Width * f.Height {
		copy(f.Pix[f.Channels*i:][:f.Channels], m.Pix[4*i:])
	}
}
