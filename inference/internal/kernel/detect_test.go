package kernel

import (
	"math"
	"slices"
	"testing"
)

// TestBests: of equal scores those come that std::partial_sort of libstdc++ 12 gives.
func TestBests(t *testing.T) {
	for _, c := range []struct {
		scores []float32
		want   []int32
	}{
		{[]float32{1}, []int32{0}},
		{[]float32{0, 2, 2, 1}, []int32{1}},
		{[]float32{1, 2}, []int32{1, 0}},
		{[]float32{3, 0, 1, 2, 3}, []int32{4, 0}},
		{[]float32{3, 3, 3, 0, 1, 2, 3}, []int32{0, 1, 2}},
		{[]float32{0, 1, 2, 2, 2, 0, 3, 2, 0}, []int32{6, 4, 3, 2}},
		{[]float32{0, 3, 3, 0, 0, 3, 3, 2, 2, 3}, []int32{5, 1, 6, 9, 2}},
		{[]float32{0, 0, 3, 1, 0, 0, 3, 1, 0, 3, 1, 0}, []int32{9, 6, 2, 10, 3, 7}},
		{[]float32{2, 0, 1, 2, 2, 0, 2, 1, 3, 3, 3, 0}, []int32{9, 8, 10, 3, 4, 0, 6}},
		{[]float32{3, 0, 1, 0, 0, 2, 3, 1, 0}, []int32{0, 6, 5, 7, 2, 3, 1, 4}},
		{[]float32{0, 0, 3, 3, 2, 1, 3, 0}, []int32{6, 3, 2, 4, 5, 0, 1, 7}},
	} {
		n := len(c.scores)
		d := Detect{Classes: n + 1, First: 1, Each: len(c.want)}
		// The second anchor, behind the background of both.
		rows := &Reals{F: slices.Concat(make([]float32, n+2), c.scores)}
		if got := d.bests(rows, 1, make([]int32, n)); !slices.Equal(got, c.want) {
			t.Errorf("the best %d of %v are %v, want %v", len(c.want), c.scores, got, c.want)
		}
	}
}

// TestOverlap: boxes without an area overlap nothing, themselves neither.
func TestOverlap(t *testing.T) {
	box := Box{0, 0, 2, 2}
	for _, c := range []struct {
		a, b Box
		want float32
	}{
		{box, box, 1}, {box, Box{0, 0, 1, 2}, 0.5}, {box, Box{1, 1, 2, 2}, 0.25}, {box, Box{1, 1, 3, 3}, 1.0 / 7}, {box, Box{2, 0, 4, 2}, 0}, {box, Box{3, 3, 4, 4}, 0},
		{Box{0, 0, 0.5, 0.5}, Box{0, 0, 0.5, 0.25}, 0.5},
		{box, Box{1, 0, 1, 2}, 0}, {Box{1, 0, 1, 2}, box, 0}, {Box{1, 0, 1, 2}, Box{1, 0, 1, 2}, 0}, {box, Box{1.25, 0.5, 0.75, 1.5}, 0}, {Box{1.25, 0.5, 0.75, 1.5}, box, 0},
	} {
		if got := overlap(c.a, c.b); got != c.want {
			t.Errorf("%v and %v overlap by %g, want %g", c.a, c.b, got, c.want)
		}
	}
}

func TestMerge(t *testing.T) {
	list := func(class int32, scores ...float32) (l []Ranked) {
		for _, s := range scores {
			l = append(l, Ranked{Class: class, Score: s})
		}
		return l
	}
	a, b := list(1, 9, 7, 7, 3), list(2, 8, 7, 5, 2, 1)
	want := []Ranked{{Class: 1, Score: 9}, {Class: 2, Score: 8}, {Class: 1, Score: 7}, {Class: 1, Score: 7}, {Class: 2, Score: 7}, {Class: 2, Score: 5}, {Class: 1, Score: 3}, {Class: 2, Score: 2}, {Class: 2, Score: 1}}
	if got := merge(nil, a, b); !slices.Equal(got, want) {
		t.Errorf("merged to %v", got)
	}
	if got := merge(nil, a, nil); !slices.Equal(got, a) {
		t.Errorf("merged with none to %v", got)
	}
	if got := merge(nil, nil, b); !slices.Equal(got, b) {
		t.Errorf("none merged to %v", got)
	}
	if got := merge(nil, a[:1], b[:1]); !slices.Equal(got, want[:2]) {
		t.Errorf("one and one merged to %v", got)
	}
}

// TestDecodeEnds: an exponent without bounds leaves a size of 0, and one that is infinite.
func TestDecodeEnds(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct{ code, size, want float32 }{{0, 3, 3}, {1e6, 0, 0}, {-1e6, 5, 0}, {1e6, 1, inf}, {-1e6, inf, inf}, {-1000, inf, inf}, {1000, 0, 0}} {
		d := Detect{Coords: 4, Scale: Box{1, 1, 1, 1}}
		box := d.decode(0, &Reals{F: []float32{0, 0, c.code, c.code}}, &Reals{F: []float32{0, 0, c.size, c.size}})
		if c.size == inf {
			box = d.decode(0, &Reals{F: []float32{1, 1, c.code, c.code}}, &Reals{F: []float32{0, 0, c.size, c.size}})
			if box.Y1 != inf || box.X1 != inf {
				t.Errorf("a code of %g and a size of %g: %v", c.code, c.size, box)
			}
			continue
		}
		if box != (Box{-c.want / 2, -c.want / 2, c.want / 2, c.want / 2}) {
			t.Errorf("a code of %g and a size of %g: %v, want %g", c.code, c.size, box, c.want)
		}
	}
}

// TestRegularAllocatesNothing: both lists of the best have room for all that they merge.
func TestRegularAllocatesNothing(t *testing.T) {
	const anchors, most, per = 8, 6, 8
	d := Detect{Anchors: anchors, Coords: 4, Classes: 3, Max: most, Score: 0.1, IoU: 0.5, Scale: Box{1, 1, 1, 1}}
	boxes, scores := make([]float32, 4*anchors), make([]float32, 3*anchors)
	for i := range anchors {
		copy(boxes[4*i:], []float32{float32(3 * i), 0, 1, 1})
		copy(scores[3*i:], []float32{0.9, 0.8, 0.7})
	}
	out := Detections{Boxes: make([]Box, most), Classes: make([]float32, most), Scores: make([]float32, most), Count: make([]float32, 1)}
	codes, anchor, score := &Reals{F: make([]float32, 4*anchors)}, &Reals{F: boxes}, &Reals{F: scores}
	room, list, best := make([]Box, anchors), make([]Ranked, anchors), make([]Ranked, 2*(most+per))
	if n := testing.AllocsPerRun(10, func() { d.RunRegular(out, codes, anchor, score, room, list, best, per) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
	if out.Count[0] != most {
		t.Errorf("%g detections", out.Count[0])
	}
}
