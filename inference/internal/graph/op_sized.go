package graph

import (
	"encoding/binary"
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// shapeInRun is SHAPE of what has rows.
func (n *node) shapeInRun(r *rows) (Step, error) {
	shape, out := n.in(0).Shape, n.out()
	if err := n.resolve(0, []int{len(shape)}); err != nil {
		return Step{}, err
	}
	if out.Elements() != len(shape) {
		return Step{}, fmt.Errorf("output shape %v of %v", out.Shape, shape)
	}
	known := make([]bounds, len(shape))
	for d, v := range shape {
		known[d] = bounds{v, v}
	}
	known[r.axis].lo = 0
	n.b.bounds[n.n.Out[0]] = known
	dst, wide := n.outRef(), out.DType == Int64
	return Step{
		Kernel: "shape", Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) {
			data := dst.Bytes(mem)
			for d, v := range shape {
				if d == r.axis {
					v = r.in(mem)
				}
				if wide {
					binary.LittleEndian.PutUint64(data[8*d:], uint64(v))
				} else {
					binary.LittleEndian.PutUint32(data[4*d:], uint32(v))
				}
			}
		},
	}, nil
}

// rangeInRun counts between numbers that a run computes, where it is known how far
// apart they can be.
func (n *node) rangeInRun() (Step, error) {
	delta, err := n.staticInts(2, "step")
	if err != nil {
		return Step{}, err
	}
	var v [2]numbers
	var b [2]bounds
	for i := range v {
		if v[i], err = n.numbersOf(i, "bound"); err != nil {
			return Step{}, err
		}
		known := n.b.boundsOf(n.n.In[i])
		if len(known) != 1 || known[0].open() {
			return Step{}, unsupported("a bound of which nothing is known before the run")
		}
		b[i] = known[0]
	}
	if len(delta) != 1 || delta[0] == 0 {
		return Step{}, fmt.Errorf("range by %v", delta)
	}
	step := int64(delta[0])
	apart := int64(b[1].hi) - int64(b[0].lo)
	if step < 0 {
		apart = int64(b[0].hi) - int64(b[1].lo)
	}
	most := (max(apart, 0) + abs64(delta[0]) - 1) / abs64(delta[0])
	if most > maxTensor/8 {
		return Step{}, fmt.Errorf("range of %d", most)
	}
	set, err := n.decided(0, []int{int(most)}, 0)
	if err != nil {
		return Step{}, err
	}
	dst, wide := n.outRef(), n.out().DType == Int64
	return Step{
		Kernel: "range", Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) {
			from, to, data := int64(v[0].at(mem, 0)), int64(v[1].at(mem, 0)), dst.Bytes(mem)
			apart := to - from
			if step < 0 {
				apart = -apart
			}
			if apart < 0 {
				panic(kernel.ValueError{What: fmt.Sprintf("a range from %d to %d by %d", from, to, step)})
			}
			count := int((apart + abs64(int(step)) - 1) / abs64(int(step)))
			set(mem, count)
			for i := range count {
				x := from + int64(i)*step
				if wide {
					binary.LittleEndian.PutUint64(data[8*i:], uint64(x))
				} else {
					binary.LittleEndian.PutUint32(data[4*i:], uint32(x))
				}
			}
		},
	}, nil
}

// sized reads the shape or the factors of an operand that a run computes: one of
// them varies, within known bounds. It returns the most, which one, and how long
// that is in a run.
func (n *node) sized(i int, what string) (most []int, axis int, length func(mem []byte) int, err error) {
	v, err := n.numbersOf(i, what)
	if err != nil {
		return nil, 0, nil, err
	}
	known := n.b.boundsOf(n.n.In[i])
	axis = -1
	for d, b := range known {
		if b.open() {
			known = nil
			break
		}
		if b.lo != b.hi && axis >= 0 {
			return nil, 0, nil, unsupported("%s with two dimensions that only a run decides", what)
		}
		if b.lo != b.hi {
			axis = d
		}
		if b.hi < 0 {
			return nil, 0, nil, fmt.Errorf("%s %v", what, known)
		}
		most = append(most, b.hi)
	}
	if known == nil {
		return nil, 0, nil, unsupported("%s of which nothing is known before the run", what)
	}
	if axis < 0 { // the same in every run
		axis = 0
	}
	top := known[axis].hi
	return most, axis, func(mem []byte) int {
		x := v.at(mem, axis)
		if x < 0 || x > top {
			panic(kernel.ValueError{What: fmt.Sprintf("%s of %d", what, x)})
		}
		return x
	}, nil
}

// sizeInRun makes the output of an operator that repeats elements as large as
// input i can ask for, per times that; a step of it computes all, and what this
// returns then says how much of it there is.
func (n *node) sizeInRun(i int, what string, per []int) (say func(mem []byte), err error) {
	if n.in(i).Data != nil {
		return nil, nil
	}
	most, axis, length, err := n.sized(i, what)
	if err != nil {
		return nil, err
	}
	times := 1
	if per != nil {
		if len(per) != len(most) {
			return nil, fmt.Errorf("%d %s for shape %v", len(most), what, per)
		}
		for d := range most {
			if int64(most[d])*int64(per[d]) > maxTensor {
				return nil, fmt.Errorf("%s %v of %v", what, most, per)
			}
			most[d] *= per[d]
		}
		times = per[axis]
	}
	set, err := n.decided(0, most, axis)
	return func(mem []byte) { set(mem, times*length(mem)) }, err
}

// first runs before, unless nil, ahead of the step.
func (s Step) first(before func(mem []byte)) Step {
	if run := s.Run; before != nil {
		s.Run = func(mem []byte) { before(mem); run(mem) }
	}
	return s
}

// reshapeInRun renames to a shape that a run computes: all but one of it are known,
// and that one follows from the number of elements. The run has to agree.
func (n *node) reshapeInRun() (Step, error) {
	in := n.in(0)
	v, err := n.numbersOf(1, "shape")
	if err != nil {
		return Step{}, err
	}
	r := n.rowsOf(0)
	known := n.b.boundsOf(n.n.In[1])
	shape, axis := make([]int, len(known)), -1
	rest := in.Elements()
	for d, b := range known {
		switch {
		case b.lo != b.hi && axis >= 0:
			return Step{}, unsupported("shape with two dimensions that only a run decides")
		case b.lo != b.hi || b.lo == -1:
			axis = d
		case b.lo < 1 || rest%b.lo != 0:
			return Step{}, fmt.Errorf("dimension %d of %v", b.lo, in.Shape)
		default:
			shape[d] = b.lo
			rest /= b.lo
		}
	}
	if axis < 0 {
		return Step{}, unsupported("a shape that a run computes")
	}
	shape[axis] = rest
	if r == nil {
		n.out().Unknown = true
		if err := n.resolve(0, shape); err != nil {
			return Step{}, err
		}
	}
	if in.DType != n.out().DType {
		return Step{}, fmt.Errorf("types %s", n.types())
	}
	if in.Data != nil {
		n.out().Data = in.Data
	} else {
		n.b.alias[n.n.Out[0]] = n.n.In[0]
	}
	return Step{
		Kernel: "reshape", Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) {
			want := rest
			if r != nil {
				want = r.in(mem)
			}
			if x := v.at(mem, axis); x != want && x != -1 {
				panic(kernel.ValueError{What: fmt.Sprintf("shape with %d, where %d are left", x, want)})
			}
		},
	}, nil
}
