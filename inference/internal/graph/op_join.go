package graph

import (
	"fmt"
	"slices"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

func lowerConcatenation(n *node) (Step, error) {
	out := n.out()
	if n.in(0) == nil {
		return Step{}, fmt.Errorf("input 0 is left out")
	}
	axis, err := axisOf(int(n.n.Opt.Int32(0, 0)), len(n.in(0).Shape))
	if err != nil {
		return Step{}, err
	}
	if a := n.n.Opt.Byte(1, 0); a != actNone {
		return Step{}, unsupported("fused activation %d", a)
	}
	for i := range n.n.In {
		if r := n.rowsOf(i); r != nil && r.axis == axis {
			return n.joinRows(axis)
		}
	}
	if out.Unknown {
		return Step{}, unsupported("dynamic shape of output %q", out.Name)
	}
	if len(n.in(0).Shape) != len(out.Shape) {
		return Step{}, fmt.Errorf("input of shape %v, output %v", n.in(0).Shape, out.Shape)
	}
	parts := make([]*Tensor, len(n.n.In))
	at := 0
	for i := range parts {
		t := n.in(i)
		if t == nil || len(t.Shape) != len(out.Shape) {
			return Step{}, fmt.Errorf("input %d does not fit output %v", i, out.Shape)
		}
		for d, v := range t.Shape {
			if d != axis && v != out.Shape[d] {
				return Step{}, fmt.Errorf("input %d of shape %v does not fit output %v", i, t.Shape, out.Shape)
			}
		}
		parts[i] = t
		at += t.Shape[axis]
	}
	if at != out.Shape[axis] {
		return Step{}, fmt.Errorf("inputs of %d together along dimension %d, output %v", at, axis, out.Shape)
	}
	extent := func(i int) int { return parts[i].Shape[axis] }
	if out.DType == Uint8 {
		return n.joinScaled(axis, parts, extent)
	}
	if err := n.moves(out, parts...); err != nil {
		return Step{}, err
	}
	return n.join("concatenation", axis, extent, n.inRef), nil
}

// joinRows sets rows behind each other, each part as long as the run has it.
func (n *node) joinRows(axis int) (Step, error) {
	shape := slices.Clone(n.in(0).Shape)
	shape[axis] = 0
	var parts []*Ref
	var used []func(mem, data []byte) []byte
	for i := range n.n.In {
		t := n.in(i)
		if t == nil || len(t.Shape) != len(shape) || !equal(t.Shape[:axis], shape[:axis]) || !equal(t.Shape[axis+1:], shape[axis+1:]) {
			return Step{}, fmt.Errorf("input %d does not fit %v", i, shape)
		}
		if r := n.rowsOf(i); r != nil && r.axis != axis {
			return Step{}, unsupported("parts with rows at different places")
		}
		if err := n.moves(n.out(), t); err != nil {
			return Step{}, err
		}
		if int64(shape[axis])+int64(t.Shape[axis]) > maxTensor {
			return Step{}, fmt.Errorf("parts of %v", t.Shape)
		}
		shape[axis] += t.Shape[axis]
		parts, used = append(parts, n.inRef(i)), append(used, n.usedOf(i))
	}
	set, err := n.decided(0, shape, axis)
	if err != nil {
		return Step{}, err
	}
	dst, row := n.outRef(), product(shape[axis+1:])*n.out().DType.Size()
	return Step{
		Kernel: "concatenation", Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) {
			total := 0
			for i, p := range parts {
				total += len(used[i](mem, p.Bytes(mem)))
			}
			set(mem, total/row)
			out := dst.Bytes(mem)
			for i, p := range parts {
				out = out[copy(out, used[i](mem, p.Bytes(mem))):]
			}
		},
	}, nil
}

func lowerPack(n *node) (Step, error) {
	out := n.out()
	axis, err := axisOf(int(n.n.Opt.Int32(1, 0)), len(out.Shape))
	if err != nil {
		return Step{}, err
	}
	if len(n.n.In) != out.Shape[axis] {
		return Step{}, fmt.Errorf("%d inputs, output %v", len(n.n.In), out.Shape)
	}
	without := append(append([]int(nil), out.Shape[:axis]...), out.Shape[axis+1:]...)
	for i := range n.n.In {
		t := n.in(i)
		if t == nil || !equal(t.Shape, without) {
			return Step{}, fmt.Errorf("input %d does not fit output %v along dimension %d", i, out.Shape, axis)
		}
		if err := n.moves(out, t); err != nil {
			return Step{}, err
		}
	}
	return n.join("pack", axis, func(int) int { return 1 }, n.inRef), nil
}

