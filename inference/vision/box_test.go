package vision

import (
	"image"
	"image/color"
	"math"
	"slices"
	"testing"
)

func near(a, b float32) bool { return math.Abs(float64(a-b)) < 1e-6 }

func sameBox(a, b Box) bool {
	return near(a.X0, b.X0) && near(a.Y0, b.Y0) && near(a.X1, b.X1) && near(a.Y1, b.Y1) && a.Class == b.Class && near(a.Score, b.Score)
}

func wantBoxes(t *testing.T, got, want []Box) {
	t.Helper()
	if !slices.EqualFunc(got, want, sameBox) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

// yoloBoxes are two objects; a third hides behind the first.
var yoloBoxes = []Box{{0.1, 0.2, 0.5, 0.6, 1, 0.9}, {0.6, 0.6, 0.8, 1, 0, 0.8}, {0.12, 0.2, 0.5, 0.6, 1, 0.7}}

func TestYOLOBothLayouts(t *testing.T) {
	const classes, n = 3, 4
	v8, v5 := make([]float32, (4+classes)*n), make([]float32, n*(5+classes))
	for i, b := range append(slices.Clone(yoloBoxes), Box{X1: 1, Y1: 1, Score: float32(math.NaN())}) {
		row := []float32{(b.X0 + b.X1) / 2, (b.Y0 + b.Y1) / 2, b.X1 - b.X0, b.Y1 - b.Y0}
		scores := make([]float32, classes)
		scores[b.Class] = b.Score
		for k, v := range append(slices.Clone(row), scores...) {
			v8[k*n+i] = v
		}
		copy(v5[i*(5+classes):], append(append(slices.Clone(row), 0.5), scores...))
	}
	y := YOLO{Classes: classes}
	got, err := y.Boxes(nil, v8)
	if err != nil {
		t.Fatal(err)
	}
	wantBoxes(t, got, yoloBoxes[:2])

	halved := slices.Clone(yoloBoxes[:2])
	for i := range halved {
		halved[i].Score /= 2
	}
	y.Version = YOLOv5
	if got, err = y.Boxes(got, v5); err != nil {
		t.Fatal(err)
	}
	wantBoxes(t, got, halved)

	for i := range v5 { // the same in pixels of 320
		if i%(5+classes) < 4 {
			v5[i] *= 320
		}
	}
	y.Size = 320
	if got, err = y.Boxes(got, v5); err != nil {
		t.Fatal(err)
	}
	wantBoxes(t, got, halved)
}

func TestYOLORefusesOtherLengths(t *testing.T) {
	for _, n := range []int{0, 6, 8} {
		if _, err := (&YOLO{Classes: 3}).Boxes(nil, make([]float32, n)); err == nil {
			t.Errorf("%d values for 3 classes: no error", n)
		}
	}
	if _, err := (&YOLO{}).Boxes(nil, make([]float32, 8)); err == nil {
		t.Error("no classes: no error")
	}
}

func TestSSDDecodesAgainstAnchors(t *testing.T) {
	s := SSD{
		Anchors: []Anchor{{0.5, 0.5, 0.2, 0.4}, {0.2, 0.3, 0.1, 0.1}}, Classes: 3, First: 1, Logits: true,
	}
	ln2 := float32(math.Ln2)
	got, err := s.Boxes(nil, []float32{1, -2, 5 * ln2, 0, 0, 0, 0, 0}, []float32{9, 0, 2, 0, -9, -8})
	if err != nil {
		t.Fatal(err)
	}
	score := float32(1 / (1 + math.Exp(-2)))
	wantBoxes(t, got, []Box{{X0: 0.36, Y0: 0.14, X1: 0.56, Y1: 0.94, Class: 1, Score: score}})
	if _, err := s.Boxes(nil, make([]float32, 8), make([]float32, 5)); err == nil {
		t.Error("5 scores for 2 anchors: no error")
	}
}

func TestSuppress(t *testing.T) {
	a, b := Box{0, 0, 1, 1, 0, 0.9}, Box{0, 0, 1, 0.5, 1, 0.8} // overlap 0.5
	c := Box{0, 0, 1, 0.5, 0, 0.7}
	for _, x := range []struct {
		l    Limits
		want []Box
	}{
		{Limits{}, []Box{a, b}},
		{Limits{Any: true}, []Box{a}},
		{Limits{IoU: 0.6}, []Box{a, b, c}},
		{Limits{IoU: 0.6, Max: 1}, []Box{a}},
	} {
		wantBoxes(t, Suppress([]Box{c, b, a}, x.l), x.want)
	}
}

func TestDrawFrames(t *testing.T) {
	src := image.NewGray(image.Rect(5, 5, 25, 25))
	got := Draw(src, []Box{{X0: 0.25, Y0: 0.25, X1: 0.75, Y1: 2, Class: 2}, {X0: float32(math.NaN()), Y1: -1}})
	frameColor, black := classColor(2), color.RGBA{0, 0, 0, 255}
	for _, p := range []struct {
		x, y int
		want color.RGBA
	}{{5, 5, frameColor}, {14, 10, frameColor}, {5, 19, frameColor}, {10, 19, frameColor}, {6, 6, black}, {4, 5, black}, {15, 10, black}} {
		if c := got.RGBAAt(p.x, p.y); c != p.want {
			t.Errorf("pixel %d,%d is %v, want %v", p.x, p.y, c, p.want)
		}
	}
}

func FuzzYOLO(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8}, 1, true)
	f.Fuzz(func(t *testing.T, data []byte, classes int, v5 bool) {
		values := make([]float32, len(data))
		for i, b := range data {
			values[i] = float32(int8(b)) / 16
		}
		y := YOLO{Classes: classes % 100}
		if v5 {
			y.Version = YOLOv5
		}
		boxes, err := y.Boxes(nil, values)
		if err == nil {
			Draw(image.NewGray(image.Rect(0, 0, 9, 7)), boxes)
		}
	})
}
