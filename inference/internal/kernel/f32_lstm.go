package kernel

// LSTMF32 is a layer of long short-term memory of float32.
type LSTMF32 struct {
	Batch, Input, Cell, Output int        // Output is Cell without a projection
	Gates                      [4]GateF32 // input, forget, cell, output; without weights of the first 1 - forget stands for it
	Clip                       float32    // bound of the cell state, 0 for none
	// Projection turns cells to outputs, by row, with a bias or none, and a bound,
	// 0 for none.
	Projection, ProjectionBias []float32
	ProjectionClip             float32
}

// GateF32 is what one gate keeps; weights are by row. Peephole weighs the cell
// state: that before for the input and the forget gate, the new one for the
// output gate.
type GateF32 struct{ Weights, Recurrent, Bias, Peephole []float32 }

// Work returns how many elements of work memory Step needs.
func (l *LSTMF32) Work() int { return 5 * l.Batch * l.Cell }

// Step computes one moment: output and cell are state.
func (l *LSTMF32) Step(input, output, cell, work []float32) {
	size := l.Batch * l.Cell
	var g [4][]float32
	for i := range g {
		g[i] = work[i*size:][:size]
		if l.Gates[i].Weights != nil && i < 3 {
			l.Gates[i].run(l, g[i], input, output, cell, i == 2)
		}
	}
	hidden := work[4*size:][:size]
	l.Gates[3].sums(l, g[3], input, output)
	for i, f := range g[1] {
		in := g[0][i]
		if l.Gates[0].Weights == nil {
			in = 1 - f
		}
		v := float32(f*cell[i]) + float32(in*g[2][i])
		if l.Clip > 0 {
			v = min(max(v, -l.Clip), l.Clip)
		}
		cell[i] = quiet(v)
	}
	l.Gates[3].finish(l, g[3], cell, false)
	for i, o := range g[3] {
		hidden[i] = quiet(float32(o * TanhF32(cell[i])))
	}
	l.project(output, hidden)
}

// project writes the outputs of hidden values.
func (l *LSTMF32) project(output, hidden []float32) {
	if l.Projection == nil {
		copy(output, hidden)
		return
	}
	for b := range l.Batch {
		h := hidden[b*l.Cell:][:l.Cell]
		for o := range l.Output {
			sum := float32(0)
			if l.ProjectionBias != nil {
				sum = l.ProjectionBias[o]
			}
			v := dotF32(sum, l.Projection[o*l.Cell:][:l.Cell], h)
			if l.ProjectionClip > 0 {
				v = min(max(v, -l.ProjectionClip), l.ProjectionClip)
			}
			output[b*l.Output+o] = quiet(v)
		}
	}
}

func (g *GateF32) run(l *LSTMF32, dst, input, output, cell []float32, tanh bool) {
	g.sums(l, dst, input, output)
	g.finish(l, dst, cell, tanh)
}

// sums starts each at the bias and adds the products of the input, then those of
// the output before, each by a fused multiply-add.
func (g *GateF32) sums(l *LSTMF32, dst, input, output []float32) {
	for b := range l.Batch {
		x, h := input[b*l.Input:][:l.Input], output[b*l.Output:][:l.Output]
		for c := range l.Cell {
			v := dotF32(g.Bias[c], g.Weights[c*l.Input:][:l.Input], x)
			dst[b*l.Cell+c] = dotF32(v, g.Recurrent[c*l.Output:][:l.Output], h)
		}
	}
}

// finish adds the cell state and applies the gate's function.
func (g *GateF32) finish(l *LSTMF32, dst, cell []float32, tanh bool) {
	for i, v := range dst {
		if g.Peephole != nil {
			v = fma32(g.Peephole[i%l.Cell], cell[i], v)
		}
		if tanh {
			dst[i] = TanhF32(v)
		} else {
			dst[i] = LogisticF32(v)
		}
	}
}

func dotF32(sum float32, w, x []float32) float32 {
	for i, v := range x {
		sum = fma32(w[i], v, sum)
	}
	return sum
}
