package graph

import (
	"slices"

	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// followed returns the shape of output o, whose rows are those of an operand, and
// which dimension they are.
func (n *node) followed(r *rows, o int) ([]int, int, error) {
	in := n.in(0)
	switch op := n.n.Op; {
	case op == tflite.CAST, op == tflite.DEQUANTIZE:
		return in.Shape, r.axis, nil
	case op == tflite.SOFTMAX || op == tflite.LOG_SOFTMAX || op == tflite.L2_NORMALIZATION:
		if in.DType != Int16 && r.axis < len(in.Shape)-1 {
			return in.Shape, r.axis, nil
		}
	case op == tflite.SQUEEZE, op == tflite.EXPAND_DIMS, op == tflite.RESHAPE:
		if n.rowsOf(0) == r {
			return n.renamed(r)
		}
	case op == tflite.GATHER:
		n.follows = nil // rows of the data and of the places are not the same
		return n.gathered()
	case op == tflite.GATHER_ND:
		if at := n.in(1); n.rowsOf(0) == nil && r.axis == 0 && len(at.Shape) == 2 && at.Shape[1] <= len(in.Shape) {
			return append([]int{at.Shape[0]}, in.Shape[at.Shape[1]:]...), 0, nil
		}
	case op == tflite.CONCATENATION:
		return n.beside(r)
	case op == tflite.PACK:
		return n.stacked(r)
	case op == tflite.SPLIT, op == tflite.SPLIT_V, op == tflite.UNPACK:
		return n.parted(r, o)
	case layer(op):
		return n.layered(r)
	case folds(op):
		return n.folded(r)
	case n.elementwise():
		return n.spread(r)
	}
	return nil, 0, unsupported("%s of a shape which only a run decides", in.DType)
}

// elementwise lists what LiteRT computes alike for an element at any place; the
// lowerings of ADD and MUL refuse the scales where it does not. Left out are what
// may end a run with an error, by rows that nobody sees, and most of 16 bits.
func (n *node) elementwise() bool {
	t := n.in(0).DType
	plain := t == Float32 || t == Int32 || t == Int64 || t == Bool
	switch n.n.Op {
	case tflite.SELECT, tflite.SELECT_V2:
		return true
	case tflite.DIV, tflite.FLOOR_DIV, tflite.FLOOR_MOD, tflite.POW:
		return t == Float32
	case tflite.QUANTIZE:
		return n.out().DType == Int8 || n.out().DType == Uint8
	case tflite.ADD, tflite.SUB, tflite.MUL, tflite.MAXIMUM, tflite.MINIMUM, tflite.PRELU,
		tflite.RELU, tflite.RELU6, tflite.RELU_0_TO_1, tflite.RELU_N1_TO_1, tflite.LEAKY_RELU, tflite.ELU, tflite.GELU, tflite.HARD_SWISH,
		tflite.LOGISTIC, tflite.TANH, tflite.ABS, tflite.EQUAL, tflite.NOT_EQUAL, tflite.LESS, tflite.LESS_EQUAL, tflite.GREATER, tflite.GREATER_EQUAL:
		return plain || t == Int8 || t == Uint8
	case tflite.SQUARED_DIFFERENCE:
		return plain || t == Int8
	case tflite.ATAN2, tflite.LOGICAL_AND, tflite.LOGICAL_OR, tflite.LOGICAL_NOT,
		tflite.EXP, tflite.LOG, tflite.SQRT, tflite.RSQRT, tflite.SQUARE, tflite.SIN, tflite.COS,
		tflite.NEG, tflite.SIGN, tflite.FLOOR, tflite.CEIL, tflite.ROUND:
		return plain
	}
	return false
}

// spread is the shape that operands broadcast to. Those without rows may not be
// longer than 1 there.
func (n *node) spread(r *rows) ([]int, int, error) {
	var out []int
	for i := range n.n.In {
		if s := n.in(i).Shape; len(s) > len(out) {
			out = s
		}
	}
	out = slices.Clone(out)
	axis := -1
	for i := range n.n.In {
		s, x := n.in(i).Shape, n.rowsOf(i)
		skip := len(out) - len(s)
		if x != nil && axis >= 0 && axis != skip+x.axis {
			return nil, 0, unsupported("operands with rows at different places")
		}
		if x != nil {
			axis = skip + x.axis
		}
		for d, v := range s {
			out[skip+d] = max(out[skip+d], v)
		}
	}
	for i := range n.n.In {
		s, x := n.in(i).Shape, n.rowsOf(i)
		at := axis - (len(out) - len(s))
		if at >= 0 && (s[at] != out[axis] || x == nil) && (s[at] != 1 || x != nil) {
			return nil, 0, unsupported("shape %v beside rows which only a run decides", s)
		}
	}
	if product(out[:axis]) != 1 {
		return nil, 0, unsupported("shape %v with dimension %d decided by a run", out, axis)
	}
	return out, axis, nil
}

// renamed is the shape of what only renames dimensions.
func (n *node) renamed(r *rows) ([]int, int, error) {
	in := n.in(0).Shape
	switch n.n.Op {
	case tflite.EXPAND_DIMS:
		at, err := n.staticAxis(1, len(in)+1)
		if err != nil {
			return nil, 0, err
		}
		axis := r.axis
		if at <= axis {
			axis++
		}
		return slices.Insert(slices.Clone(in), at, 1), axis, nil
	case tflite.SQUEEZE:
		return n.squeezed(r)
	}
	to := make([]bounds, 0, tflite.MaxRank)
	if n.in(1) == nil {
		for _, d := range n.n.Opt.Int32s(0) {
			to = append(to, bounds{int(d), int(d)})
		}
	} else if b := n.b.boundsOf(n.n.In[1]); b != nil {
		to = append(to, b...)
	}
	shape, axis := make([]int, len(to)), -1
	for d, b := range to {
		shape[d] = b.lo
		if b.lo != b.hi || b.lo == -1 {
			if axis >= 0 {
				axis = len(to)
				break
			}
			axis, shape[d] = d, in[r.axis]
		}
	}
	if axis < 0 || axis >= len(to) || product(shape[:axis]) != 1 || product(shape) != product(in) {
		return nil, 0, unsupported("shape %v of a number of rows which only a run decides", shape)
	}
	return shape, axis, nil
}

// squeezed leaves out the dimensions that the options name. Without names LiteRT
// would leave out rows too, where a run has one.
func (n *node) squeezed(r *rows) ([]int, int, error) {
	in, gone := n.in(0).Shape, n.n.Opt.Int32s(0)
	if len(gone) == 0 {
		return nil, 0, unsupported("dimensions of 1 that are not named")
	}
	var shape []int
	axis := 0
	for d, v := range in {
		named := slices.Contains(gone, int32(d)) || slices.Contains(gone, int32(d-len(in)))
		if named && (v != 1 || d == r.axis) {
			return nil, 0, unsupported("dimension %d of %v left out", d, in)
		}
		if d == r.axis {
			axis = len(shape)
		}
		if !named {
			shape = append(shape, v)
		}
	}
	return shape, axis, nil
}

// gathered is the shape of what indices take of the first dimension, or constant
// ones of a later one.
func (n *node) gathered() ([]int, int, error) {
	in, at := n.in(0).Shape, n.in(1)
	axis, err := axisOf(int(n.n.Opt.Int32(0, 0)), len(in))
	if err != nil {
		return nil, 0, err
	}
	data, index := n.rowsOf(0), n.rowsOf(1)
	shape := slices.Concat(in[:axis], at.Shape, in[axis+1:])
	switch {
	case n.n.Opt.Int32(1, 0) != 0:
	case index != nil && axis == 0:
		return shape, index.axis, nil
	case index == nil && data.axis < axis:
		return shape, data.axis, nil
	}
	return nil, 0, unsupported("places along dimension %d of %v", axis, in)
}

// beside is the shape of parts joined along a dimension after their rows.
func (n *node) beside(r *rows) ([]int, int, error) {
	out := slices.Clone(n.in(0).Shape)
	axis, err := axisOf(int(n.n.Opt.Int32(0, 0)), len(out))
	if err != nil {
		return nil, 0, err
	}
	for i := range n.n.In {
		x, s := n.rowsOf(i), n.in(i).Shape
		if x == nil || x.axis != r.axis || axis <= r.axis || len(s) != len(out) || s[r.axis] != out[r.axis] {
			return nil, 0, unsupported("%s%v beside rows which only a run decides", n.in(i).DType, s)
		}
		if i > 0 {
			out[axis] += s[axis]
		}
	}
	return out, r.axis, nil
}

// stacked is the shape of parts that lie along a new dimension after their rows.
func (n *node) stacked(r *rows) ([]int, int, error) {
	in := n.in(0).Shape
	axis, err := axisOf(int(n.n.Opt.Int32(1, 0)), len(in)+1)
	if err != nil {
		return nil, 0, err
	}
	for i := range n.n.In {
		if x := n.rowsOf(i); x == nil || x.axis != r.axis || axis <= r.axis {
			return nil, 0, unsupported("%s%v beside rows which only a run decides", n.in(i).DType, n.in(i).Shape)
		}
	}
	return slices.Insert(slices.Clone(in), axis, len(n.n.In)), r.axis, nil
}

// parted is the shape of output o of what cuts a dimension after the rows.
func (n *node) parted(r *rows, o int) ([]int, int, error) {
	i, axis, sizes, err := n.pieces()
	switch {
	case err != nil:
		return nil, 0, err
	case n.rowsOf(i) != r || axis <= r.axis:
		return nil, 0, unsupported("parts along dimension %d of rows which only a run decides", axis)
	}
	shape := slices.Clone(n.in(i).Shape)
	if n.n.Op == tflite.UNPACK {
		return slices.Delete(shape, axis, axis+1), r.axis, nil
	}
	shape[axis] = sizes[o]
	return shape, r.axis, nil
}

// layer lists the operators that have weights or a window, and take one image or
// one row by itself.
func layer(op tflite.Op) bool {
	switch op {
	case tflite.FULLY_CONNECTED, tflite.CONV_2D, tflite.DEPTHWISE_CONV_2D, tflite.AVERAGE_POOL_2D, tflite.MAX_POOL_2D:
		return true
	}
	return false
}

// layered is the shape of a layer's output: one image after the other, or one row.
func (n *node) layered(r *rows) ([]int, int, error) {
	in, out := n.in(0), n.out()
	last := len(in.Shape) - 1
	switch {
	case in.DType == Int16 || n.rowsOf(0) != r || len(n.follows) != 1:
	case n.n.Op != tflite.FULLY_CONNECTED:
		if r.axis == 0 && last == 3 && len(out.Shape) == 4 {
			return slices.Concat(in.Shape[:1], out.Shape[1:]), 0, nil
		}
	case len(n.in(1).Shape) != 2 || n.in(1).Shape[1] != product(in.Shape[r.axis+1:]): // a row is not one of the layer
	case n.n.Opt.Bool(2, false) && r.axis == last-1:
		return slices.Concat(in.Shape[:last], n.in(1).Shape[:1]), r.axis, nil
	case !n.n.Opt.Bool(2, false):
		return []int{in.Shape[r.axis], n.in(1).Shape[0]}, 0, nil
	}
	return nil, 0, unsupported("%s%v as a layer's input, its rows decided by a run", in.DType, in.Shape)
}

// folds lists the operators that fold dimensions.
func folds(op tflite.Op) bool {
	switch op {
	case tflite.SUM, tflite.MEAN, tflite.REDUCE_MAX, tflite.REDUCE_MIN, tflite.REDUCE_PROD, tflite.REDUCE_ANY, tflite.REDUCE_ALL,
		tflite.ARG_MAX, tflite.ARG_MIN:
		return true
	}
	return false
}

// folded is the shape of a fold of dimensions after the rows.
func (n *node) folded(r *rows) ([]int, int, error) {
	in := n.in(0)
	axes, err := n.staticInts(1, "axes")
	if err != nil {
		return nil, 0, err
	}
	arg := n.n.Op == tflite.ARG_MAX || n.n.Op == tflite.ARG_MIN
	if in.DType == Int16 {
		return nil, 0, unsupported("%s of a shape which only a run decides", in.DType)
	}
	keep := !arg && n.n.Opt.Bool(0, false)
	gone := make([]bool, len(in.Shape))
	for _, a := range axes {
		if a, err = axisOf(a, len(in.Shape)); err != nil {
			return nil, 0, err
		}
		if a <= r.axis {
			return nil, 0, unsupported("a fold of rows which only a run decides")
		}
		gone[a] = true
	}
	var shape []int
	for d, v := range in.Shape {
		switch {
		case !gone[d]:
			shape = append(shape, v)
		case keep:
			shape = append(shape, 1)
		}
	}
	return shape, r.axis, nil
}
