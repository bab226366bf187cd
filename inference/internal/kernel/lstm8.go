package kernel

// LSTM8 is a layer of long short-term memory with int8 values and weights,
// int16 gates (12 fractional bits before the activation, 15 behind it) and an
// int16 cell state (kernels/lstm_eval.cc, LstmStepInteger8x8_16).
type LSTM8 struct {
	Batch, Input, Cell int
	Gates              [4]Gate8 // input, forget, cell, output; without weights of the first 1 - forget stands for it
	CellBits           int      // the cell state's scale is 2^CellBits
	Clip               int16    // bound of the cell state, 0 for none
	Hidden             Multiplier
	Zero               int32 // of the output
}

// Gate8 is what one gate keeps: weights by row, and biases that hold the zero
// points.
type Gate8 struct {
	Weights, Recurrent []int8
	Bias, State        []int32
	In, Out            Multiplier
}

// Step computes one moment: output and cell are state, gates is work memory of
// four times Batch*Cell.
func (l *LSTM8) Step(input, output []int8, cell, gates []int16) {
	size := l.Batch * l.Cell
	var g [4][]int16
	for i := range g {
		g[i] = gates[i*size:][:size]
		if l.Gates[i].Weights != nil {
			l.Gates[i].run(l, g[i], input, output, i == 2)
		}
	}
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
	for i, o := range g[3] {
		v := int32(o) * int32(Tanh16(cell[i], 15+l.CellBits))
		output[i] = int8(min(max(l.Hidden.Apply(v)+l.Zero, -128), 127))
	}
}

func (g *Gate8) run(l *LSTM8, dst []int16, input, output []int8, tanh bool) {
	for b := range l.Batch {
		x, h := input[b*l.Input:][:l.Input], output[b*l.Cell:][:l.Cell]
		for c := range l.Cell {
			v := clip16(int64(g.In.Apply(dot8(g.Bias[c], g.Weights[c*l.Input:][:l.Input], x))))
			v = clip16(int64(g.Out.Apply(dot8(g.State[c], g.Recurrent[c*l.Cell:][:l.Cell], h))) + int64(v))
			if tanh {
				v = Tanh16(v, 3)
			} else {
				v = Logistic16(v)
			}
			dst[b*l.Cell+c] = v
		}
	}
}

func dot8(sum int32, w, x []int8) int32 {
	for i, v := range x {
		sum += int32(w[i]) * int32(v)
	}
	return sum
}
