package graph

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// mapF32 lowers a function of one float operand.
func mapF32(name string, f func(float32) float32) func(*node) (Step, error) {
	return func(n *node) (Step, error) {
		run, tier := kernel.VectorMapF32(name, f)
		s, err := n.unaryF32(name, run)
		s.Tier = tier
		return s, err
	}
}

func (n *node) unaryF32(name string, run func(dst, src []float32)) (Step, error) {
	if err := n.floats(n.in(0), n.out()); err != nil {
		return Step{}, err
	}
	if err := n.same(); err != nil {
		return Step{}, err
	}
	src, dst := n.inRef(0), n.outRef()
	return Step{
		Kernel: name, Tier: kernel.TierGeneric, Rule: ruleFloat,
		Run: func(mem []byte) { run(f32(dst.Bytes(mem)), f32(src.Bytes(mem))) },
	}, nil
}

func reluF32(n *node, lo, hi float32) (Step, error) {
	r := kernel.Range{Lo: lo, Hi: hi}
	clamp, tier := kernel.VectorClampF32()
	s, err := n.unaryF32("clamp_f32", func(dst, src []float32) { clamp(dst, src, r) })
	s.Tier = tier
	return s, err
}

func leakyReluF32(n *node) (Step, error) {
	alpha := []float32{n.n.Opt.Float32(0, 0)}
	all := kernel.Range{Lo: -inf, Hi: inf}
	return n.unaryF32("leaky_relu_f32", func(dst, src []float32) { kernel.PReluF32(dst, src, alpha, 1, 0, all) })
}

func softmaxF32(n *node) (Step, error) {
	beta := n.n.Opt.Float32(0, 0)
	if !positive(beta) {
		return Step{}, fmt.Errorf("beta %v", beta)
	}
	depth := 1
	if s := n.in(0).Shape; len(s) > 0 {
		depth = s[len(s)-1]
	}
	return n.unaryF32("softmax_f32", func(dst, src []float32) { kernel.SoftmaxF32(dst, src, depth, beta) })
}

func resizeBilinearF32(n *node) (Step, error) {
	align, half, err := n.resize(2)
	if err != nil {
		return Step{}, err
	}
	in, out := n.in(0), n.out()
	r := &kernel.BilinearF32{
		Y:     kernel.BilinearTaps(in.Shape[1], out.Shape[1], align, half),
		X:     kernel.BilinearTaps(in.Shape[2], out.Shape[2], align, half),
		Batch: in.Shape[0], H: in.Shape[1], W: in.Shape[2], C: in.Shape[3],
	}
	src, dst := n.inRef(0), n.outRef()
	return Step{
		Kernel: "resize_bilinear_f32", Tier: kernel.TierGeneric, Rule: ruleFloat,
		Run: func(mem []byte) { r.Run(f32(dst.Bytes(mem)), f32(src.Bytes(mem))) },
	}, nil
}
