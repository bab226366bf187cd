package graph

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// places charges lists of the given lengths, before they are made.
func (n *node) places(lengths ...int) error {
	for _, l := range lengths {
		if err := n.b.mem.Take("places", 8*int64(l)); err != nil {
			return err
		}
		n.b.packed += 8 * int64(l)
	}
	return nil
}

// pickStep runs a Pick from input 0 to the output.
func (n *node) pickStep(name string, p *kernel.Pick) Step {
	src, dst := n.inRef(0), n.outRef()
	return Step{
		Kernel: name, Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) { p.Run(dst.Bytes(mem), src.Bytes(mem)) },
	}
}

// lowerGather takes slices along an axis, in the order of constant indices.
func lowerGather(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	if err := n.moves(out, in); err != nil {
		return Step{}, err
	}
	axis, err := axisOf(int(n.n.Opt.Int32(0, 0)), len(in.Shape))
	if err != nil {
		return Step{}, err
	}
	if b := n.n.Opt.Int32(1, 0); b != 0 {
		return Step{}, unsupported("%d batch dimensions", b)
	}
	index, err := n.staticInts(1, "indices")
	if err != nil {
		return Step{}, err
	}
	want := append(append(append([]int{}, in.Shape[:axis]...), n.in(1).Shape...), in.Shape[axis+1:]...)
	if !equal(out.Shape, want) {
		return Step{}, fmt.Errorf("output shape %v, want %v", out.Shape, want)
	}
	for _, i := range index {
		if i < 0 || i >= in.Shape[axis] {
			return Step{}, fmt.Errorf("index %d of dimension %d", i, in.Shape[axis])
		}
	}
	inner := product(in.Shape[axis+1:]) * in.DType.Size()
	if err := n.places(product(in.Shape[:axis]), len(index)); err != nil {
		return Step{}, err
	}
	p := &kernel.Pick{Elem: inner, From: [][]int{
		spaced(product(in.Shape[:axis]), in.Shape[axis]*inner), make([]int, len(index)),
	}}
	for k, i := range index {
		p.From[1][k] = i * inner
	}
	return n.pickStep("gather", p), nil
}

// spaced returns n places step bytes apart.
func spaced(n, step int) []int {
	v := make([]int, n)
	for i := range v {
		v[i] = i * step
	}
	return v
}

// lowerMirrorPad pads with the input's own elements: mode 0 mirrors at the
// border element, mode 1 beside it (kernels/mirror_pad.cc).
func lowerMirrorPad(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	if err := n.moves(out, in); err != nil {
		return Step{}, err
	}
	mode := int(n.n.Opt.Byte(0, 0))
	amounts, err := n.staticInts(1, "paddings")
	if err != nil {
		return Step{}, err
	}
	rank := len(in.Shape)
	if mode > 1 || len(amounts) != 2*rank || len(out.Shape) != rank {
		return Step{}, fmt.Errorf("mode %d, %d paddings for shape %v to %v", mode, len(amounts), in.Shape, out.Shape)
	}
	if err := n.places(out.Shape...); err != nil {
		return Step{}, err
	}
	p := &kernel.Pick{Elem: in.DType.Size()}
	st := strides(in.Shape, p.Elem)
	for d, size := range in.Shape {
		before, after := amounts[2*d], amounts[2*d+1]
		most := size - 1 + mode
		if before < 0 || after < 0 || before > most || after > most || int64(out.Shape[d]) != int64(size)+int64(before)+int64(after) {
			return Step{}, fmt.Errorf("paddings %v take %v to %v", amounts, in.Shape, out.Shape)
		}
		from := make([]int, 0, out.Shape[d])
		for i := -before; i < size+after; i++ {
			at := i
			if at < 0 {
				at = -at - mode
			} else if at >= size {
				at = 2*(size-1) - at + mode
			}
			from = append(from, at*st[d])
		}
		p.From = append(p.From, from)
	}
	return n.pickStep("mirror_pad", p), nil
}
