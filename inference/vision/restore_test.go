package vision

import (
	"image/color"
	"testing"
)

// TestRestore maps the corners of what a scaler shows back to the picture.
func TestRestore(t *testing.T) {
	m := Image{Width: 40, Height: 20, Stride: 40, Channels: 1, Pix: make([]byte, 800)}
	for _, tt := range []struct {
		cfg  Config
		in   Box
		want Box
	}{
		{Config{Width: 10, Height: 10}, Box{X0: 0.25, Y0: 0.5, X1: 1, Y1: 1}, Box{X0: 0.25, Y0: 0.5, X1: 1, Y1: 1}},
		{Config{Width: 8, Height: 8, Fit: Letterbox}, Box{X0: 0, Y0: 0.25, X1: 0.5, Y1: 0.75}, Box{X0: 0, Y0: 0, X1: 0.5, Y1: 1}},
		{Config{Width: 8, Height: 8, Fit: Cover}, Box{X0: 0, Y0: 0, X1: 1, Y1: 0.5}, Box{X0: 0.25, Y0: 0, X1: 0.75, Y1: 0.5}},
		{Config{Width: 4, Height: 4, Crop: Crop{X: 10, Y: 5, Width: 20, Height: 10}}, Box{X1: 1, Y1: 1}, Box{X0: 0.25, Y0: 0.25, X1: 0.75, Y1: 0.75}},
	} {
		tt.cfg.Color = Gray
		s, err := NewScaler(tt.cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(make([]float32, s.Len()), m); err != nil {
			t.Fatal(err)
		}
		if got := s.Restore(tt.in); !sameBox(got, tt.want) {
			t.Errorf("%+v: %v, want %v", tt.cfg, got, tt.want)
		}
	}
}

func TestPicture(t *testing.T) {
	m := Image{Width: 2, Height: 1, Stride: 6, Channels: 3, Pix: []byte{1, 2, 3, 4, 5, 6}}
	if got := m.Picture().RGBAAt(1, 0); got != (color.RGBA{4, 5, 6, 255}) {
		t.Errorf("%v", got)
	}
	if got := (Image{Width: 1, Height: 1, Stride: 1, Channels: 1, Pix: []byte{9}}).Picture().RGBAAt(0, 0); got != (color.RGBA{9, 9, 9, 255}) {
		t.Errorf("%v", got)
	}
}
