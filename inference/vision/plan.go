package vision

import (
	"fmt"
	"math"
)

// sample is an output position between two source positions.
type sample struct {
	lower, upper int
	lerp         float32
}

// plan computes the tables for sources like m.
func (s *Scaler) plan(m Image) error {
	src, err := s.cropped(m)
	if err != nil {
		return err
	}
	s.out = rect{w: s.cfg.Width, h: s.cfg.Height}
	switch s.cfg.Fit {
	case Letterbox:
		s.out = letterbox(src, s.cfg.Width, s.cfg.Height)
	case Cover:
		src = cover(src, s.cfg.Width, s.cfg.Height)
	}
	s.src = src
	s.x = s.axis(s.x[:0], src.w, s.out.w)
	s.y = s.axis(s.y[:0], src.h, s.out.h)
	for i := range s.x {
		s.x[i].lower = (s.x[i].lower + src.x) * m.Channels
		s.x[i].upper = (s.x[i].upper + src.x) * m.Channels
	}
	for i := range s.y {
		s.y[i].lower += src.y
		s.y[i].upper += src.y
	}
	s.source = m
	s.source.Pix = nil
	return nil
}

// cropped returns the part of m that the configuration selects.
func (s *Scaler) cropped(m Image) (rect, error) {
	r, c := rect{w: m.Width, h: m.Height}, s.cfg.Crop
	if c.Width > 0 {
		r = rect{c.X, c.Y, c.Width, c.Height}
		if r.x+r.w > m.Width || r.y+r.h > m.Height {
			return rect{}, fmt.Errorf("crop: %dx%d pixels at %d,%d do not lie in an image of %dx%d", r.w, r.h, r.x, r.y, m.Width, m.Height)
		}
	}
	if c.Fraction > 0 {
		r = central(r, scaled(r.w, c.Fraction), scaled(r.h, c.Fraction))
	}
	return r, nil
}

// scaled returns n*f rounded, at least 1.
func scaled(n int, f float64) int { return max(1, int(math.Floor(float64(float64(n)*f)+0.5))) }

func central(r rect, w, h int) rect {
	return rect{r.x + (r.w-w)/2, r.y + (r.h-h)/2, w, h}
}

// letterbox returns where src lies in w by h.
func letterbox(src rect, w, h int) rect {
	f := min(float64(w)/float64(src.w), float64(h)/float64(src.h))
	return central(rect{w: w, h: h}, min(w, scaled(src.w, f)), min(h, scaled(src.h, f)))
}

// cover returns the central part of src that has the shape of w by h.
func cover(src rect, w, h int) rect {
	f := min(float64(src.w)/float64(w), float64(src.h)/float64(h))
	return central(src, min(src.w, scaled(w, f)), min(src.h, scaled(h, f)))
}

// axis appends the samples of one axis, from in source to out output positions.
func (s *Scaler) axis(dst []sample, in, out int) []sample {
	scale := float32(in) / float32(out)
	if s.cfg.Centers == AlignCorners && out > 1 {
		scale = float32(in-1) / float32(out-1)
	}
	for i := range out {
		dst = append(dst, s.sample(float32(i), scale, in))
	}
	return dst
}

func (s *Scaler) sample(i, scale float32, in int) sample {
	half := s.cfg.Centers == HalfPixel
	if s.cfg.Method == Nearest {
		pos := float32(i * scale)
		if half {
			pos = float32((i + 0.5) * scale)
		}
		at := int(math.Floor(float64(pos)))
		if s.cfg.Centers == AlignCorners {
			at = int(math.Floor(float64(pos) + 0.5))
		}
		at = min(at, in-1)
		return sample{at, at, 0}
	}
	pos := float32(i * scale)
	if half {
		pos = float32((i+0.5)*scale) - 0.5
	}
	floor := math.Floor(float64(pos))
	return sample{
		lower: min(max(int(floor), 0), in-1),
		upper: min(int(math.Ceil(float64(pos))), in-1),
		lerp:  pos - float32(floor),
	}
}
