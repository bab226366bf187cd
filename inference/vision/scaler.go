package vision

import (
	"fmt"
	"math"
)

// Method names an interpolation.
type Method int

// Interpolations.
const (
	Bilinear Method = iota
	Nearest
)

// Centers says where samples lie, in TensorFlow's terms.
type Centers int

// Sample positions: half_pixel_centers=True (TensorFlow 2), neither flag (the
// default of TensorFlow 1), align_corners=True.
const (
	HalfPixel Centers = iota
	Legacy
	AlignCorners
)

// Fit says how a source of another aspect ratio fills the output.
type Fit int

// Fits.
const (
	Stretch   Fit = iota // distorts
	Letterbox            // whole source, centred between bars
	Cover                // crops the longer side of the source, centred
)

// Color is the order and number of output channels.
type Color int

// Output colours. Gray is 0.299 R + 0.587 G + 0.114 B.
const (
	RGB Color = iota
	BGR
	Gray
)

// Crop selects a part of the source before it is resized. The zero value keeps
// everything.
type Crop struct {
	X, Y, Width, Height int     // in pixels; Width 0: no rectangle
	Fraction            float64 // then the central part of each side; 0: all
}

// Config describes a Scaler.
type Config struct {
	Width, Height int  // of the output
	Signed        bool // source pixels are two's complement, -128 black: add 128
	Crop          Crop
	Method        Method
	Centers       Centers
	Fit           Fit
	Fill          float32 // value of letterbox bars, 0 to 255
	Color         Color
	Mean, Std     []float32 // (v - Mean) / Std, one value or one per channel; nil: v
}

// Scaler converts pictures to float32 tensors of shape [Height, Width,
// Channels]. Resizing equals TensorFlow's ResizeBilinear and
// ResizeNearestNeighbor (core/kernels/image) bit for bit, in float32.
type Scaler struct {
	cfg       Config
	mean, std [3]float32
	flip      byte // turns signed pixels unsigned

	source Image // the size the tables are for
	out    rect  // where the picture lies in the output
	src    rect  // the part of the picture that does
	x, y   []sample
}

type rect struct{ x, y, w, h int }

// NewScaler checks cfg.
func NewScaler(cfg Config) (*Scaler, error) {
	s := &Scaler{cfg: cfg, std: [3]float32{1, 1, 1}}
	if cfg.Signed {
		s.flip = 0x80
	}
	switch c := cfg.Crop; {
	case cfg.Width < 1 || cfg.Height < 1 || cfg.Width > maxSide || cfg.Height > maxSide:
		return nil, fmt.Errorf("resize: output of %dx%d pixels, want sides of 1 to %d", cfg.Width, cfg.Height, maxSide)
	case c.X < 0 || c.Y < 0 || c.Width < 0 || c.Height < 0 || (c.Width == 0) != (c.Height == 0):
		return nil, fmt.Errorf("crop: %dx%d pixels at %d,%d, want a rectangle", c.Width, c.Height, c.X, c.Y)
	case !(c.Fraction >= 0 && c.Fraction <= 1):
		return nil, fmt.Errorf("crop: fraction %g, want more than 0 and at most 1", c.Fraction)
	}
	if err := s.spread("mean", &s.mean, cfg.Mean); err != nil {
		return nil, err
	}
	if err := s.spread("std", &s.std, cfg.Std); err != nil {
		return nil, err
	}
	for _, v := range s.std {
		if v == 0 {
			return nil, fmt.Errorf("normalize: std 0, want another number")
		}
	}
	return s, nil
}

// spread gives every channel its value of a normalization parameter.
func (s *Scaler) spread(name string, dst *[3]float32, values []float32) error {
	if len(values) > 1 && len(values) != s.Channels() {
		return fmt.Errorf("normalize: %d values of %s, want 1 or %d", len(values), name, s.Channels())
	}
	for i, v := range values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("normalize: %s %g, want a finite number", name, v)
		}
		dst[i] = v
		if len(values) == 1 {
			dst[1], dst[2] = v, v
		}
	}
	return nil
}

// Channels returns the channels of the output.
func (s *Scaler) Channels() int {
	if s.cfg.Color == Gray {
		return 1
	}
	return 3
}

// Len returns the values of the output.
func (s *Scaler) Len() int { return s.cfg.Width * s.cfg.Height * s.Channels() }

// Run converts m into dst, Len values long.
func (s *Scaler) Run(dst []float32, m Image) error {
	if err := m.check(); err != nil {
		return err
	}
	if len(dst) != s.Len() {
		return fmt.Errorf("resize: room for %d values, want %d", len(dst), s.Len())
	}
	if m.Width != s.source.Width || m.Height != s.source.Height || m.Channels != s.source.Channels {
		if err := s.plan(m); err != nil {
			return err
		}
	}
	if s.out.w != s.cfg.Width || s.out.h != s.cfg.Height {
		s.bars(dst)
	}
	for y, v := range s.y {
		at := ((s.out.y+y)*s.cfg.Width + s.out.x) * s.Channels()
		s.row(dst[at:at+s.out.w*s.Channels()], m.Pix[v.lower*m.Stride:], m.Pix[v.upper*m.Stride:], v.lerp, m.Channels)
	}
	return nil
}

// bars fills the output with the letterbox value.
func (s *Scaler) bars(dst []float32) {
	n := s.Channels()
	for i := 0; i < len(dst); i += n {
		s.store(dst[i:i+n], s.cfg.Fill, s.cfg.Fill, s.cfg.Fill)
	}
}

// row computes one output row from the two source rows around it.
func (s *Scaler) row(dst []float32, top, bottom []byte, lerp float32, channels int) {
	n := s.Channels()
	for i, x := range s.x {
		out := dst[i*n : (i+1)*n]
		if channels == 1 {
			v := s.mix(top, bottom, x, 0, lerp)
			s.store(out, v, v, v)
			continue
		}
		s.store(out, s.mix(top, bottom, x, 0, lerp), s.mix(top, bottom, x, 1, lerp), s.mix(top, bottom, x, 2, lerp))
	}
}

// mix interpolates one channel; lower and upper of x are byte offsets here.
func (s *Scaler) mix(top, bottom []byte, x sample, c int, lerp float32) float32 {
	tl, tr := float32(top[x.lower+c]^s.flip), float32(top[x.upper+c]^s.flip)
	bl, br := float32(bottom[x.lower+c]^s.flip), float32(bottom[x.upper+c]^s.flip)
	t := tl + float32((tr-tl)*x.lerp)
	b := bl + float32((br-bl)*x.lerp)
	return t + float32((b-t)*lerp)
}

// store converts the colour of one pixel, normalizes and writes it.
func (s *Scaler) store(dst []float32, r, g, b float32) {
	switch s.cfg.Color {
	case Gray:
		v := r
		if r != g || g != b {
			v = float32(0.299*r) + float32(0.587*g) + float32(0.114*b)
		}
		dst[0] = (v - s.mean[0]) / s.std[0]
		return
	case BGR:
		r, b = b, r
	}
	dst[0] = (r - s.mean[0]) / s.std[0]
	dst[1] = (g - s.mean[1]) / s.std[1]
	dst[2] = (b - s.mean[2]) / s.std[2]
}
