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
	batch, time, input, cell int
	timeMajor                bool
	clip                     float32
	first                    int // gate that has weights: 1 without an input gate
}

func lowerSequenceLSTM(n *node) (Step, error) {
	for len(n.n.In) < 24 {
		n.n.In = append(n.n.In, -1)
	}
	for i := range 4 {
		if n.in(lstmNorm+i) != nil {
			return Step{}, unsupported("layer normalization")
		}
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
	for _, list := range [][2]int{{lstmPeephole, 3}, {lstmProjection, 2}} {
		for i := range list[1] {
			if n.in(list[0]+i) != nil {
				return g, unsupported("peepholes or a projection of %s", in.DType)
			}
		}
	}
	if a := n.n.Opt.Byte(0, 0); a != actTanh {
		return g, unsupported("activation %d", a)
	}
	g.clip, g.timeMajor = n.n.Opt.Float32(1, 0), n.n.Opt.Bool(3, false)
	if len(in.Shape) != 3 || len(out.Shape) != 3 || in.Shape[0] != out.Shape[0] || in.Shape[1] != out.Shape[1] {
		return g, fmt.Errorf("input %v, output %v", in.Shape, out.Shape)
	}
	g.batch, g.time, g.input, g.cell = in.Shape[0], in.Shape[1], in.Shape[2], out.Shape[2]
	if g.timeMajor {
		g.batch, g.time = g.time, g.batch
	}
	if n.in(lstmWeights) == nil {
		g.first = 1
	}
	for i := g.first; i < 4; i++ {
		for k, at := range []int{lstmWeights + i, lstmRecurrent + i} {
			if w := n.in(at); w == nil || !equal(w.Shape, []int{g.cell, []int{g.input, g.cell}[k]}) {
				return g, fmt.Errorf("weights of gate %d are missing or have another shape", i)
			}
		}
		if b := n.in(lstmBias + i); b == nil || b.Elements() != g.cell {
			return g, fmt.Errorf("bias of gate %d is missing or has another shape", i)
		}
	}
	for _, at := range []int{lstmOutput, lstmCell} {
		if s := n.in(at); s == nil || !s.Variable || s.Elements() != g.batch*g.cell {
			return g, fmt.Errorf("state is missing, no variable or has another shape")
		}
	}
	return g, nil
}

// macs counts multiplications of a run.
func (g *lstmShape) macs() int64 {
	return int64(g.batch*g.time) * int64(g.cell) * int64(g.input+g.cell) * int64(4-g.first)
}

// each calls step with the place of the values of every moment, in elements; a
// layer that is not time-major has the moments of one batch entry after the
// other.
func (g *lstmShape) each(step func(batch, batches, in, out int)) {
	if g.timeMajor {
		for t := range g.time {
			step(0, g.batch, t*g.batch*g.input, t*g.batch*g.cell)
		}
		return
	}
	for b := range g.batch {
		for t := range g.time {
			step(b, 1, (b*g.time+t)*g.input, (b*g.time+t)*g.cell)
		}
	}
}

// lstm8 lowers a layer of int8 with a cell state of int16.
func (n *node) lstm8(g lstmShape) (Step, error) {
	in, out, state, cell := n.in(0), n.out(), n.in(lstmOutput), n.in(lstmCell)
	if out.DType != Int8 || state.DType != Int8 || cell.DType != Int16 {
		return Step{}, unsupported("types %s, %s, %s -> %s", in.DType, state.DType, cell.DType, out.DType)
	}
	if err := n.quantized(in, out, state, cell); err != nil {
		return Step{}, err
	}
	bits := math.Log2(float64(cell.Scale()))
	l := &kernel.LSTM8{Batch: g.batch, Input: g.input, Cell: g.cell, CellBits: int(math.Round(bits))}
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
		if l.Gates[i], err = n.gate8(i); err != nil {
			return Step{}, err
		}
	}
	if !g.timeMajor {
		l.Batch = 1
	}
	src, dst, h, c := n.inRef(0), n.outRef(), n.inRef(lstmOutput), n.inRef(lstmCell)
	work := n.scratch(4*g.batch*g.cell, 2)
	return Step{
		Kernel: "lstm_8x8_16", Tier: kernel.TierGeneric, Rule: ruleTFLite, MACs: g.macs(),
		Run: func(mem []byte) {
			from, to, output, cells := i8(src.Bytes(mem)), i8(dst.Bytes(mem)), i8(h.Bytes(mem)), i16(c.Bytes(mem))
			g.each(func(b, batches, in, out int) {
				state := output[b*g.cell:][:batches*g.cell]
				l.Step(from[in:], state, cells[b*g.cell:], i16(work.Bytes(mem)))
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

// gate8 packs gate i of an int8 layer.
func (n *node) gate8(i int) (g kernel.Gate8, err error) {
	in, state := n.in(0), n.in(lstmOutput)
	weights, recurrent, bias := n.in(lstmWeights+i), n.in(lstmRecurrent+i), n.in(lstmBias+i)
	if weights.DType != Int8 || recurrent.DType != Int8 || bias.DType != Int32 {
		return g, unsupported("weights of %s and %s, bias of %s", weights.DType, recurrent.DType, bias.DType)
	}
	if err := n.quantized(weights, recurrent); err != nil {
		return g, err
	}
	if weights.Zero() != 0 || recurrent.Zero() != 0 {
		return g, unsupported("weights with a zero point")
	}
	w, err := n.static(lstmWeights+i, "weights")
	if err != nil {
		return g, err
	}
	r, err := n.static(lstmRecurrent+i, "weights")
	if err != nil {
		return g, err
	}
	if g.Bias, err = n.staticInt32s(lstmBias+i, "bias"); err != nil {
		return g, err
	}
	if err := n.b.hold("weights", len(w)+len(r)+8*len(g.Bias)); err != nil {
		return g, err
	}
	g.Weights, g.Recurrent = append([]int8(nil), viewOf[int8](w)...), append([]int8(nil), viewOf[int8](r)...)
	g.State = make([]int32, len(g.Bias))
	shiftBias(g.Bias, g.Weights, in.Zero())
	shiftBias(g.State, g.Recurrent, state.Zero())
	const gateScale = 0x1p-12
	if g.In, err = factor(float64(float32(weights.Scale()*in.Scale())/gateScale), 15); err != nil {
		return g, err
	}
	g.Out, err = factor(float64(float32(recurrent.Scale()*state.Scale())/gateScale), 15)
	return g, err
}

// shiftBias takes the zero point of the values out of rows of weights.
func shiftBias(bias []int32, w []int8, zero int32) {
	cols := len(w) / len(bias)
	for c := range bias {
		for _, v := range w[c*cols:][:cols] {
			bias[c] -= int32(v) * zero
		}
	}
}
