package kernel

import "math"

// LSTMF32 is a layer of long short-term memory of float32.
type LSTMF32 struct {
	Batch, Input, Cell, Output int        // Output is Cell without a projection
	Gates                      [4]GateF32 // input, forget, cell, output; without weights of the first 1 - forget stands for it
	Clip                       float32    // bound of the cell state, 0 for none
	// Projection turns cells to outputs, by row, with a bias or none, and a bound,
	// 0 for none.
	Projection     MatrixF32
	ProjectionBias []float32
	ProjectionClip float32
	// Hybrid is how values are quantized that meet weights of int8, nil where the
	// weights are floats.
	Hybrid *Hybrid
}

// GateF32 is what one gate keeps; weights are by row. Peephole weighs the cell
// state: that before for the input and the forget gate, the new one for the
// output gate. Norm are the coefficients of layer normalization, which stands
// before the bias then.
type GateF32 struct {
	Weights, Recurrent   MatrixF32
	Bias, Peephole, Norm []float32
}

// MatrixF32 is a matrix by row: floats, or int8 around 0 with a scale.
type MatrixF32 struct {
	Floats []float32
	Bytes  []int8
	Scale  float32
}

func (m *MatrixF32) present() bool { return m.Floats != nil || m.Bytes != nil }

// Work returns how many elements of work memory Step needs.
func (l *LSTMF32) Work() int { return 5 * l.Batch * l.Cell }

// Bytes returns how many bytes of work memory Step needs.
func (l *LSTMF32) Bytes() int { return max(l.Input, l.Output, l.Cell) }

// Step computes one moment: output and cell are state.
func (l *LSTMF32) Step(input, output, cell, work []float32, bytes []int8) {
	size := l.Batch * l.Cell
	var g [4][]float32
	for i := range g {
		g[i] = work[i*size:][:size]
		if !l.Gates[i].Weights.present() {
			continue
		}
		l.Gates[i].start(l, g[i])
		l.add(g[i], &l.Gates[i].Weights, input, l.Input, l.Cell, bytes)
		l.add(g[i], &l.Gates[i].Recurrent, output, l.Output, l.Cell, bytes)
		if i < 3 {
			l.Gates[i].finish(l, g[i], cell, i == 2)
		}
	}
	hidden := work[4*size:][:size]
	for i, f := range g[1] {
		in := g[0][i]
		if !l.Gates[0].Weights.present() {
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
	l.project(output, hidden, bytes)
}

// project writes the outputs of hidden values.
func (l *LSTMF32) project(output, hidden []float32, bytes []int8) {
	if !l.Projection.present() {
		copy(output, hidden)
		return
	}
	for b := range l.Batch {
		row := output[b*l.Output:][:l.Output]
		clear(row)
		copy(row, l.ProjectionBias)
	}
	l.add(output, &l.Projection, hidden, l.Cell, l.Output, bytes)
	for i, v := range output[:l.Batch*l.Output] {
		if l.ProjectionClip > 0 {
			v = min(max(v, -l.ProjectionClip), l.ProjectionClip)
		}
		output[i] = quiet(v)
	}
}

// add adds the products of a matrix and of every batch entry's values, of which
// there are in, to the entry's out sums: one after the other by fused
// multiply-adds, or the integer sum of quantized values, scaled.
func (l *LSTMF32) add(sums []float32, m *MatrixF32, values []float32, in, out int, bytes []int8) {
	for b := range l.Batch {
		x, y := values[b*in:][:in], sums[b*out:][:out]
		if m.Bytes == nil {
			for o := range y {
				y[o] = dotF32(y[o], m.Floats[o*in:][:in], x)
			}
			continue
		}
		q := bytes[:in]
		scale, zero := l.Hybrid.quantize(q, x)
		for o := range y {
			w := m.Bytes[o*in:][:in]
			sum := dot8(0, w, q)
			if zero != 0 {
				sum -= zero * SumBytes(w)
			}
			y[o] += float32(float32(sum) * float32(scale*m.Scale))
		}
	}
}

// start begins every sum at the bias, or at 0 before a normalization.
func (g *GateF32) start(l *LSTMF32, dst []float32) {
	clear(dst)
	for b := 0; g.Norm == nil && b < len(dst); b += l.Cell {
		copy(dst[b:], g.Bias)
	}
}

// finish adds the cell state, normalizes and applies the gate's function.
func (g *GateF32) finish(l *LSTMF32, dst, cell []float32, tanh bool) {
	if g.Peephole != nil {
		for i, v := range dst {
			dst[i] = fma32(g.Peephole[i%l.Cell], cell[i], v)
		}
	}
	for b := 0; g.Norm != nil && b < len(dst); b += l.Cell {
		g.normalize(dst[b:][:l.Cell])
	}
	for i, v := range dst {
		if tanh {
			dst[i] = TanhF32(v)
		} else {
			dst[i] = LogisticF32(v)
		}
	}
}

// normalize takes a row to mean 0 and variance 1, weighs it and adds the bias;
// sums and the root are float64.
func (g *GateF32) normalize(row []float32) {
	var sum, squares float64
	for _, v := range row {
		sum += float64(v)
	}
	mean := float32(sum / float64(len(row)))
	for _, v := range row {
		d := float64(v - mean)
		squares += float64(d * d)
	}
	inverse := float32(1 / math.Sqrt(squares/float64(len(row))+1e-8))
	for i, v := range row {
		row[i] = float32(float32((v-mean)*inverse)*g.Norm[i]) + g.Bias[i]
	}
}

func dotF32(sum float32, w, x []float32) float32 {
	for i, v := range x {
		sum = fma32(w[i], v, sum)
	}
	return sum
}
