package graph

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// block is one strided copy between two tensors.
type block struct {
	k        *kernel.Copy
	src, dst *Ref
}

// copyStep runs blocks one after the other.
func copyStep(name string, blocks ...block) Step {
	return Step{
		Kernel: name, Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) {
			for _, b := range blocks {
				b.k.Run(b.dst.Bytes(mem), b.src.Bytes(mem))
			}
		},
	}
}

// strides returns the distance in bytes between neighbours of each dimension.
//
//go:noinline
func strides(shape []int, elem int) []int {
	s := make([]int, len(shape))
	for d := len(shape) - 1; d >= 0; d-- {
		s[d] = elem
		elem *= shape[d]
	}
	return s
}

// gather makes a step that fills the output from strided places of the input.
func (n *node) gather(name string, srcStride []int, srcBase int) Step {
	out := n.out()
	elem := out.DType.Size()
	c := &kernel.Copy{Shape: out.Shape, SrcStride: srcStride, DstStride: strides(out.Shape, elem), SrcBase: srcBase, Elem: elem}
	return copyStep(name, block{c.Compact(), n.inRef(0), n.outRef()})
}

// lowerReshape makes no step: the output is the input's bytes. It serves
// every operator that only renames dimensions.
func lowerReshape(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	if n.n.Op == tflite.RESHAPE && n.in(1) != nil && n.in(1).Data == nil && n.b.boundsOf(n.n.In[1]) != nil {
		return n.reshapeInRun()
	}
	if out.Unknown {
		if err := n.resolveReshape(); err != nil {
			return Step{}, err
		}
	}
	if in.DType != out.DType || in.Elements() != out.Elements() {
		return Step{}, fmt.Errorf("%v of %s from %v of %s", out.Shape, out.DType, in.Shape, in.DType)
	}
	if in.Data != nil {
		out.Data = in.Data
		return Step{}, nil
	}
	n.b.alias[n.n.Out[0]] = n.n.In[0]
	return Step{}, nil
}

// resolveReshape takes the output's shape from the second input or the options;
// one dimension may be -1.
func (n *node) resolveReshape() error {
	shape := ints(n.n.Opt.Int32s(0))
	if n.in(1) != nil {
		var err error
		if shape, err = n.staticInts(1, "shape"); err != nil {
			return err
		}
	}
	if len(shape) > tflite.MaxRank {
		return fmt.Errorf("rank %d", len(shape))
	}
	rest, open := n.in(0).Elements(), -1
	for i, d := range shape {
		switch {
		case d == -1 && open < 0:
			open = i
		case d < 1 || rest%d != 0:
			return fmt.Errorf("shape %v of %v", shape, n.in(0).Shape)
		default:
			rest /= d
		}
	}
	if open >= 0 {
		shape[open] = rest
	}
	return n.resolve(0, shape)
}

func lowerTranspose(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	perm, err := n.staticInts(1, "permutation")
	if err != nil {
		return Step{}, err
	}
	if err := n.moves(out, in); err != nil {
		return Step{}, err
	}
	if len(perm) != len(in.Shape) || len(out.Shape) != len(in.Shape) {
		return Step{}, fmt.Errorf("permutation %v of shape %v to %v", perm, in.Shape, out.Shape)
	}
	st := strides(in.Shape, in.DType.Size())
	src := make([]int, len(perm))
	seen := make([]bool, len(perm))
	for d, p := range perm {
		p, err := axisOf(p, len(perm))
		if err != nil || seen[p] || in.Shape[p] != out.Shape[d] {
			return Step{}, fmt.Errorf("permutation %v takes %v to %v", perm, in.Shape, out.Shape)
		}
		seen[p], src[d] = true, st[p]
	}
	return n.gather("transpose", src, 0), nil
}

// lowerTile splits every dimension in two: which copy, and where inside it.
func lowerTile(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	if err := n.moves(out, in); err != nil {
		return Step{}, err
	}
	say, err := n.sizeInRun(1, "multiples", in.Shape)
	if err != nil {
		return Step{}, err
	}
	times := make([]int, len(in.Shape))
	if say == nil {
		if times, err = n.staticInts(1, "multiples"); err != nil {
			return Step{}, err
		}
	} else {
		for d := range times {
			times[d] = out.Shape[d] / in.Shape[d]
		}
	}
	if len(times) != len(in.Shape) || len(out.Shape) != len(in.Shape) {
		return Step{}, fmt.Errorf("%d multiples for shape %v to %v", len(times), in.Shape, out.Shape)
	}
	elem := in.DType.Size()
	si, so := strides(in.Shape, elem), strides(out.Shape, elem)
	c := &kernel.Copy{Elem: elem}
	for d, t := range times {
		if t < 1 || in.Shape[d] != 0 && out.Shape[d]/in.Shape[d] != t || out.Shape[d]%max(in.Shape[d], 1) != 0 {
			return Step{}, fmt.Errorf("multiples %v take %v to %v", times, in.Shape, out.Shape)
		}
		c.Shape = append(c.Shape, t, in.Shape[d])
		c.SrcStride = append(c.SrcStride, 0, si[d])
		c.DstStride = append(c.DstStride, so[d]*in.Shape[d], so[d])
	}
	return copyStep("tile", block{c.Compact(), n.inRef(0), n.outRef()}).first(say), nil
}

