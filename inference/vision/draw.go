package vision

import (
	"image"
	"image/color"
	"image/draw"
	"math"
)

// Draw returns a copy of a picture with a frame around each box, in a colour
// of its class. Boxes are in parts of the picture.
func Draw(img image.Image, boxes []Box) *image.RGBA {
	b := img.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(out, out.Rect, img, b.Min, draw.Src)
	wide := max(1, min(b.Dx(), b.Dy())/160)
	for _, box := range boxes {
		frame(out, box, wide)
	}
	return out
}

func frame(out *image.RGBA, b Box, wide int) {
	size := out.Rect.Size()
	r := image.Rect(place(b.X0, size.X), place(b.Y0, size.Y), place(b.X1, size.X), place(b.Y1, size.Y))
	c := image.NewUniform(classColor(b.Class))
	for _, side := range []image.Rectangle{
		image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+wide), image.Rect(r.Min.X, r.Max.Y-wide, r.Max.X, r.Max.Y),
		image.Rect(r.Min.X, r.Min.Y, r.Min.X+wide, r.Max.Y), image.Rect(r.Max.X-wide, r.Min.Y, r.Max.X, r.Max.Y),
	} {
		draw.Draw(out, side.Intersect(r), c, image.Point{}, draw.Src)
	}
}

// place is the pixel at a part of n pixels, inside the picture.
func place(v float32, n int) int {
	if !(v > 0) {
		return 0
	}
	return int(math.Round(float64(min(v, 1)) * float64(n)))
}

// classColor returns one of twelve bright colours.
func classColor(class int) color.RGBA {
	ramp := [6][3]uint8{{255, 64, 64}, {255, 200, 0}, {64, 224, 64}, {0, 208, 255}, {96, 96, 255}, {255, 64, 255}}
	k := max(class, 0) % 12
	c := ramp[k%6]
	if k >= 6 {
		c = [3]uint8{c[0]/2 + 96, c[1]/2 + 96, c[2]/2 + 96}
	}
	return color.RGBA{c[0], c[1], c[2], 255}
}
