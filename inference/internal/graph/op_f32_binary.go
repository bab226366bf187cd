package graph

import "github.com/dunlin-edge/dunlin/inference/internal/kernel"

type binaryF32 func(dst, a, b []float32, aStep, bStep int, r kernel.Range)

// onlyF32 lowers an operator of two operands that knows no other type.
func onlyF32(name string, run binaryF32, fused bool) func(*node) (Step, error) {
	return func(n *node) (Step, error) { return n.binaryF32(name, run, fused) }
}

// binaryF32 lowers an operator of two float operands, which broadcast. Fused
// tells whether its options begin with an activation.
func (n *node) binaryF32(name string, run binaryF32, fused bool) (Step, error) {
	if err := n.floats(n.in(0), n.in(1), n.out()); err != nil {
		return Step{}, err
	}
	r := kernel.Range{Lo: -inf, Hi: inf}
	var err error
	if fused {
		if r, err = rangeF32(n.n.Opt.Byte(0, 0)); err != nil {
			return Step{}, err
		}
	}
	var ops [2]operand
	for i := range ops {
		if ops[i], err = n.operandAt(i); err != nil {
			return Step{}, err
		}
	}
	dst := n.outRef()
	vector, tier := kernel.VectorF32(name, kernel.ElementwiseF32(run))
	return Step{
		Kernel: name, Tier: tier, Rule: ruleFloat,
		Run: func(mem []byte) {
			a, b := ops[0].bytes(mem), ops[1].bytes(mem)
			vector(f32(dst.Bytes(mem)), f32(a), f32(b), ops[0].step, ops[1].step, r)
		},
	}, nil
}
