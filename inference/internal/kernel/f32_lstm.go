package kernel

// LSTMF32 is a layer of long short-term memory of float32.
type LSTMF32 struct {
	Batch, Input, Cell int
	Gates              [4]GateF32 // input, forget, cell, output; without weights of the first 1 - forget stands for it
	Clip               float32    // bound of the cell state, 0 for none
}

// GateF32 is what one gate keeps; weights are by row.
type GateF32 struct{ Weights, Recurrent, Bias []float32 }

// Step computes one moment: output and cell are state, gates is work memory of
// four times Batch*Cell.
func (l *LSTMF32) Step(input, output, cell, gates []float32) {
	size := l.Batch * l.Cell
	var g [4][]float32
	for i := range g {
		g[i] = gates[i*size:][:size]
		if l.Gates[i].Weights != nil {
			l.Gates[i].run(l, g[i], input, output, i == 2)
		}
	}
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
	for i, o := range g[3] {
		output[i] = quiet(float32(o * TanhF32(cell[i])))
	}
}

// run starts each sum at the bias and adds the products of the input, then
// those of the output before, each by a fused multiply-add.
func (g *GateF32) run(l *LSTMF32, dst, input, output []float32, tanh bool) {
	for b := range l.Batch {
		x, h := input[b*l.Input:][:l.Input], output[b*l.Cell:][:l.Cell]
		for c := range l.Cell {
			v := dotF32(g.Bias[c], g.Weights[c*l.Input:][:l.Input], x)
			v = dotF32(v, g.Recurrent[c*l.Cell:][:l.Cell], h)
			if tanh {
				v = TanhF32(v)
			} else {
				v = LogisticF32(v)
			}
			dst[b*l.Cell+c] = v
		}
	}
}

func dotF32(sum float32, w, x []float32) float32 {
	for i, v := range x {
		sum = fma32(w[i], v, sum)
	}
	return sum
}
