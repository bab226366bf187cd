package graph

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// lstmAt is where the operands of one direction are among the inputs.
type lstmAt struct{ weights, recurrent, peephole, bias, projection, output, cell int }

// The operands of LSTM and UNIDIRECTIONAL_SEQUENCE_LSTM, and of both directions
// of BIDIRECTIONAL_SEQUENCE_LSTM.
var (
	lstmOnly     = lstmAt{lstmWeights, lstmRecurrent, lstmPeephole, lstmBias, lstmProjection, lstmOutput, lstmCell}
	lstmForward  = lstmAt{1, 5, 9, 12, 16, 35, 36}
	lstmBackward = lstmAt{18, 22, 26, 29, 33, 37, 38}
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
	work        *Ref
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
	d.state, d.cell, d.work = n.inRef(at.output), n.inRef(at.cell), n.scratch(l.Work(), 4)
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
	if l.Projection, err = n.staticFloats(at.projection, "projection"); err != nil || n.in(at.projection+1) == nil {
		return err
	}
	l.ProjectionBias, err = n.staticFloats(at.projection+1, "projection bias")
	if err == nil && len(l.ProjectionBias) != l.Output {
		err = fmt.Errorf("projection bias of %d elements, want %d", len(l.ProjectionBias), l.Output)
	}
	return err
}

// gateF32 binds the weights of one gate.
func (n *node) gateF32(l *kernel.LSTMF32, at lstmAt, i int) (g kernel.GateF32, err error) {
	for _, part := range []struct {
		dst  *[]float32
		at   int
		size int
		what string
	}{
		{&g.Weights, at.weights + i, l.Cell * l.Input, "weights"},
		{&g.Recurrent, at.recurrent + i, l.Cell * l.Output, "recurrent weights"},
		{&g.Bias, at.bias + i, l.Cell, "bias"},
	} {
		if n.in(part.at) == nil {
			return g, fmt.Errorf("%s are missing", part.what)
		}
		if *part.dst, err = n.staticFloats(part.at, part.what); err != nil {
			return g, err
		}
		if len(*part.dst) != part.size {
			return g, fmt.Errorf("%s of %d elements, want %d", part.what, len(*part.dst), part.size)
		}
	}
	peephole := map[int]int{0: 0, 1: 1, 3: 2} // the cell gate has none
	k, ok := peephole[i]
	if !ok || n.in(at.peephole+k) == nil {
		return g, nil
	}
	g.Peephole, err = n.staticFloats(at.peephole+k, "peephole")
	if err == nil && len(g.Peephole) != l.Cell {
		err = fmt.Errorf("peephole of %d elements, want %d", len(g.Peephole), l.Cell)
	}
	return g, err
}

// macs counts multiplications of a run.
func (d *lstmF32) macs() int64 {
	return int64(d.batch*d.time) * int64(d.Cell) * int64(4*(d.Input+d.Output)+len(d.Projection)/max(d.Cell, 1))
}

// run computes all moments.
func (d *lstmF32) run(mem []byte) {
	from, to := f32(d.src.Bytes(mem)), f32(d.dst.Bytes(mem))
	state, cell, work := f32(d.state.Bytes(mem)), f32(d.cell.Bytes(mem)), f32(d.work.Bytes(mem))
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
			d.Step(from[row*d.Input:], out, cell[b*d.Cell:][:d.Batch*d.Cell], work)
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
	return Step{Kernel: "lstm_f32", Tier: kernel.TierGeneric, Rule: ruleFloat, MACs: d.macs(), Run: d.run}, nil
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
	for i := range 4 {
		if n.in(lstmNorm+i) != nil {
			return Step{}, unsupported("layer normalization")
		}
	}
	if n.in(0).DType != Float32 || len(n.in(0).Shape) != 2 {
		return Step{}, unsupported("types %s, shape %v", n.types(), n.in(0).Shape)
	}
	return n.lowerLSTMF32(true)
}
