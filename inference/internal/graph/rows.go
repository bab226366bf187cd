package graph

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// rows is a dimension whose length a run decides. The tensor's shape has the most
// it can be; what a run does not fill nobody sees. The dimensions before it are 1,
// so that the values of a run stand together at the beginning.
type rows struct {
	axis  int
	count *Ref // int32
}

func (r *rows) in(mem []byte) int { return int(binary.LittleEndian.Uint32(r.count.Bytes(mem))) }

// rowsOf returns what a run decides of input i, or nil.
//
//go:noinline
func (n *node) rowsOf(i int) *rows {
	if i >= len(n.n.In) || n.n.In[i] < 0 {
		return nil
	}
	return n.b.rows[n.n.In[i]]
}

// countOf returns how long dimension d of input i is in a run.
func (n *node) countOf(i, d int) func(mem []byte) int {
	if r := n.rowsOf(i); r != nil && r.axis == d {
		return r.in
	}
	size := n.in(i).Shape[d]
	return func([]byte) int { return size }
}

// usedOf returns what a run fills of input i.
func (n *node) usedOf(i int) func(mem, data []byte) []byte {
	r := n.rowsOf(i)
	if r == nil {
		return func(_, data []byte) []byte { return data }
	}
	each := n.in(i).Size() / n.in(i).Shape[r.axis]
	return func(mem, data []byte) []byte { return data[:r.in(mem)*each] }
}

// decided makes room for output o with the most that dimension axis can be in a
// run, and returns what the step says how long it is with.
func (n *node) decided(o int, shape []int, axis int) (set func(mem []byte, count int), err error) {
	if n.b.depth > 0 {
		return nil, unsupported("a shape which only a run decides, in a subgraph that is called")
	}
	if product(shape[:axis]) != 1 {
		return nil, unsupported("shape %v with dimension %d decided by a run", shape, axis)
	}
	if t := n.outAt(o); n.declares(t, shape, axis) {
		want := t.Shape[axis]
		return func(_ []byte, count int) {
			if count != want {
				panic(kernel.ValueError{What: fmt.Sprintf("%d places along a dimension of %d", count, want)})
			}
		}, nil
	}
	n.outAt(o).Unknown = true
	if err := n.resolve(o, shape); err != nil {
		return nil, err
	}
	r := &rows{axis, n.scratch(1, 4)}
	n.b.scratch[len(n.b.scratch)-1].kept = true
	n.b.rows[n.n.Out[o]] = r
	return func(mem []byte, count int) {
		if count < 0 || count > shape[axis] {
			panic(kernel.ValueError{What: fmt.Sprintf("%d places where there is room for %d", count, shape[axis])})
		}
		binary.LittleEndian.PutUint32(r.count.Bytes(mem), uint32(count))
	}, nil
}

// declares tells whether the file gives an output a shape that leaves nothing to a
// run, which then has to agree. Files before shape signatures have a 1 where they
// know nothing.
func (n *node) declares(t *Tensor, shape []int, axis int) bool {
	if t.Unknown || t.Open || len(t.Shape) != len(shape) || t.Shape[axis] < 2 || t.Shape[axis] > shape[axis] {
		return false
	}
	like := slices.Clone(shape)
	like[axis] = t.Shape[axis]
	return equal(t.Shape, like)
}

// follow makes the output of an operator that computes every row by itself have
// the rows of its operands: it computes the most there can be. Operators that look
// at rows themselves are left to their lowering.
func (n *node) follow() error {
	var r *rows
	for i := range n.n.In {
		if x := n.rowsOf(i); x != nil {
			r = x
			n.follows = append(n.follows, x)
		}
	}
	if r == nil {
		return nil
	}
	if n.countsRows(r) {
		n.follows = nil
		return nil
	}
	for o := range n.n.Out {
		shape, axis, err := n.followed(r, o)
		if err != nil {
			return err
		}
		n.outAt(o).Unknown = true
		if err := n.resolve(o, shape); err != nil {
			return err
		}
		n.b.rows[n.n.Out[o]] = &rows{axis, r.count}
	}
	return nil
}

// countsRows lists the operators whose lowering asks a run for the rows of operands.
func (n *node) countsRows(r *rows) bool {
	switch n.n.Op {
	case tflite.SLICE, tflite.STRIDED_SLICE, tflite.SHAPE, tflite.WHERE, tflite.PAD, tflite.PADV2, tflite.TOPK_V2,
		tflite.NON_MAX_SUPPRESSION_V4, tflite.NON_MAX_SUPPRESSION_V5:
		return true
	case tflite.CONCATENATION:
		axis, err := axisOf(int(n.n.Opt.Int32(0, 0)), len(n.in(0).Shape))
		return err == nil && axis == r.axis
	case tflite.GATHER: // of rows at places that are known
		axis, err := axisOf(int(n.n.Opt.Int32(0, 0)), len(n.in(0).Shape))
		return err == nil && n.runs(axis) && n.rowsOf(1) == nil
	}
	return false
}

// agree ends a run whose operands do not have the same number of rows.
func (n *node) agree(s *Step) {
	var counts []*Ref
	for _, r := range n.follows {
		if !slices.Contains(counts, r.count) {
			counts = append(counts, r.count)
		}
	}
	run := s.Run
	if len(counts) < 2 || run == nil {
		return
	}
	s.Prepare, s.Part = nil, nil
	s.Run = func(mem []byte) {
		for _, c := range counts[1:] {
			if a, b := i32(counts[0].Bytes(mem))[0], i32(c.Bytes(mem))[0]; a != b {
				panic(kernel.ValueError{What: fmt.Sprintf("operands of %d and %d rows", a, b)})
			}
		}
		run(mem)
	}
}