func lowerBroadcastTo(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	if err := n.moves(out, in); err != nil {
		return Step{}, err
	}
	say, err := n.sizeInRun(1, "shape", nil)
	if err != nil {
		return Step{}, err
	}
	if out.Unknown {
		to, err := n.staticInts(1, "shape")
		if err != nil {
			return Step{}, err
		}
		if err := n.resolve(0, to); err != nil {
			return Step{}, err
		}
	}
	st, err := broadcastStrides(in.Shape, out.Shape, in.DType.Size())
	if err != nil {
		return Step{}, err
	}
	return n.gather("broadcast_to", st, 0).first(say), nil
}

// broadcastStrides returns the strides that repeat an operand over a larger
// shape: dimensions align at the end, one of length 1 repeats.
func broadcastStrides(in, out []int, elem int) ([]int, error) {
	skip := len(out) - len(in)
	if skip < 0 {
		return nil, fmt.Errorf("shape %v does not broadcast to %v", in, out)
	}
	st := make([]int, len(out))
	own := strides(in, elem)
	for d, n := range in {
		switch {
		case n == out[skip+d]:
			st[skip+d] = own[d]
		case n != 1:
			return nil, fmt.Errorf("shape %v does not broadcast to %v", in, out)
		}
	}
	return st, nil
}

func lowerReverse(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	axes, err := n.staticInts(1, "axes")
	if err != nil {
		return Step{}, err
	}
	if err := n.moves(out, in); err != nil {
		return Step{}, err
	}
	if err := n.same(); err != nil {
		return Step{}, err
	}
	st, base := strides(in.Shape, in.DType.Size()), 0
	seen := map[int]bool{}
	for _, a := range axes {
		a, err := axisOf(a, len(in.Shape))
		if err != nil || seen[a] {
			return Step{}, fmt.Errorf("axes %v of shape %v", axes, in.Shape)
		}
		seen[a] = true
		base += (in.Shape[a] - 1) * st[a]
		st[a] = -st[a]
	}
	return n.gather("reverse", st, base), nil
}

// lowerDepthToSpace: channels of a pixel become a square of pixels.
func lowerDepthToSpace(n *node) (Step, error) {
	return n.squares("depth_to_space", n.out(), n.in(0), true)
}

// lowerSpaceToDepth: a square of pixels becomes the channels of one.
func lowerSpaceToDepth(n *node) (Step, error) {
	return n.squares("space_to_depth", n.in(0), n.out(), false)
}

// squares moves between wide [n, h*b, w*b, c] and deep [n, h, w, b*b*c].
func (n *node) squares(name string, wide, deep *Tensor, toWide bool) (Step, error) {
	if err := n.moves(n.out(), n.in(0)); err != nil {
		return Step{}, err
	}
	b := int(n.n.Opt.Int32(0, 0))
	if len(wide.Shape) != 4 || len(deep.Shape) != 4 || b < 1 || b > 1<<15 || wide.Shape[0] != deep.Shape[0] ||
		wide.Shape[1] != b*deep.Shape[1] || wide.Shape[2] != b*deep.Shape[2] || deep.Shape[3] != b*b*wide.Shape[3] {
		return Step{}, fmt.Errorf("block %d between %v and %v", b, wide.Shape, deep.Shape)
	}
	elem, c := wide.DType.Size(), wide.Shape[3]
	sw, sd := strides(wide.Shape, elem), strides(deep.Shape, elem)
	shape := []int{deep.Shape[0], deep.Shape[1], b, deep.Shape[2], b, c}
	w := []int{sw[0], b * sw[1], sw[1], b * sw[2], sw[2], elem}
	d := []int{sd[0], sd[1], b * c * elem, sd[2], c * elem, elem}
	k := &kernel.Copy{Shape: shape, SrcStride: w, DstStride: d, Elem: elem}
	if toWide {
		k.SrcStride, k.DstStride = d, w
	}
	return copyStep(name, block{k.Compact(), n.inRef(0), n.outRef()}), nil
}
