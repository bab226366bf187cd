package graph

import (
	"fmt"
	"slices"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// maxFold bounds the steps that are run while a model is planned, so that a
// file cannot make opening it slow.
const maxFold = 1 << 28

// constantInputs tells whether a node computes from constants alone, and nothing
// but its outputs.
func (b *builder) constantInputs(n *Node) bool {
	if len(n.In) == 0 || n.Op == tflite.CUSTOM || effects(n.Op) {
		return false
	}
	for _, i := range n.In {
		if i >= 0 && b.g.Tensors[i].Data == nil {
			return false
		}
	}
	return true
}

// mark is where a node's own scratch, packers and constants begin.
type mark struct {
	scratch, packers int
	steps            int64
	direct           []bool
}

func (b *builder) mark(n *Node) mark {
	m := mark{scratch: len(b.scratch), packers: len(b.packers), steps: b.mem.Steps}
	for _, i := range n.In {
		m.direct = append(m.direct, i >= 0 && b.direct[i])
	}
	return m
}

// fold runs a step of constants now and makes constants of its outputs. It
// leaves alone what would take long, or has weights to pack.
func (b *builder) fold(n *Node, s *Step, m mark) error {
	cost := m.steps - b.mem.Steps
	if len(b.packers) > m.packers || cost > b.vars.fold {
		return nil
	}
	b.vars.fold -= cost
	if err := b.runNow(n, s, b.scratch[m.scratch:]); err != nil {
		return err
	}
	b.scratch = b.scratch[:m.scratch]
	for k, i := range n.In {
		if i >= 0 {
			b.direct[i] = m.direct[k]
		}
	}
	s.Run = nil
	return nil
}

// runNow gives the step's operands memory of their own and runs it.
func (b *builder) runNow(n *Node, s *Step, own []scratch) (err error) {
	defer func() {
		if r := recover(); r != nil {
			fault, ok := r.(kernel.Fault)
			if !ok {
				panic(r)
			}
			err = fault
		}
	}()
	var used []*Ref
	defer func() {
		for _, r := range used {
			r.data = nil
		}
	}()
	lend := func(r *Ref, size int, data []byte) error {
		if err := b.mem.Take("constants", int64(size)); err != nil {
			return err
		}
		r.data = make([]byte, max(size, 1))[:size]
		copy(r.data, data)
		used = append(used, r)
		return nil
	}
	for k, i := range n.In {
		if i < 0 || slices.Contains(n.In[:k], i) {
			continue
		}
		if err := lend(b.refs[i], len(b.g.Tensors[i].Data), b.g.Tensors[i].Data); err != nil {
			return err
		}
	}
	for _, x := range own {
		if err := lend(x.ref, x.size, nil); err != nil {
			return err
		}
	}
	for _, o := range n.Out {
		if err := lend(b.refs[o], b.g.Tensors[o].Size(), nil); err != nil {
			return err
		}
	}
	s.Run(nil)
	for _, o := range n.Out {
		b.g.Tensors[o].Data = b.refs[o].data
	}
	return nil
}

// resolves lists the operators that work out a shape which the file leaves
// open, from constants.
func resolves(op tflite.Op) bool {
	switch op {
	case tflite.RESHAPE, tflite.RANGE, tflite.WHERE, tflite.FILL, tflite.BROADCAST_TO, tflite.TILE, tflite.SLICE, tflite.STRIDED_SLICE, tflite.SHAPE,
		tflite.PAD, tflite.PADV2, tflite.CONCATENATION, tflite.TOPK_V2, tflite.NON_MAX_SUPPRESSION_V4, tflite.NON_MAX_SUPPRESSION_V5, tflite.IF, tflite.WHILE, tflite.STABLEHLO_COMPOSITE:
		return true
	}
	return false
}

// resolve gives output i its shape where the file does not tell it.
func (n *node) resolve(i int, shape []int) error {
	t := n.outAt(i)
	if !t.Unknown {
		return nil
	}
	size := int64(t.DType.Size())
	for _, d := range shape {
		if d < 0 || d > 0 && size > maxTensor/int64(d) {
			return fmt.Errorf("shape %v", shape)
		}
		size *= int64(d)
	}
	if size == 0 {
		return unsupported("empty shape %v", shape)
	}
	t.Shape, t.Unknown = slices.Clone(shape), false
	return nil
}

// known refuses operands of unknown shape.
func (b *builder) known(n *Node) error {
	for _, i := range n.In {
		if i >= 0 && b.g.Tensors[i].Unknown {
			return unsupported("dynamic shape of input %q", b.g.Tensors[i].Name)
		}
	}
	for _, o := range n.Out {
		if b.g.Tensors[o].Unknown && !resolves(n.Op) {
			return unsupported("dynamic shape of output %q", b.g.Tensors[o].Name)
		}
	}
	return nil
}
