package graph

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// span1 is one input dimension of a slice.
type span1 struct{ begin, stride, count int }

// place is what a slice takes of one input dimension, or an output dimension of 1
// beside them. What depends on the run is found there, from the same spans.
type place struct {
	added  bool
	shrink bool // the output has not this dimension
	whole  bool // always all of it
	varies bool // only a run knows how many
	most   int  // elements; where nothing varies, all there are
	span   func(mem []byte, size int) (span1, error)
}

func fixedPlace(s func(size int) (span1, error)) func([]byte, int) (span1, error) {
	return func(_ []byte, size int) (span1, error) { return s(size) }
}

func lowerSlice(n *node) (Step, error) {
	in := n.in(0)
	begin, err := n.numbersOf(1, "begin")
	if err != nil {
		return Step{}, err
	}
	size, err := n.numbersOf(2, "size")
	if err != nil {
		return Step{}, err
	}
	if begin.count != len(in.Shape) || size.count != len(in.Shape) {
		return Step{}, fmt.Errorf("%d beginnings, %d sizes of shape %v", begin.count, size.count, in.Shape)
	}
	places := make([]place, len(in.Shape))
	for d, most := range in.Shape {
		p := place{most: most, varies: true}
		switch {
		case !size.moves(d) && size.at(nil, d) != -1:
			p.most, p.varies = min(most, max(size.at(nil, d), 0)), false
		case size.known != nil && size.known[d].lo >= 0:
			p.most = min(most, size.known[d].hi)
		case !size.moves(d) && !begin.moves(d) && !n.runs(d):
			p.most, p.varies = max(most-max(begin.at(nil, d), 0), 0), false
		}
		p.whole = p.most == most && !p.varies && !n.runs(d) && !begin.moves(d) && begin.at(nil, d) == 0
		p.span = func(mem []byte, most int) (span1, error) {
			b, s := begin.at(mem, d), size.at(mem, d)
			if s == -1 {
				s = most - max(b, 0)
			}
			if b < 0 || s < 0 || b > most-s {
				return span1{}, kernel.ValueError{What: fmt.Sprintf("a slice of %d from %d of a dimension of %d", s, b, most)}
			}
			return span1{b, 1, s}, nil
		}
		places[d] = p
	}
	return n.slice("slice", places, begin.ref != nil || size.ref != nil)
}

// runs tells whether only a run knows the length of the input's dimension d.
func (n *node) runs(d int) bool {
	r := n.rowsOf(0)
	return r != nil && r.axis == d
}

func lowerStridedSlice(n *node) (Step, error) {
	in, o := n.in(0), n.n.Opt
	var v [2]numbers
	for i, what := range []string{"begin", "end"} {
		var err error
		if v[i], err = n.numbersOf(i+1, what); err != nil {
			return Step{}, err
		}
	}
	strides, err := n.staticInts(3, "strides")
	if err != nil {
		return Step{}, err
	}
	if o.Bool(5, false) {
		return Step{}, unsupported("end as an offset")
	}
	openBegin, openEnd, ellipsis, added, shrunk := o.Int32(0, 0), o.Int32(1, 0), o.Int32(2, 0), o.Int32(3, 0), o.Int32(4, 0)
	count, rank := v[0].count, len(in.Shape)
	if v[1].count != count || len(strides) != count || count > 2*tflite.MaxRank {
		return Step{}, fmt.Errorf("%d beginnings, %d ends, %d strides of shape %v", count, v[1].count, len(strides), in.Shape)
	}
	named := 0 // input dimensions that the operands speak of
	for k := range count {
		if bit := int32(1) << k; (ellipsis|added)&bit == 0 {
			named++
		}
	}
	if named > rank || ellipsis&(ellipsis-1) != 0 {
		return Step{}, fmt.Errorf("%d places, ellipsis %b, of shape %v", count, ellipsis, in.Shape)
	}
	var places []place
	d := 0
	whole := func() {
		p := place{whole: !n.runs(d), most: in.Shape[d], varies: n.runs(d)}
		p.span = fixedPlace(func(size int) (span1, error) { return span1{0, 1, size}, nil })
		places, d = append(places, p), d+1
	}
	for k := range count {
		switch bit := int32(1) << k; {
		case ellipsis&bit != 0:
			for range rank - named {
				whole()
			}
		case added&bit != 0:
			places = append(places, place{added: true})
		default:
			p := place{shrink: shrunk&bit != 0}
			ends := [2]bool{openBegin&bit != 0, openEnd&bit != 0}
			p.span = func(mem []byte, size int) (span1, error) {
				var b, e int // of what is masked nothing counts, and a run may compute it
				if !ends[0] {
					b = v[0].at(mem, k)
				}
				if !ends[1] && !p.shrink {
					e = v[1].at(mem, k)
				}
				s, err := sliceDim(size, b, e, strides[k], ends[0], ends[1], p.shrink)
				if err != nil && strides[k] != 0 {
					err = kernel.ValueError{What: err.Error()}
				}
				return s, err
			}
			moving := v[0].moves(k) && !ends[0] || v[1].moves(k) && !ends[1] || n.runs(d)
			switch p.varies = moving && !p.shrink; {
			case strides[k] == 0:
				return Step{}, fmt.Errorf("stride 0")
			case p.varies:
				p.most = mostOf(in.Shape[d], k, strides[k], &v[1], ends[1])
			case !moving:
				s, err := p.span(nil, in.Shape[d])
				if err != nil {
					return Step{}, err
				}
				p.most = s.count
			}
			places, d = append(places, p), d+1
		}
	}
	for d < rank {
		whole()
	}
	return n.slice("strided_slice", places, v[0].ref != nil || v[1].ref != nil)
}

// mostOf returns how many elements a strided slice that ends at number k, unless
// that is open, can take of a dimension.
func mostOf(size, k, stride int, end *numbers, open bool) int {
	if stride > 0 && !open && end.known != nil && end.known[k].lo >= 0 {
		size = min(size, end.known[k].hi)
	}
	return int((int64(size) + abs64(stride) - 1) / abs64(stride))
}

func abs64(v int) int64 { return max(int64(v), -int64(v)) }

// slice lowers a slice of places. Where something moves, each run finds them anew.
func (n *node) slice(name string, places []place, moves bool) (Step, error) {
	in, out := n.in(0), n.out()
	if err := n.moves(out, in); err != nil {
		return Step{}, err
	}
	if n.rowsOf(0) != nil || moves {
		return n.sliceInRun(name, places)
	}
	st, base := strides(in.Shape, in.DType.Size()), 0
	var shape, src []int
	d := 0
	for _, p := range places {
		if p.added {
			shape, src = append(shape, 1), append(src, 0)
			continue
		}
		s, err := p.span(nil, in.Shape[d])
		if err != nil {
			return Step{}, err
		}
		base += s.begin * st[d]
		if !p.shrink {
			shape, src = append(shape, s.count), append(src, s.stride*st[d])
		}
		d++
	}
	if err := n.resolve(0, shape); err != nil {
		return Step{}, err
	}
	if !equal(shape, out.Shape) {
		return Step{}, fmt.Errorf("gives %v, output shape %v", shape, out.Shape)
	}
	return n.gather(name, src, base), nil
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
