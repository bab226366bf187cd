package vision

import "fmt"

// YOLOVersion is how a YOLO model lays its output out.
type YOLOVersion int

// Layouts of n places and c classes. Coordinates are centre and size.
const (
	YOLOv8 YOLOVersion = iota // [4+c][n]: x, y, width, height, then scores
	YOLOv5                    // [n][5+c]: x, y, width, height, objectness, then scores
)

// YOLO turns the output of a YOLO model into boxes. Its coordinates are parts
// of the input, as exports to TensorFlow Lite have them; Size scales those of
// exports that give pixels.
type YOLO struct {
	Version YOLOVersion
	Classes int
	Size    float32 // of the input in pixels, where coordinates are pixels
	Limits  Limits
}

// Boxes appends the objects in one output to dst[:0]. Places whose score is
// not a number count for nothing.
func (y *YOLO) Boxes(dst []Box, output []float32) ([]Box, error) {
	row := 4 + y.Classes
	if y.Version == YOLOv5 {
		row++
	}
	if y.Classes < 1 || len(output) == 0 || len(output)%row != 0 {
		return nil, fmt.Errorf("detect: %d values for %d classes, want a multiple of %d", len(output), y.Classes, row)
	}
	l := y.Limits
	l.defaults()
	n := len(output) / row
	at := func(i, k int) float32 { return output[k*n+i] }
	if y.Version == YOLOv5 {
		at = func(i, k int) float32 { return output[i*row+k] }
	}
	dst = dst[:0]
	for i := range n {
		if b := y.place(i, at); b.Score >= l.Score {
			dst = append(dst, b)
		}
	}
	return Suppress(dst, l), nil
}

// place decodes place i; at returns one of its values.
func (y *YOLO) place(i int, at func(i, k int) float32) Box {
	first, object := 4, float32(1)
	if y.Version == YOLOv5 {
		first, object = 5, at(i, 4)
	}
	b := Box{Score: at(i, first)}
	for c := 1; c < y.Classes; c++ {
		if s := at(i, first+c); s > b.Score {
			b.Class, b.Score = c, s
		}
	}
	b.Score = float32(b.Score * object)
	size := y.Size
	if size == 0 {
		size = 1
	}
	cx, cy := at(i, 0)/size, at(i, 1)/size
	w, h := float32(at(i, 2)/size/2), float32(at(i, 3)/size/2)
	b.X0, b.Y0, b.X1, b.Y1 = cx-w, cy-h, cx+w, cy+h
	return b
}
