package kernel

// LSTM8 is a layer of long short-term memory with int8 values and weights,
// int16 gates (12 fractional bits before the activation, 15 behind it) and an
// int16 cell state (kernels/lstm_eval.cc, LstmStepInteger8x8_16).
type LSTM8 struct {
	Batch, Input, Cell, Output int      // Output is Cell without a projection
	Gates                      [4]Gate8 // input, forget, cell, output; without weights of the first 1 - forget stands for it
	CellBits                   int      // the cell state's scale is 2^CellBits
	Clip                       int16    // bound of the cell state, 0 for none
	Hidden                     Multiplier
	Zero                       int32 // of the output, of the hidden values before a projection
	Projection                 *Projection8
}

// Gate8 is what one gate keeps: weights by row, and biases that hold the zero
// points; Norm is nil without layer normalization, Peephole without one.
type Gate8 struct {
	Weights, Recurrent []int8
	Bias, State        []int32
	In, Out            Multiplier
	Peephole           []int16
	Cell               Multiplier // of peephole times cell state
	Norm               *Norm16
}

// Projection8 turns the hidden values, whose zero point Bias holds, to outputs.
type Projection8 struct {
	Weights []int8
	Bias    []int32
	Factor  Multiplier
	Zero    int32
	Clip    int32 // bound of the output, 0 for none
}

// Step computes one moment: output and cell are state, gates is work memory of
// four times Batch*Cell, hidden of Batch*Cell where there is a projection.
func (l *LSTM8) Step(input, output []int8, cell, gates []int16, hidden []int8) {
	size := l.Batch * l.Cell
	var g [4][]int16
	for i := range g {
		g[i] = gates[i*size:][:size]
		if l.Gates[i].Weights != nil && i < 3 {
			l.Gates[i].run(l, g[i], input, output, cell, i == 2)
		}
	}
	l.Gates[3].sums(l, g[3], input, output)
	for i, f := range g[1] {
		in := g[0][i]
		if l.Gates[0].Weights == nil {
			in = 1<<15 - 1 - f
		}
		keep := int16(shiftRound(int32(f)*int32(cell[i]), 15))
		add := int16(shiftRound(int32(in)*int32(g[2][i]), 30+l.CellBits))
		cell[i] = clip16(int64(keep) + int64(add))
		if l.Clip > 0 {
			cell[i] = min(max(cell[i], -l.Clip), l.Clip)
		}
	}
	l.Gates[3].finish(l, g[3], cell, false)
	if l.Projection == nil {
		l.hide(output, g[3], cell, l.Zero)
		return
	}
	l.hide(hidden[:size], g[3], cell, -l.Zero) // as LiteRT has it
	l.Projection.run(l, output, hidden)
}

// hide writes the product of the output gate and the cell's tanh.
func (l *LSTM8) hide(dst []int8, gate, cell []int16, zero int32) {
	for i, o := range gate {
		v := int32(o) * int32(Tanh16(cell[i], 15+l.CellBits))
		dst[i] = int8(min(max(l.Hidden.Apply(v)+zero, -128), 127))
	}
}

func (p *Projection8) run(l *LSTM8, output, hidden []int8) {
	for b := range l.Batch {
		h := hidden[b*l.Cell:][:l.Cell]
		for o := range l.Output {
			v := p.Factor.Apply(dot8(p.Bias[o], p.Weights[o*l.Cell:][:l.Cell], h)) + p.Zero
			v = min(max(v, -128), 127)
			if p.Clip > 0 {
				v = min(max(v, -p.Clip), p.Clip)
			}
			output[b*l.Output+o] = int8(v)
		}
	}
}

func (g *Gate8) run(l *LSTM8, dst []int16, input, output []int8, cell []int16, tanh bool) {
	g.sums(l, dst, input, output)
	g.finish(l, dst, cell, tanh)
}

// sums adds the products of the input and of the output before.
func (g *Gate8) sums(l *LSTM8, dst []int16, input, output []int8) {
	for b := range l.Batch {
		x, h := input[b*l.Input:][:l.Input], output[b*l.Output:][:l.Output]
		for c := range l.Cell {
			v := clip16(int64(g.In.Apply(dot8(g.Bias[c], g.Weights[c*l.Input:][:l.Input], x))))
			dst[b*l.Cell+c] = clip16(int64(g.Out.Apply(dot8(g.State[c], g.Recurrent[c*l.Output:][:l.Output], h))) + int64(v))
		}
	}
}

// finish adds the cell state, normalizes and applies the gate's function.
func (g *Gate8) finish(l *LSTM8, dst, cell []int16, tanh bool) {
	if g.Peephole != nil {
		g.peep(l, dst, cell)
	}
	if g.Norm != nil {
		for b := range l.Batch {
			g.Norm.run(dst[b*l.Cell:][:l.Cell])
		}
	}
	for i, v := range dst {
		if tanh {
			dst[i] = Tanh16(v, 3)
		} else {
			dst[i] = Logistic16(v)
		}
	}
}

// peep adds the weighed cell state, whole blocks of 16 by the rounding of
// LiteRT's vector code. LiteRT goes through as many elements a batch entry as
// there are outputs, not cells.
func (g *Gate8) peep(l *LSTM8, dst, cell []int16) {
	at := 0
	for range l.Batch {
		for v := range l.Output {
			p := int32(g.Peephole[v]) * int32(cell[at])
			if v < l.Output&^15 {
				p = g.Cell.ApplyUp(p)
			} else {
				p = g.Cell.Apply(p)
			}
			dst[at] = clip16(int64(p) + int64(dst[at]))
			at++
		}
	}
}

func dot8(sum int32, w, x []int8) int32 {
	for i, v := range x {
		sum += int32(w[i]) * int32(v)
	}
	return sum
}
