package graph

import (
	"fmt"
	"slices"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// lstmAt is where the operands of one direction are among the inputs; norm is 0
// where an operator has no layer normalization, asymmetric where its options say
// how values are quantized that meet weights of int8.
type lstmAt struct{ weights, recurrent, peephole, bias, projection, output, cell, norm, asymmetric int }

// The operands of LSTM and UNIDIRECTIONAL_SEQUENCE_LSTM, and of both directions
// of BIDIRECTIONAL_SEQUENCE_LSTM.
var (
	lstmOnly     = lstmAt{lstmWeights, lstmRecurrent, lstmPeephole, lstmBias, lstmProjection, lstmOutput, lstmCell, lstmNorm, 4}
	lstmForward  = lstmAt{1, 5, 9, 12, 16, 35, 36, 0, 5}
	lstmBackward = lstmAt{18, 22, 26, 29, 33, 37, 38, 0, 5}
)

// lstmF32 is one direction of a float32 layer: its moments in order, and where
// each goes.
type lstmF32 struct {
	*kernel.LSTMF32
	batch, time int
	timeMajor   bool
	backward    bool
	width       int // elements of an output's row, and where this direction's begin
	offset      int
	src, dst    *Ref
	state, cell *Ref
	work, bytes *Ref
}

// lstmF32 checks one direction: shape is that of the values, [time, batch, n] or
// [batch, time, n].
func (n *node) lstmF32(at lstmAt, input *Tensor, timeMajor bool) (*lstmF32, error) {
	if err := n.floats(input, n.out()); err != nil {
		return nil, err
	}
	shape := input.Shape
	if len(shape) == 2 { // LSTM, of one moment
		shape, timeMajor = append([]int{1}, shape...), true
	}
	if a := n.n.Opt.Byte(0, 0); a != actTanh {
		return nil, unsupported("activation %d", a)
	}
	if len(shape) != 3 || n.in(at.weights+1) == nil || len(n.in(at.weights+1).Shape) != 2 {
		return nil, fmt.Errorf("input %v, or weights are missing", input.Shape)
	}
	d := &lstmF32{batch: shape[0], time: shape[1], timeMajor: timeMajor}
	if timeMajor {
		d.batch, d.time = d.time, d.batch
	}
	cell := n.in(at.weights + 1).Shape[0]
	l := &kernel.LSTMF32{Batch: d.batch, Input: shape[2], Cell: cell, Output: cell, Clip: n.n.Opt.Float32(1, 0)}
	if n.in(at.weights+1).DType == Int8 {
		l.Hybrid = &kernel.Hybrid{Symmetric: !n.n.Opt.Bool(at.asymmetric, false)}
	}
	if err := n.projectF32(l, at); err != nil {
		return nil, err
	}
	for i := range l.Gates {
		if i == 0 && n.in(at.weights) == nil {
			continue // 1 - forget
		}
		var err error
		if l.Gates[i], err = n.gateF32(l, at, i); err != nil {
			return nil, fmt.Errorf("gate %d: %w", i, err)
		}
	}
	for k, size := range map[int]int{at.output: d.batch * l.Output, at.cell: d.batch * cell} {
		if s := n.in(k); s == nil || !s.Variable || s.Elements() != size || s.DType != Float32 {
			return nil, fmt.Errorf("state is missing, no variable or has another shape")
		}
	}
	if !timeMajor {
		l.Batch = 1
	}
	d.LSTMF32, d.width = l, l.Output
	d.state, d.cell, d.work, d.bytes = n.inRef(at.output), n.inRef(at.cell), n.scratch(l.Work(), 4), n.scratch(l.Bytes(), 1)
	return d, nil
}

// projectF32 binds the projection, if there is one.
func (n *node) projectF32(l *kernel.LSTMF32, at lstmAt) (err error) {
	w := n.in(at.projection)
	if w == nil {
		return nil
	}
	if len(w.Shape) != 2 || w.Shape[1] != l.Cell {
		return fmt.Errorf("projection %v of %d cells", w.Shape, l.Cell)
	}
	l.Output, l.ProjectionClip = w.Shape[0], n.n.Opt.Float32(2, 0)
	if l.Projection, err = n.matrixF32(l, at.projection, l.Output*l.Cell, "projection"); err != nil || n.in(at.projection+1) == nil {
		return err
	}
	l.ProjectionBias, err = n.staticFloats(at.projection+1, "projection bias")
	if err == nil && len(l.ProjectionBias) != l.Output {
		err = fmt.Errorf("projection bias of %d elements, want %d", len(l.ProjectionBias), l.Output)
	}
	return err
}

// matrixF32 binds weights of floats, or of int8 around 0 with one scale.
func (n *node) matrixF32(l *kernel.LSTMF32, i, size int, what string) (m kernel.MatrixF32, err error) {
	w := n.in(i)
	if w == nil {
		return m, fmt.Errorf("%s are missing", what)
	}
	if w.Elements() != size {
		return m, fmt.Errorf("%s of %d elements, want %d", what, w.Elements(), size)
	}
	if l.Hybrid == nil {
		m.Floats, err = n.staticFloats(i, what)
		return m, err
	}
	data, err := n.static(i, what)
	if err != nil {
		return m, err
	}
	if w.DType != Int8 || w.Packed4 || w.Zero() != 0 {
		return m, unsupported("%s of %s, zero point %d", what, w.DType, w.Zero())
	}
	if err := n.quantized(w); err != nil {
		return m, err
	}
	if err := n.b.hold(what, len(data)); err != nil {
		return m, err
	}
	m.Bytes, m.Scale = slices.Clone(i8(data)), w.Scale()
	return m, nil
}

// gateF32 binds the weights of one gate.
func (n *node) gateF32(l *kernel.LSTMF32, at lstmAt, i int) (g kernel.GateF32, err error) {
	if g.Weights, err = n.matrixF32(l, at.weights+i, l.Cell*l.Input, "weights"); err != nil {
		return g, err
	}
	if g.Recurrent, err = n.matrixF32(l, at.recurrent+i, l.Cell*l.Output, "recurrent weights"); err != nil {
		return g, err
	}
	if n.in(at.bias+i) == nil {
		return g, fmt.Errorf("bias is missing")
	}
	if g.Bias, err = n.cellsF32(l, at.bias+i, "bias"); err != nil {
		return g, err
	}
	if at.norm > 0 && n.in(at.norm+1) != nil {
		if g.Norm, err = n.cellsF32(l, at.norm+i, "normalization"); err != nil {
			return g, err
		}
		if g.Norm == nil {
			return g, fmt.Errorf("normalization is missing")
		}
	}
	peephole := map[int]int{0: 0, 1: 1, 3: 2} // the cell gate has none
	k, ok := peephole[i]
	if !ok || n.in(at.peephole+k) == nil {
		return g, nil
	}
	if l.Hybrid == nil {
		g.Peephole, err = n.cellsF32(l, at.peephole+k, "peephole")
		return g, err
	}
	m, err := n.matrixF32(l, at.peephole+k, l.Cell, "peephole")
	for _, v := range m.Bytes {
		g.Peephole = append(g.Peephole, float32(v)*m.Scale)
	}
	return g, err
}

// cellsF32 returns a constant of one float a cell, nil where it is left out.
func (n *node) cellsF32(l *kernel.LSTMF32, i int, what string) ([]float32, error) {
	if n.in(i) == nil {
		return nil, nil
	}
	v, err := n.staticFloats(i, what)
	if err == nil && len(v) != l.Cell {
		err = fmt.Errorf("%s of %d elements, want %d", what, len(v), l.Cell)
	}
	return v, err
}

// macs counts multiplications of a run.
func (d *lstmF32) macs() int64 {
	perCell := 4 * (d.Input + d.Output)
	if d.Output != d.Cell {
		perCell += d.Output
	}
	return int64(d.batch*d.time) * int64(d.Cell) * int64(perCell)
}

// run computes all moments.
func (d *lstmF32) run(mem []byte) {
	from, to := f32(d.src.Bytes(mem)), f32(d.dst.Bytes(mem))
	state, cell, work, bytes := f32(d.state.Bytes(mem)), f32(d.cell.Bytes(mem)), f32(d.work.Bytes(mem)), i8(d.bytes.Bytes(mem))
	for b := 0; b < d.batch; b += d.Batch { // all at once if time-major
		for k := range d.time {
			t := k
			if d.backward {
				t = d.time - 1 - k
			}
			row := t*d.batch + b
			if !d.timeMajor {
				row = b*d.time + t
			}
			out := state[b*d.Output:][:d.Batch*d.Output]
			d.Step(from[row*d.Input:], out, cell[b*d.Cell:][:d.Batch*d.Cell], work, bytes)
			for i := range d.Batch {
				copy(to[(row+i)*d.width+d.offset:][:d.Output], out[i*d.Output:])
			}
		}
	}
}

// lowerLSTMF32 lowers a layer of one direction.
func (n *node) lowerLSTMF32(timeMajor bool) (Step, error) {
	d, err := n.lstmF32(lstmOnly, n.in(0), timeMajor)
	if err != nil {
		return Step{}, err
	}
	if want := d.batch * d.time * d.Output; n.out().Elements() != want {
		return Step{}, fmt.Errorf("output %v, want %d elements", n.out().Shape, want)
	}
	d.src, d.dst = n.inRef(0), n.outRef()
	kind, rule := "lstm_f32", ruleFloat
	if d.Hybrid != nil {
		kind, rule = "lstm_hybrid", ruleTFLite
	}
	return Step{Kernel: kind, Tier: kernel.TierGeneric, Rule: rule, MACs: d.macs(), Run: d.run}, nil
}

// Further operands of BIDIRECTIONAL_SEQUENCE_LSTM: values for the layer, or for
// the backward direction alone, and their weights.
const (
	biAux        = 39
	biAuxWeights = 40
	biInputs     = 48
)

// lowerBidirectionalLSTM lowers two directions of float32, their outputs apart
// or side by side.
func lowerBidirectionalLSTM(n *node) (Step, error) {
	for len(n.n.In) < biInputs {
		n.n.In = append(n.n.In, -1)
	}
	for i := biAuxWeights; i < biInputs; i++ {
		if n.in(i) != nil {
			return Step{}, unsupported("auxiliary weights")
		}
	}
	merged := n.n.Opt.Bool(3, false)
	if len(n.n.Out) != 2 && !merged || len(n.n.Out) != 1 && merged {
		return Step{}, fmt.Errorf("%d outputs", len(n.n.Out))
	}
	forward, err := n.lstmF32(lstmForward, n.in(0), n.n.Opt.Bool(4, true))
	if err != nil {
		return Step{}, err
	}
	from := 0
	if n.in(biAux) != nil { // of a layer before, its backward output
		from = biAux
	}
	backward, err := n.lstmF32(lstmBackward, n.in(from), n.n.Opt.Bool(4, true))
	if err != nil {
		return Step{}, err
	}
	if backward.batch != forward.batch || backward.time != forward.time {
		return Step{}, fmt.Errorf("inputs %v and %v", n.in(0).Shape, n.in(from).Shape)
	}
	forward.src, backward.src, backward.backward = n.inRef(0), n.inRef(from), true
	forward.dst, backward.dst = n.outRef(), n.outRefAt(len(n.n.Out)-1)
	if merged {
		if forward.batch > 1 && !forward.timeMajor {
			return Step{}, unsupported("merged outputs of %d batch entries that are not time-major: LiteRT takes states from outside", forward.batch)
		}
		forward.width = forward.Output + backward.Output
		backward.width, backward.offset = forward.width, forward.Output
	}
	for i, d := range []*lstmF32{forward, backward}[:len(n.n.Out)] {
		if want := d.batch * d.time * d.width; n.outAt(i).Elements() != want || n.outAt(i).DType != Float32 {
			return Step{}, fmt.Errorf("output %d is %s%v, want %d elements", i, n.outAt(i).DType, n.outAt(i).Shape, want)
		}
	}
	return Step{
		Kernel: "bidirectional_lstm_f32", Tier: kernel.TierGeneric, Rule: ruleFloat, MACs: forward.macs() + backward.macs(),
		Run: func(mem []byte) {
			forward.run(mem)
			backward.run(mem)
		},
	}, nil
}

// lowerLSTM lowers the operator of one moment; its kernel of five operands is
// another one.
func lowerLSTM(n *node) (Step, error) {
	if k := n.n.Opt.Byte(3, 0); k != 0 {
		return Step{}, unsupported("the basic kernel")
	}
	for len(n.n.In) < 24 {
		n.n.In = append(n.n.In, -1)
	}
	if n.in(0).DType != Float32 || len(n.in(0).Shape) != 2 {
		return Step{}, unsupported("types %s, shape %v", n.types(), n.in(0).Shape)
	}
	return n.lowerLSTMF32(true)
}
