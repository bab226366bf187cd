package graph

import "github.com/dunlin-edge/dunlin/inference/internal/kernel"

// lstmF32 lowers a layer of float32.
func (n *node) lstmF32(g lstmShape) (Step, error) {
	if err := n.floats(n.in(0), n.out(), n.in(lstmOutput), n.in(lstmCell)); err != nil {
		return Step{}, err
	}
	l := &kernel.LSTMF32{Batch: g.batch, Input: g.input, Cell: g.cell, Clip: g.clip}
	if !g.timeMajor {
		l.Batch = 1
	}
	for i := g.first; i < 4; i++ {
		var err error
		if l.Gates[i].Weights, err = n.staticFloats(lstmWeights+i, "weights"); err != nil {
			return Step{}, err
		}
		if l.Gates[i].Recurrent, err = n.staticFloats(lstmRecurrent+i, "weights"); err != nil {
			return Step{}, err
		}
		if l.Gates[i].Bias, err = n.staticFloats(lstmBias+i, "bias"); err != nil {
			return Step{}, err
		}
	}
	src, dst, h, c := n.inRef(0), n.outRef(), n.inRef(lstmOutput), n.inRef(lstmCell)
	work := n.scratch(4*g.batch*g.cell, 4)
	return Step{
		Kernel: "lstm_f32", Tier: kernel.TierGeneric, Rule: ruleFloat, MACs: g.macs(),
		Run: func(mem []byte) {
			from, to, output, cells := f32(src.Bytes(mem)), f32(dst.Bytes(mem)), f32(h.Bytes(mem)), f32(c.Bytes(mem))
			g.each(func(b, batches, in, out int) {
				state := output[b*g.cell:][:batches*g.cell]
				l.Step(from[in:], state, cells[b*g.cell:], f32(work.Bytes(mem)))
				copy(to[out:], state)
			})
		},
	}, nil
}
