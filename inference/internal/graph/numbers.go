package graph

import "math"

// numbers are the integers of an operand: constants, or what a run computes.
type numbers struct {
	fixed []int
	known []bounds // of what a run computes, unless nothing is known
	count int
	ref   *Ref
	wide  bool
}

// moves tells whether only a run knows number k.
func (v *numbers) moves(k int) bool {
	return v.ref != nil && (v.known == nil || v.known[k].lo != v.known[k].hi)
}

// numbersOf returns the int32 or int64 elements of input i.
func (n *node) numbersOf(i int, what string) (numbers, error) {
	t := n.in(i)
	if t.Data != nil {
		v, err := n.staticInts(i, what)
		return numbers{fixed: v, count: len(v)}, err
	}
	if t.DType != Int32 && t.DType != Int64 || n.rowsOf(i) != nil || t.Elements() > maxBounds {
		return numbers{}, unsupported("%s of %s%v", what, t.DType, t.Shape)
	}
	return numbers{known: n.b.boundsOf(n.n.In[i]), count: t.Elements(), ref: n.inRef(i), wide: t.DType == Int64}, nil
}

func (v *numbers) at(mem []byte, k int) int {
	switch {
	case v.ref == nil:
		return v.fixed[k]
	case !v.moves(k):
		return v.known[k].lo
	case v.wide:
		return int(min(max(viewOf[int64](v.ref.Bytes(mem))[k], math.MinInt32), math.MaxInt32))
	}
	return int(i32(v.ref.Bytes(mem))[k])
}
