package graph

import (
	"math"
	"slices"

	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// bounds are the least and the most that an integer can be. A constant is both.
type bounds struct{ lo, hi int }

// anything is what a number can be of which nothing is known.
var anything = bounds{math.MinInt32, math.MaxInt32}

func (b bounds) open() bool { return b.lo == anything.lo || b.hi == anything.hi }

// maxBounds is the longest tensor whose elements are followed: shapes, and what
// is computed from them.
const maxBounds = 2 * tflite.MaxRank

// boundsOf returns what the elements of tensor i can be, or nil where nothing is
// known of them.
func (b *builder) boundsOf(i int) []bounds {
	t := &b.g.Tensors[i]
	if t.Data == nil {
		return b.bounds[i]
	}
	if len(t.Data) > 8*maxBounds || t.DType != Int32 && t.DType != Int64 {
		return nil
	}
	n := &node{b: b, n: &Node{In: []int{i}}}
	list, err := n.staticInts(0, "")
	if err != nil {
		return nil
	}
	v := make([]bounds, len(list))
	for k, x := range list {
		v[k] = bounds{x, x}
	}
	return v
}

// bound follows what the output can be, where operands are known.
func (n *node) bound() {
	if len(n.n.Out) != 1 || n.out().Data != nil || n.b.bounds[n.n.Out[0]] != nil || n.out().Unknown {
		return
	}
	out := n.out()
	if d := out.DType; d != Int32 && d != Int64 || out.Elements() > maxBounds || n.b.rows[n.n.Out[0]] != nil {
		return
	}
	if v := n.computed(); len(v) == out.Elements() {
		n.b.bounds[n.n.Out[0]] = v
	}
}

// computed returns the bounds of the output by those of the inputs.
func (n *node) computed() []bounds {
	in := make([][]bounds, len(n.n.In))
	for k, i := range n.n.In {
		if i < 0 || n.b.rows[i] != nil {
			return nil
		}
		if in[k] = n.b.boundsOf(i); in[k] == nil {
			if t := n.in(k); t.DType != Int32 && t.DType != Int64 || t.Elements() > maxBounds {
				return nil
			}
			in[k] = slices.Repeat([]bounds{anything}, n.in(k).Elements())
		}
	}
	switch n.n.Op {
	case tflite.CAST, tflite.RESHAPE, tflite.SQUEEZE, tflite.EXPAND_DIMS:
		return in[0]
	case tflite.PACK, tflite.CONCATENATION:
		var v []bounds
		for _, x := range in {
			v = append(v, x...)
		}
		axis := n.n.Opt.Int32(0, 0)
		if n.n.Op == tflite.PACK {
			axis = n.n.Opt.Int32(1, 0)
		}
		if axis == 0 || len(n.out().Shape) == 1 {
			return v
		}
	case tflite.GATHER, tflite.SLICE, tflite.STRIDED_SLICE:
		return n.taken(in)
	case tflite.ADD, tflite.SUB, tflite.MUL, tflite.FLOOR_MOD, tflite.MINIMUM, tflite.MAXIMUM:
		return n.combined(in[0], in[1])
	}
	return nil
}

// taken returns the bounds of parts of a list.
func (n *node) taken(in [][]bounds) (v []bounds) {
	if len(n.in(0).Shape) != 1 {
		return nil
	}
	at := func(k int) (x int, fixed bool) {
		if len(in[k]) != 1 {
			return 0, false
		}
		return in[k][0].lo, in[k][0].lo == in[k][0].hi
	}
	begin, step := 0, 1
	switch n.n.Op {
	case tflite.GATHER:
		for _, x := range in[1] {
			if x.lo != x.hi || x.lo < 0 || x.lo >= len(in[0]) {
				return nil
			}
			v = append(v, in[0][x.lo])
		}
		return v
	case tflite.SLICE:
		b, ok := at(1)
		if !ok {
			return nil
		}
		begin = b
	case tflite.STRIDED_SLICE:
		b, ok := at(1)
		e, _ := at(2)
		s, known := at(3)
		o := n.n.Opt
		if !ok || !known || o.Int32(2, 0) != 0 || o.Int32(3, 0) != 0 {
			return nil
		}
		d, err := sliceDim(len(in[0]), b, e, s, o.Int32(0, 0)&1 != 0, true, o.Int32(4, 0)&1 != 0)
		if err != nil {
			return nil
		}
		begin, step = d.begin, d.stride
	}
	for k := range n.out().Elements() {
		p := begin + k*step
		if p < 0 || p >= len(in[0]) {
			return nil
		}
		v = append(v, in[0][p])
	}
	return v
}

// combined returns the bounds of arithmetic on lists, one of which may be a single
// number.
func (n *node) combined(a, b []bounds) []bounds {
	if (n.n.Op == tflite.ADD || n.n.Op == tflite.SUB || n.n.Op == tflite.MUL) && n.n.Opt.Byte(0, 0) != actNone {
		return nil
	}
	v := make([]bounds, max(len(a), len(b)))
	if len(a) != len(v) && len(a) != 1 || len(b) != len(v) && len(b) != 1 {
		return nil
	}
	for k := range v {
		x, y := a[min(k, len(a)-1)], b[min(k, len(b)-1)]
		xl, xh, yl, yh := int64(x.lo), int64(x.hi), int64(y.lo), int64(y.hi)
		var lo, hi int64
		switch n.n.Op {
		case tflite.ADD:
			lo, hi = xl+yl, xh+yh
		case tflite.SUB:
			lo, hi = xl-yh, xh-yl
		case tflite.FLOOR_MOD:
			if lo, hi = 0, yh-1; yl < 1 {
				lo, hi = math.MinInt32, math.MaxInt32
			}
		case tflite.MINIMUM:
			lo, hi = min(xl, yl), min(xh, yh)
		case tflite.MAXIMUM:
			lo, hi = max(xl, yl), max(xh, yh)
		case tflite.MUL:
			lo, hi = min(xl*yl, xl*yh, xh*yl, xh*yh), max(xl*yl, xl*yh, xh*yl, xh*yh)
		}
		if lo < math.MinInt32 || hi > math.MaxInt32 { // it may wrap
			lo, hi = math.MinInt32, math.MaxInt32
		}
		v[k] = bounds{int(lo), int(hi)}
	}
	return v
}
