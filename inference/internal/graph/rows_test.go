package graph

import (
	"errors"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// TestCountOfRows: what a step counts is told to those behind it, and ends the run
// where there is no room for it.
func TestCountOfRows(t *testing.T) {
	b := &builder{g: &Graph{Tensors: []Tensor{{DType: Int8, Unknown: true}}}, rows: map[int]*rows{}}
	n := &node{b: b, n: &Node{Out: []int{0}}}
	set, err := n.decided(0, []int{1, 5, 2}, 1)
	if err != nil {
		t.Fatal(err)
	}
	r, mem := b.rows[0], make([]byte, 4)
	r.count.size = len(mem)
	for _, count := range []int{5, 0, 3} {
		if set(mem, count); r.axis != 1 || r.in(mem) != count {
			t.Errorf("%d rows along dimension %d, want %d along 1", r.in(mem), r.axis, count)
		}
	}
	for _, count := range []int{-1, 6} {
		func() {
			defer func() {
				err, _ := recover().(error)
				if fault := (kernel.ValueError{}); !errors.As(err, &fault) {
					t.Errorf("%d rows where there is room for 5: %v", count, err)
				}
			}()
			set(mem, count)
		}()
		if r.in(mem) != 3 {
			t.Errorf("%d rows were told", r.in(mem))
		}
	}
}
