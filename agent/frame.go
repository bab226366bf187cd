package agent

import (
	"image"
	"image/png"
	"io"
	"sync"
	"sync/atomic"

	"github.com/dunlin-edge/dunlin/hal"
)

// frameView keeps a copy of the last classified frame, so that what is shown
// is always what was decided on; the copy costs far less than the decision.
type frameView struct {
	frames atomic.Uint64 // frames classified so far

	mu    sync.Mutex
	frame hal.Frame
}

func (v *frameView) keep(f *hal.Frame) {
	v.mu.Lock()
	defer v.mu.Unlock()
	pix := append(v.frame.Pix[:0], f.Pix...)
	v.frame = *f
	v.frame.Pix = pix
	v.frames.Add(1)
}

func (v *frameView) seq() uint64 { return v.frames.Load() }

// writePNG writes the frame; false means that there is none yet.
func (v *frameView) writePNG(w io.Writer) (bool, error) {
	img := v.image()
	if img == nil {
		return false, nil
	}
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	return true, enc.Encode(w, img)
}

// image copies the frame into an image of the standard library.
func (v *frameView) image() image.Image {
	v.mu.Lock()
	defer v.mu.Unlock()
	f := &v.frame
	bounds := image.Rect(0, 0, f.Width, f.Height)
	if bounds.Empty() {
		return nil
	}
	if f.Channels == 1 {
		img := image.NewGray(bounds)
		for y := range f.Height {
			copy(img.Pix[y*img.Stride:], f.Pix[y*f.Stride:][:f.Width])
		}
		return img
	}
	img := image.NewRGBA(bounds)
	for y := range f.Height {
		src, dst := f.Pix[y*f.Stride:], img.Pix[y*img.Stride:]
		for x := range f.Width {
			dst[4*x], dst[4*x+1], dst[4*x+2], dst[4*x+3] = src[3*x], src[3*x+1], src[3*x+2], 255
		}
	}
	return img
}
