package graph

import (
	"fmt"
	"slices"

	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// densify returns the constant with zeros where the sparse one has nothing
// (kernels/internal/utils/sparsity_format_converter.cc). Data holds the values
// in the order of the levels, elem bytes each; dense takes all of them.
func densify(s *tflite.Sparsity, shape []int, elem int, data, dense []byte) error {
	d := &sparse{s: s, elem: elem, data: data, dense: dense}
	if err := d.check(shape); err != nil {
		return err
	}
	if err := d.walk(0, 0, 0); err != nil {
		return err
	}
	if len(d.data) != 0 {
		return fmt.Errorf("sparse constant: %d bytes beyond its places", len(d.data))
	}
	return nil
}

// sparse is a constant while it is written out.
type sparse struct {
	s      *tflite.Sparsity
	elem   int
	data   []byte // values to come
	dense  []byte
	size   []int // places of each level
	stride []int // elements from one place of a level to the next
}

// check makes sure that the levels walk every dimension and block once, and
// works out their sizes and strides.
func (d *sparse) check(shape []int) error {
	rank, levels := len(shape), len(shape)+len(d.s.BlockMap)
	if len(d.s.Order) != levels || len(d.s.Levels) != levels || levels == 0 {
		return fmt.Errorf("sparse constant: %d levels, order %v, shape %v, blocks %v", len(d.s.Levels), d.s.Order, shape, d.s.BlockMap)
	}
	at := make([]int, levels) // the level that walks a dimension or block
	for i := range at {
		if at[i] = slices.Index(d.s.Order, int32(i)); at[i] < 0 {
			return fmt.Errorf("sparse constant: order %v of %d levels", d.s.Order, levels)
		}
	}
	d.size, d.stride = make([]int, levels), make([]int, levels)
	step := 1
	for i := rank - 1; i >= 0; i-- {
		d.size[at[i]], d.stride[at[i]] = shape[i], step
		step *= shape[i]
	}
	for b, dim := range d.s.BlockMap {
		size := int(d.s.Levels[at[rank+b]].Size)
		if dim < 0 || int(dim) >= rank || size < 1 || d.size[at[dim]]%size != 0 {
			return fmt.Errorf("sparse constant: block of %d along dimension %d of %v", size, dim, shape)
		}
		d.size[at[rank+b]], d.stride[at[rank+b]] = size, d.stride[at[dim]]
		d.size[at[dim]] /= size
		d.stride[at[dim]] *= size
	}
	for l, level := range d.s.Levels {
		if !level.Compressed && int(level.Size) != d.size[l] {
			return fmt.Errorf("sparse constant: level %d of %d places, shape %v", l, level.Size, shape)
		}
	}
	return nil
}

// walk writes the values below place parent of the level above; at is the
// element where they begin.
func (d *sparse) walk(level, parent, at int) error {
	if level == len(d.size) {
		if len(d.data) < d.elem {
			return fmt.Errorf("sparse constant: more places than values")
		}
		copy(d.dense[at*d.elem:], d.data[:d.elem])
		d.data = d.data[d.elem:]
		return nil
	}
	if !d.s.Levels[level].Compressed {
		for i := range d.size[level] {
			if err := d.walk(level+1, parent*d.size[level]+i, at+i*d.stride[level]); err != nil {
				return err
			}
		}
		return nil
	}
	return d.walkCompressed(level, parent, at)
}

func (d *sparse) walkCompressed(level, parent, at int) error {
	l := &d.s.Levels[level]
	if parent+1 >= len(l.Segments) {
		return fmt.Errorf("sparse constant: level %d has %d segments", level, len(l.Segments))
	}
	from, to := int(l.Segments[parent]), int(l.Segments[parent+1])
	if from < 0 || to < from || to > len(l.Indices) {
		return fmt.Errorf("sparse constant: segment from %d to %d of %d indices", from, to, len(l.Indices))
	}
	last := -1
	for i := from; i < to; i++ {
		place := int(l.Indices[i])
		if place <= last || place >= d.size[level] { // rising, so that no place comes twice
			return fmt.Errorf("sparse constant: index %d after %d of %d places", place, last, d.size[level])
		}
		last = place
		if err := d.walk(level+1, i, at+place*d.stride[level]); err != nil {
			return err
		}
	}
	return nil
}

// lowerDensify renames a sparse constant, which was written out when its tensor
// was built.
func lowerDensify(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	if !in.Sparse {
		return Step{}, unsupported("input is not sparse")
	}
	if err := n.same(); err != nil {
		return Step{}, err
	}
	if in.DType != out.DType || in.DType != Float32 && in.DType != Float16 && in.DType != Int8 {
		return Step{}, unsupported("types %s", n.types())
	}
	out.Data = in.Data
	return Step{}, nil
}
