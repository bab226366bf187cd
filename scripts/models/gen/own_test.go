package main

import (
	"context"
	"math"
	"strconv"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/pipeline"
	"github.com/dunlin-edge/dunlin/inference/vision"
)

type point struct{ x, y float64 }

// arc returns points of an ellipse from one angle to another, in turns,
// clockwise from the right.
func arc(cx, cy, rx, ry, from, to float64) (out []point) {
	for i := range 25 {
		s, c := math.Sincos(2 * math.Pi * (from + (to-from)*float64(i)/24))
		out = append(out, point{cx + rx*c, cy + ry*s})
	}
	return out
}

// strokes draws a digit as a pen does, in a unit square.
func strokes(digit int) [][]point {
	switch digit {
	case 0:
		return [][]point{arc(0.5, 0.5, 0.28, 0.42, 0, 1)}
	case 1:
		return [][]point{{{0.35, 0.25}, {0.55, 0.08}, {0.55, 0.92}}}
	case 2:
		return [][]point{append(arc(0.5, 0.32, 0.26, 0.24, 0.5, 1.05), point{0.25, 0.9}, point{0.78, 0.9})}
	case 3:
		return [][]point{arc(0.47, 0.29, 0.25, 0.2, 0.55, 1.25), arc(0.47, 0.7, 0.28, 0.21, 0.75, 1.45)}
	case 4:
		return [][]point{{{0.55, 0.08}, {0.2, 0.6}, {0.82, 0.6}}, {{0.62, 0.4}, {0.62, 0.94}}}
	case 5:
		return [][]point{append([]point{{0.75, 0.1}, {0.33, 0.1}, {0.3, 0.46}}, arc(0.48, 0.66, 0.27, 0.24, 0.68, 1.42)...)}
	case 6:
		return [][]point{{{0.62, 0.08}, {0.4, 0.3}, {0.28, 0.6}}, arc(0.5, 0.69, 0.23, 0.22, 0, 1)}
	case 7:
		return [][]point{{{0.22, 0.12}, {0.78, 0.12}, {0.42, 0.92}}}
	case 8:
		return [][]point{arc(0.5, 0.3, 0.2, 0.19, 0, 1), arc(0.5, 0.7, 0.24, 0.21, 0, 1)}
	}
	return [][]point{arc(0.5, 0.32, 0.22, 0.22, 0, 1), {{0.72, 0.35}, {0.68, 0.65}, {0.55, 0.93}}}
}

// drawn is a picture of a digit in pixels, the pen in parts of the height,
// filling the given part of the frame.
func drawn(digit, width, height int, pen, fill float64, ink, paper byte) vision.Image {
	img := vision.Image{Width: width, Height: height, Stride: width * 3, Channels: 3, Pix: make([]byte, width*height*3)}
	for i := range width * height {
		x := (float64(i%width)/float64(width)-0.5)/fill + 0.5
		y := (float64(i/width)/float64(height)-0.5)/fill + 0.5
		v := paper
		for _, line := range strokes(digit) {
			for k := 1; k < len(line); k++ {
				if distanceTo(point{x, y}, line[k-1], line[k]) < pen/2 {
					v = ink
				}
			}
		}
		img.Pix[3*i], img.Pix[3*i+1], img.Pix[3*i+2] = v, v, v
	}
	return img
}

func distanceTo(p, a, b point) float64 {
	dx, dy := b.x-a.x, b.y-a.y
	t := ((p.x-a.x)*dx + (p.y-a.y)*dy) / max(dx*dx+dy*dy, 1e-12)
	t = min(max(t, 0), 1)
	return math.Hypot(p.x-a.x-t*dx, p.y-a.y-t*dy)
}

// A person's own picture is read, whatever its size, ink and margin, as well
// as the card says.
func TestOwnPictures(t *testing.T) {
	_, m, s := committed(t, "digits-1.0.0")
	p, err := pipeline.New(m, s)
	if err != nil {
		t.Fatal(err)
	}
	misread := 0
	for _, tc := range []struct {
		name          string
		width, height int
		pen, fill     float64
		ink, paper    byte
	}{
		{"phone picture", 300, 400, 0.12, 0.85, 30, 220},
		{"chalk", 200, 200, 0.12, 0.85, 230, 20},
		{"large", 480, 480, 0.1, 1, 0, 255},
		{"small", 28, 28, 0.12, 0.75, 255, 0},
		{"margin", 280, 280, 0.13, 0.65, 0, 255},
	} {
		wrong := ""
		for digit := range 10 {
			var r pipeline.Result
			if err := p.Image(context.Background(), drawn(digit, tc.width, tc.height, tc.pen, tc.fill, tc.ink, tc.paper), &r); err != nil {
				t.Fatal(err)
			}
			if r.Label != strconv.Itoa(digit) {
				wrong += " " + strconv.Itoa(digit) + "->" + r.Label
				misread++
			}
		}
		t.Logf("%s: misread:%s", tc.name, wrong)
	}
	if misread != 3 {
		t.Errorf("%d of 50 misread, the card says 3", misread)
	}
}