// join copies the inputs side by side along axis of the output; extent is how
// far each reaches, and from where its bytes are.
func (n *node) join(name string, axis int, extent func(i int) int, from func(i int) *Ref) Step {
	out := n.out()
	elem := out.DType.Size()
	st := strides(out.Shape, elem)
	var blocks []block
	at := 0
	for i := range n.n.In {
		shape := append([]int(nil), out.Shape...)
		shape[axis] = extent(i)
		k := &kernel.Copy{Shape: shape, SrcStride: strides(shape, elem), DstStride: st, DstBase: at * st[axis], Elem: elem}
		blocks = append(blocks, block{k.Compact(), from(i), n.outRef()})
		at += extent(i)
	}
	return copyStep(name, blocks...)
}

func lowerSplit(n *node) (Step, error) { return n.part("split", true) }

func lowerSplitV(n *node) (Step, error) { return n.part("split_v", true) }

func lowerUnpack(n *node) (Step, error) { return n.part("unpack", false) }

// pieces returns what SPLIT, SPLIT_V or UNPACK cuts: input i along axis, and how
// much goes to each output.
func (n *node) pieces() (i, axis int, sizes []int, err error) {
	sizes = make([]int, len(n.n.Out))
	switch n.n.Op {
	case tflite.SPLIT:
		shape := n.in(1).Shape
		if axis, err = n.staticAxis(0, len(shape)); err != nil {
			return 0, 0, nil, err
		}
		for o := range sizes {
			sizes[o] = shape[axis] / len(sizes)
		}
		return 1, axis, sizes, nil
	case tflite.SPLIT_V:
		shape := n.in(0).Shape
		if axis, err = n.staticAxis(2, len(shape)); err != nil {
			return 0, 0, nil, err
		}
		sizes, err = n.splitSizes(shape[axis])
		return 0, axis, sizes, err
	}
	axis, err = axisOf(int(n.n.Opt.Int32(1, 0)), len(n.in(0).Shape))
	for o := range sizes {
		sizes[o] = 1
	}
	return 0, axis, sizes, err
}

// splitSizes returns the sizes that SPLIT_V names; one of them may be what is left.
func (n *node) splitSizes(whole int) ([]int, error) {
	sizes, err := n.staticInts(1, "sizes")
	if err != nil {
		return nil, err
	}
	if len(sizes) != len(n.n.Out) {
		return nil, fmt.Errorf("%d sizes for %d outputs", len(sizes), len(n.n.Out))
	}
	sum, open := 0, -1
	for o, s := range sizes {
		if s == -1 {
			open = o
			continue
		}
		sum += s
	}
	if open >= 0 {
		sizes[open] = whole - sum
	}
	return sizes, nil
}

// part copies pieces to the outputs, which keep the dimension that is cut or lose it.
func (n *node) part(name string, keep bool) (Step, error) {
	i, axis, sizes, err := n.pieces()
	if err != nil {
		return Step{}, err
	}
	in := n.in(i)
	elem := in.DType.Size()
	st := strides(in.Shape, elem)
	var blocks []block
	at := 0
	for o, size := range sizes {
		shape := append([]int(nil), in.Shape...)
		shape[axis] = size
		want := shape
		if !keep {
			want = append(append([]int(nil), shape[:axis]...), shape[axis+1:]...)
		}
		out := n.outAt(o)
		if size < 0 || size > in.Shape[axis]-at || !equal(want, out.Shape) {
			return Step{}, fmt.Errorf("output %d of shape %v, want %v", o, out.Shape, want)
		}
		if err := n.moves(out, in); err != nil {
			return Step{}, err
		}
		k := &kernel.Copy{Shape: shape, SrcStride: st, DstStride: strides(shape, elem), SrcBase: at * st[axis], Elem: elem}
		blocks = append(blocks, block{k.Compact(), n.inRef(i), n.outRefAt(o)})
		at += size
	}
	if at != in.Shape[axis] {
		return Step{}, fmt.Errorf("outputs of %d together along dimension %d of %v", at, axis, in.Shape)
	}
	return copyStep(name, blocks...), nil
}
