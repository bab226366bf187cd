package graph

import "fmt"

func lowerSlice(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	begin, err := n.staticInts(1, "begin")
	if err != nil {
		return Step{}, err
	}
	size, err := n.staticInts(2, "size")
	if err != nil {
		return Step{}, err
	}
	if err := n.moves(out, in); err != nil {
		return Step{}, err
	}
	if len(begin) != len(in.Shape) || len(size) != len(in.Shape) || len(out.Shape) != len(in.Shape) {
		return Step{}, fmt.Errorf("begin %v, size %v of shape %v", begin, size, in.Shape)
	}
	st, base := strides(in.Shape, in.DType.Size()), 0
	for d, b := range begin {
		want := size[d]
		if want == -1 {
			want = in.Shape[d] - max(b, 0)
		}
		if b < 0 || want < 0 || b > in.Shape[d]-want || want != out.Shape[d] {
			return Step{}, fmt.Errorf("begin %v, size %v of shape %v", begin, size, in.Shape)
		}
		base += b * st[d]
	}
	return n.gather("slice", st, base), nil
}

// span1 is one input dimension of a strided slice.
type span1 struct{ begin, stride, count int }

func lowerStridedSlice(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	var v [3][]int
	for i, what := range []string{"begin", "end", "strides"} {
		var err error
		if v[i], err = n.staticInts(i+1, what); err != nil {
			return Step{}, err
		}
	}
	if err := n.moves(out, in); err != nil {
		return Step{}, err
	}
	o := n.n.Opt
	if o.Int32(2, 0) != 0 || o.Int32(3, 0) != 0 {
		return Step{}, unsupported("ellipsis or new axis")
	}
	if o.Bool(5, false) {
		return Step{}, unsupported("end as an offset")
	}
	rank := len(in.Shape)
	if len(v[0]) > rank || len(v[1]) != len(v[0]) || len(v[2]) != len(v[0]) {
		return Step{}, fmt.Errorf("begin %v, end %v, strides %v of shape %v", v[0], v[1], v[2], in.Shape)
	}
	st, base := strides(in.Shape, in.DType.Size()), 0
	var shape, src []int
	for d := range rank {
		s := span1{0, 1, in.Shape[d]}
		shrink := false
		if d < len(v[0]) {
			bit := int32(1) << d
			shrink = o.Int32(4, 0)&bit != 0
			var err error
			s, err = sliceDim(in.Shape[d], v[0][d], v[1][d], v[2][d], o.Int32(0, 0)&bit != 0, o.Int32(1, 0)&bit != 0, shrink)
			if err != nil {
				return Step{}, err
			}
		}
		base += s.begin * st[d]
		if !shrink {
			shape, src = append(shape, s.count), append(src, s.stride*st[d])
		}
	}
	if !equal(shape, out.Shape) {
		return Step{}, fmt.Errorf("gives %v, output shape %v", shape, out.Shape)
	}
	return n.gather("strided_slice", src, base), nil
}

// sliceDim resolves one dimension of length n as numpy does: negative ends
// count from the end, ends outside are clamped, masked ends are open
// (kernels/internal/strided_slice_logic.h).
func sliceDim(n, begin, end, stride int, openBegin, openEnd, shrink bool) (span1, error) {
	if stride == 0 {
		return span1{}, fmt.Errorf("stride 0")
	}
	if shrink {
		switch {
		case openBegin:
			begin = 0
		case begin < 0:
			begin += n
		}
		if begin < 0 || begin >= n || stride < 0 {
			return span1{}, fmt.Errorf("index %d of dimension %d", begin, n)
		}
		return span1{begin, 1, 1}, nil
	}
	lo, hi := 0, n // of a begin or end, going up
	if stride < 0 {
		lo, hi = -1, n-1
	}
	resolve := func(v int, open bool, whenOpen int) int {
		if open {
			return whenOpen
		}
		if v < 0 {
			v += n
		}
		return min(max(v, lo), hi)
	}
	first, last := lo, hi
	if stride < 0 {
		first, last = hi, lo
	}
	b, e := resolve(begin, openBegin, first), resolve(end, openEnd, last)
	switch { // nothing here overflows, whatever the stride
	case stride > 0 && e > b:
		return span1{b, stride, 1 + (e-b-1)/stride}, nil
	case stride < 0 && b > e:
		return span1{b, stride, 1 + (b-e-1)/-stride}, nil
	}
	return span1{b, stride, 0}, nil
}
