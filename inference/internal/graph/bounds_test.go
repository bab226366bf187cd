package graph

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// TestBoundsHold: what is known of a product holds for every product there can be,
// also where 64 bits would wrap around to a small number.
func TestBoundsHold(t *testing.T) {
	wide := func(x int64) Tensor {
		return Tensor{Shape: []int{1}, DType: Int64, Data: binary.LittleEndian.AppendUint64(nil, uint64(x))}
	}
	for _, factor := range []int64{3, -3, math.MaxInt32, math.MinInt32, 1 << 33, 1 << 34, math.MaxInt64, math.MinInt64} {
		b := &builder{g: &Graph{Tensors: []Tensor{{Shape: []int{1}, DType: Int64}, wide(factor), {Shape: []int{1}, DType: Int64}}}, bounds: map[int][]bounds{0: {{0, 1 << 30}}}, rows: map[int]*rows{}}
		n := &node{b: b, n: &Node{Op: tflite.MUL, In: []int{0, 1}, Out: []int{2}}}
		known := n.computed()
		if len(known) != 1 {
			t.Fatalf("by %d: %v", factor, known)
		}
		for _, x := range []int64{0, 1, 2, 1 << 29, 1 << 30} {
			if y := x * factor; !known[0].open() && (y < int64(known[0].lo) || y > int64(known[0].hi)) {
				t.Errorf("%d by %d is %d, said to be in %v", x, factor, y, known[0])
			}
		}
	}
}
