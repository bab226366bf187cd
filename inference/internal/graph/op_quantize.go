package graph

import (
	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

func lowerQuantize(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	if err := n.same(); err != nil {
		return Step{}, err
	}
	if out.DType != Int8 && out.DType != Uint8 {
		return Step{}, unsupported("types %s", n.types())
	}
	if err := n.quantized(out); err != nil {
		return Step{}, err
	}
	clamp := n.wholeRange()
	src, dst := n.inRef(0), n.outRef()
	if in.DType == Float32 {
		k := kernel.NewQuantize(1/out.Scale(), clamp)
		return Step{Kernel: "quantize_f32", Tier: k.Tier(), Rule: ruleXNNPACK,
			Run: func(mem []byte) { k.Run(dst.Bytes(mem), f32(src.Bytes(mem))) }}, nil
	}
	table, rule, err := n.requantize(clamp)
	if err != nil {
		return Step{}, err
	}
	used := n.usedOf(0) // TFLite's rule rounds by where a run ends
	return Step{Kernel: "requantize_8", Tier: table.Tier(), Rule: rule,
		Run: func(mem []byte) {
			from := used(mem, src.Bytes(mem))
			table.Run(dst.Bytes(mem)[:len(from)], from)
		}}, nil
}

// requantize picks the rule: LiteRT delegates equal types within a range of
// scales, the TFLite kernel takes the rest.
func (n *node) requantize(clamp kernel.Clamp8) (*kernel.Map8, string, error) {
	in, out := n.in(0), n.out()
	if in.DType != Int8 && in.DType != Uint8 {
		return nil, "", unsupported("types %s", n.types())
	}
	if err := n.quantized(in); err != nil {
		return nil, "", err
	}
	ratio := in.Scale() / out.Scale()
	if in.DType == out.DType && ratio >= 1.0/256 && ratio <= 128 {
		return kernel.NewRequantizeXNN(side(in), ratio, clamp), ruleXNNPACK, nil
	}
	scale := float64(in.Scale()) / float64(out.Scale())
	if scale > 1<<20 {
		return nil, "", unsupported("input to output scale %g", scale)
	}
	return kernel.NewRequantizeTFLite(side(in), scale, clamp), ruleTFLite, nil
}

func lowerDequantize(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	if err := n.same(); err != nil {
		return Step{}, err
	}
	if out.DType == Float32 && in.DType == Float16 && in.Data != nil {
		return Step{}, n.foldDequantize()
	}
	if out.DType != Float32 || in.DType != Int8 && in.DType != Uint8 {
		return Step{}, unsupported("types %s", n.types())
	}
	if err := n.quantized(in); err != nil {
		return Step{}, err
	}
	k := kernel.NewDequantize(side(in))
	src, dst := n.inRef(0), n.outRef()
	return Step{Kernel: "dequantize_8", Tier: k.Tier(), Rule: ruleExact,
		Run: func(mem []byte) { k.Run(f32(dst.Bytes(mem)), src.Bytes(mem)) }}, nil
}
