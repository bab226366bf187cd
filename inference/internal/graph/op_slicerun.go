package graph

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// sliceInRun lowers a slice whose places, or the length of whose input, a run decides.
func (n *node) sliceInRun(name string, places []place) (Step, error) {
	in := n.in(0)
	var shape []int
	axis := -1
	for _, p := range places {
		switch {
		case p.shrink:
			continue
		case p.added:
			p.most = 1
		case p.varies && axis >= 0:
			return Step{}, unsupported("two dimensions that only a run decides")
		case p.varies:
			axis = len(shape)
		}
		shape = append(shape, p.most)
	}
	if len(shape) > tflite.MaxRank {
		return Step{}, fmt.Errorf("%d dimensions", len(shape))
	}
	r := &runSlice{places: places, elem: in.DType.Size(), src: n.inRef(0), dst: n.outRef(), into: strides(shape, in.DType.Size()), set: func([]byte, int) {}}
	if axis >= 0 {
		var err error
		if r.set, err = n.decided(0, shape, axis); err != nil {
			return Step{}, err
		}
	} else if err := n.resolve(0, shape); err != nil {
		return Step{}, err
	} else if !equal(shape, n.out().Shape) {
		return Step{}, fmt.Errorf("gives %v, output shape %v", shape, n.out().Shape)
	}
	for d := range in.Shape {
		r.sizes = append(r.sizes, n.countOf(0, d))
	}
	r.strides = strides(in.Shape, r.elem)
	for len(r.places) > 0 && r.places[len(r.places)-1].whole { // one longer element
		r.elem *= in.Shape[len(r.sizes)-1]
		r.places, r.sizes = r.places[:len(r.places)-1], r.sizes[:len(r.sizes)-1]
	}
	return Step{Kernel: name, Tier: kernel.TierGeneric, Rule: ruleExact, Run: r.run}, nil
}

// runSlice is a slice that finds its places while it runs.
type runSlice struct {
	places   []place
	sizes    []func(mem []byte) int // of the input
	strides  []int                  // of the input, in bytes
	into     []int                  // of the output
	elem     int                    // bytes
	src, dst *Ref
	set      func(mem []byte, count int)
}

func (r *runSlice) run(mem []byte) {
	var shape, from, to [tflite.MaxRank]int
	k, d, at, base, count := 0, 0, 0, 0, 0
	for _, p := range r.places {
		if p.added {
			at++
			continue
		}
		s, err := p.span(mem, r.sizes[d](mem))
		if err == nil && s.count > p.most && !p.shrink {
			err = kernel.ValueError{What: fmt.Sprintf("%d elements of at most %d", s.count, p.most)}
		}
		if err != nil {
			panic(err)
		}
		base += s.begin * r.strides[d]
		if p.varies {
			count = s.count
		}
		if !p.shrink {
			shape[k], from[k], to[k] = s.count, s.stride*r.strides[d], r.into[at]
			k, at = k+1, at+1
		}
		d++
	}
	r.set(mem, count)
	if product(shape[:k]) == 0 {
		return
	}
	c := kernel.Copy{Shape: shape[:k], SrcStride: from[:k], DstStride: to[:k], SrcBase: base, Elem: r.elem}
	c.Run(r.dst.Bytes(mem), r.src.Bytes(mem))
}
