package graph

import (
	"fmt"
	"math"
	"slices"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// gate8 packs gate i of an int8 layer.
func (n *node) gate8(i int, shape lstmShape, cellBits int) (g kernel.Gate8, err error) {
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
	gateScale := float32(0x1p-12)
	if n.in(lstmNorm+1) != nil {
		if gateScale, err = n.norm16(i, &g); err != nil {
			return g, err
		}
	}
	shiftBias(g.Bias, g.Weights, in.Zero())
	shiftBias(g.State, g.Recurrent, state.Zero())
	if g.In, err = factor(float64(float32(weights.Scale()*in.Scale())/gateScale), 15); err != nil {
		return g, err
	}
	if g.Out, err = factor(float64(float32(recurrent.Scale()*state.Scale())/gateScale), 15); err != nil {
		return g, err
	}
	return g, n.peephole16(i, &g, shape, math.Ldexp(1, cellBits)/float64(gateScale))
}

// norm16 moves the bias of gate i behind its layer normalization and returns the
// scale before it, that of an intermediate tensor.
func (n *node) norm16(i int, g *kernel.Gate8) (float32, error) {
	if len(n.n.Intermediate) < 5 {
		return 0, fmt.Errorf("%d intermediate tensors, want 5", len(n.n.Intermediate))
	}
	w := n.in(lstmNorm + i)
	if w == nil {
		return 0, fmt.Errorf("normalization of gate %d is missing", i)
	}
	if err := n.quantized(w); err != nil {
		return 0, err
	}
	weights, err := n.cells16(lstmNorm+i, len(g.Bias), "normalization")
	if err != nil {
		return 0, err
	}
	before := n.b.g.Tensors[n.n.Intermediate[i]].Scale()
	if !positive(before) || w.Scale() >= 1 {
		return 0, unsupported("normalization of scales %g and %g", before, w.Scale())
	}
	m := &kernel.Norm16{Weights: weights, Bias: g.Bias, Factor: kernel.NewMultiplier(float64(w.Scale())), Least: max(1, int32(10000*w.Scale()))}
	m.Factor.Shift += 12
	g.Norm, g.Bias = m, make([]int32, len(g.Bias))
	return before, nil
}

// peephole16 binds the peephole of gate i, if it has one; scale is the cell
// state's over the gate's.
func (n *node) peephole16(i int, g *kernel.Gate8, shape lstmShape, scale float64) (err error) {
	at := map[int]int{0: lstmPeephole, 1: lstmPeephole + 1, 3: lstmPeephole + 2}[i] // the cell gate has none
	w := n.in(at)
	if at == 0 || w == nil {
		return nil
	}
	if shape.output > shape.cell {
		return unsupported("peepholes of %d cells and %d outputs: LiteRT reads beyond them", shape.cell, shape.output)
	}
	if err := n.quantized(w); err != nil {
		return err
	}
	if g.Peephole, err = n.cells16(at, shape.cell, "peephole"); err != nil {
		return err
	}
	g.Cell, err = factor(float64(float32(scale*float64(w.Scale()))), 1)
	return err
}

// cells16 returns a constant of one int16 a cell.
func (n *node) cells16(i, cells int, what string) ([]int16, error) {
	data, err := n.static(i, what)
	if err != nil {
		return nil, err
	}
	if t := n.in(i); t.DType != Int16 || t.Elements() != cells {
		return nil, fmt.Errorf("%s of %s%v, want int16 for %d cells", what, t.DType, t.Shape, cells)
	}
	if err := n.b.hold(what, len(data)); err != nil {
		return nil, err
	}
	return slices.Clone(i16(data)), nil
}

// projection8 binds the projection of hidden values.
func (n *node) projection8(hidden *Tensor) (*kernel.Projection8, error) {
	w, out, state := n.in(lstmProjection), n.out(), n.in(lstmOutput)
	data, err := n.static(lstmProjection, "projection")
	if err != nil {
		return nil, err
	}
	if w.DType != Int8 || w.Packed4 || w.Zero() != 0 {
		return nil, unsupported("projection of %s, zero point %d", w.DType, w.Zero())
	}
	if err := n.quantized(w); err != nil {
		return nil, err
	}
	if err := n.b.hold("projection", len(data)+4*w.Shape[0]); err != nil {
		return nil, err
	}
	p := &kernel.Projection8{Weights: slices.Clone(i8(data)), Bias: make([]int32, w.Shape[0]), Zero: state.Zero()}
	if n.in(lstmProjection+1) != nil {
		if p.Bias, err = n.staticInt32s(lstmProjection+1, "projection bias"); err != nil {
			return nil, err
		}
		if len(p.Bias) != w.Shape[0] {
			return nil, fmt.Errorf("projection bias of %d elements, want %d", len(p.Bias), w.Shape[0])
		}
	}
	shiftBias(p.Bias, p.Weights, -hidden.Zero())
	if clip := n.n.Opt.Float32(2, 0); clip > 0 {
		p.Clip = int32(min(max(clip/out.Scale(), -128), 127))
	}
	p.Factor, err = factor(float64(float32(w.Scale()*hidden.Scale())/state.Scale()), 15)
	return p, err
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
