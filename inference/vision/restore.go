package vision

import "image"

// Restore maps a box from parts of the model's input to parts of the picture
// that the last Run converted, crops and bars taken into account.
func (s *Scaler) Restore(b Box) Box {
	w, h := float32(s.source.Width), float32(s.source.Height)
	x := func(v float32) float32 {
		in := (float32(v*float32(s.cfg.Width)) - float32(s.out.x)) / float32(s.out.w)
		return (float32(in*float32(s.src.w)) + float32(s.src.x)) / w
	}
	y := func(v float32) float32 {
		in := (float32(v*float32(s.cfg.Height)) - float32(s.out.y)) / float32(s.out.h)
		return (float32(in*float32(s.src.h)) + float32(s.src.y)) / h
	}
	b.X0, b.X1, b.Y0, b.Y1 = x(b.X0), x(b.X1), y(b.Y0), y(b.Y1)
	return b
}

// Picture returns a copy that package image can draw on and encode.
func (m Image) Picture() *image.RGBA {
	out := image.NewRGBA(image.Rect(0, 0, m.Width, m.Height))
	for y := range m.Height {
		row := m.Pix[y*m.Stride:]
		for x := range m.Width {
			p := row[x*m.Channels:]
			dst := out.Pix[out.PixOffset(x, y):]
			dst[0], dst[1], dst[2], dst[3] = p[0], p[m.Channels/2], p[m.Channels-1], 255
		}
	}
	return out
}
