package graph

import (
	"fmt"
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// Inputs of UNIDIRECTIONAL_SEQUENCE_LSTM: the values, four weights of the
// values and four of the output (input, forget, cell, output gate), three
// peepholes, four biases, projection and its bias, two states, and four layer
// normalizations.
const (
	lstmWeights    = 1
	lstmRecurrent  = 5
	lstmPeephole   = 9
	lstmBias       = 12
	lstmProjection = 16
	lstmOutput     = 18
	lstmCell       = 19
	lstmNorm       = 20
)

// lstmShape is a checked layer.
type lstmShape struct {
	batch, time, input, cell, output int
	timeMajor                        bool
	clip                             float32
	first                            int // gate that has weights: 1 without an input gate
}

func lowerSequenceLSTM(n *node) (Step, error) {
	for len(n.n.In) < 24 {
		n.n.In = append(n.n.In, -1)
	}
	if n.in(0).DType == Float32 {
		return n.lowerLSTMF32(n.n.Opt.Bool(3, false))
	}
	g, err := n.lstmShape()
	if err != nil {
		return Step{}, err
	}
	return n.lstm8(g)
}

func (n *node) lstmShape() (g lstmShape, err error) {
	in, out := n.in(0), n.out()
	if a := n.n.Opt.Byte(0, 0); a != actTanh {
		return g, unsupported("activation %d", a)
	}
	g.clip, g.timeMajor = n.n.Opt.Float32(1, 0), n.n.Opt.Bool(3, false)
	if len(in.Shape) != 3 || len(out.Shape) != 3 || in.Shape[0] != out.Shape[0] || in.Shape[1] != out.Shape[1] {
		return g, fmt.Errorf("input %v, output %v", in.Shape, out.Shape)
	}
	g.batch, g.time, g.input, g.cell, g.output = in.Shape[0], in.Shape[1], in.Shape[2], out.Shape[2], out.Shape[2]
	if g.timeMajor {
		g.batch, g.time = g.time, g.batch
	}
	if p := n.in(lstmProjection); p != nil {
		if len(p.Shape) != 2 || p.Shape[0] != g.output {
			return g, fmt.Errorf("projection %v to %d outputs", p.Shape, g.output)
		}
		g.cell = p.Shape[1]
	}
	if n.in(lstmWeights) == nil {
		g.first = 1
	}
	for i := g.first; i < 4; i++ {
		for k, at := range []int{lstmWeights + i, lstmRecurrent + i} {
			if w := n.in(at); w == nil || !equal(w.Shape, []int{g.cell, []int{g.input, g.output}[k]}) {
				return g, fmt.Errorf("weights of gate %d are missing or have another shape", i)
			}
		}
		if b := n.in(lstmBias + i); b == nil || b.Elements() != g.cell {
			return g, fmt.Errorf("bias of gate %d is missing or has another shape", i)
		}
	}
	for i, at := range []int{lstmOutput, lstmCell} {
		if s := n.in(at); s == nil || !s.Variable || s.Elements() != g.batch*[]int{g.output, g.cell}[i] {
			return g, fmt.Errorf("state is missing, no variable or has another shape")
		}
	}
	return g, nil
}

// macs counts multiplications of a run.
func (g *lstmShape) macs() int64 {
	m := int64(g.cell) * int64(g.input+g.output) * int64(4-g.first)
	if g.output != g.cell {
		m += int64(g.cell) * int64(g.output)
	}
	return int64(g.batch*g.time) * m
}

// each calls step with the place of the values of every moment, in elements; a
// layer that is not time-major has the moments of one batch entry after the
// other.
func (g *lstmShape) each(step func(batch, batches, in, out int)) {
	if g.timeMajor {
		for t := range g.time {
			step(0, g.batch, t*g.batch*g.input, t*g.batch*g.output)
		}
		return
	}
	for b := range g.batch {
		for t := range g.time {
			step(b, 1, (b*g.time+t)*g.input, (b*g.time+t)*g.output)
		}
	}
}

// lstm8 lowers a layer of int8 with a cell state of int16.
func (n *node) lstm8(g lstmShape) (Step, error) {
	in, out, state, cell := n.in(0), n.out(), n.in(lstmOutput), n.in(lstmCell)
	if in.DType != Int8 || out.DType != Int8 || state.DType != Int8 || cell.DType != Int16 {
		return Step{}, unsupported("types %s, %s, %s -> %s", in.DType, state.DType, cell.DType, out.DType)
	}
	if err := n.quantized(in, out, state, cell); err != nil {
		return Step{}, err
	}
	bits := math.Log2(float64(cell.Scale()))
	l := &kernel.LSTM8{Batch: g.batch, Input: g.input, Cell: g.cell, Output: g.output, CellBits: int(math.Round(bits))}
	if bits != math.Round(bits) || l.CellBits < -15 || l.CellBits > -9 {
		return Step{}, unsupported("cell state of scale %g", cell.Scale())
	}
	if g.clip > 0 {
		l.Clip = int16(min(max(g.clip/cell.Scale(), -32768), 32767))
	}
	hidden, err := n.hidden()
	if err != nil {
		return Step{}, err
	}
	l.Zero = hidden.Zero()
	l.Hidden = kernel.NewMultiplier(float64(float32(math.Ldexp(1, -15) / float64(hidden.Scale()) * math.Ldexp(1, -15))))
	for i := g.first; i < 4; i++ {
		if l.Gates[i], err = n.gate8(i, g, l.CellBits); err != nil {
			return Step{}, err
		}
	}
	if n.in(lstmProjection) != nil {
		if l.Projection, err = n.projection8(hidden); err != nil {
			return Step{}, err
		}
	}
	if !g.timeMajor {
		l.Batch = 1
	}
	src, dst, h, c := n.inRef(0), n.outRef(), n.inRef(lstmOutput), n.inRef(lstmCell)
	work, inner := n.scratch(4*g.batch*g.cell, 2), n.scratch(g.batch*g.cell, 1)
	return Step{
		Kernel: "lstm_8x8_16", Tier: kernel.TierGeneric, Rule: ruleTFLite, MACs: g.macs(),
		Run: func(mem []byte) {
			from, to, output, cells := i8(src.Bytes(mem)), i8(dst.Bytes(mem)), i8(h.Bytes(mem)), i16(c.Bytes(mem))
			g.each(func(b, batches, in, out int) {
				state := output[b*g.output:][:batches*g.output]
				l.Step(from[in:], state, cells[b*g.cell:], i16(work.Bytes(mem)), i8(inner.Bytes(mem)))
				copy(to[out:], state)
			})
		},
	}, nil
}

// hidden returns the tensor that names the scale of the output before it is
// projected: the fifth intermediate.
func (n *node) hidden() (*Tensor, error) {
	if len(n.n.Intermediate) < 5 {
		return nil, fmt.Errorf("%d intermediate tensors, want 5", len(n.n.Intermediate))
	}
	t := &n.b.g.Tensors[n.n.Intermediate[4]]
	if t.DType != Int8 {
		return nil, unsupported("hidden values of %s", t.DType)
	}
	return t, n.quantized(t)
}
