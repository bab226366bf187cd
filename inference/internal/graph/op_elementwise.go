package graph

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

func lowerAdd(n *node) (Step, error) {
	a, b, out := n.in(0), n.in(1), n.out()
	if a.DType != b.DType || a.DType != out.DType || a.DType != Int8 && a.DType != Uint8 {
		return Step{}, unsupported("types %s + %s -> %s", a.DType, b.DType, out.DType)
	}
	if err := n.quantized(a, b, out); err != nil {
		return Step{}, err
	}
	aStep, bStep := 1, 1
	switch {
	case equal(a.Shape, out.Shape) && equal(b.Shape, out.Shape):
	case equal(a.Shape, out.Shape) && b.Elements() == 1:
		bStep = 0
	case equal(b.Shape, out.Shape) && a.Elements() == 1:
		aStep = 0
	default:
		return Step{}, unsupported("broadcast of %v and %v to %v", a.Shape, b.Shape, out.Shape)
	}
	sa, sb := a.Scale()/out.Scale(), b.Scale()/out.Scale()
	for _, s := range []float32{sa, sb} {
		if s < 0x1p-10 || s >= 256 {
			return Step{}, unsupported("input to output scale %g", s)
		}
	}
	clamp, err := n.clamp(n.n.Opt.Byte(0, 0))
	if err != nil {
		return Step{}, err
	}
	k := kernel.NewAdd8(sa, sb, a.Zero(), b.Zero(), clamp)
	ra, rb, dst := n.inRef(0), n.inRef(1), n.outRef()
	s := Step{Kernel: "add_qs8", Tier: kernel.TierGeneric, Rule: ruleXNNPACK}
	s.Run = func(mem []byte) {
		kernel.RunAdd8(&k, i8(dst.Bytes(mem)), i8(ra.Bytes(mem)), i8(rb.Bytes(mem)), aStep, bStep)
	}
	if out.DType == Uint8 {
		s.Kernel = "add_qu8"
		s.Run = func(mem []byte) {
			kernel.RunAdd8(&k, dst.Bytes(mem), ra.Bytes(mem), rb.Bytes(mem), aStep, bStep)
		}
	}
	return s, nil
}

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
		inv := 1 / out.Scale()
		return Step{Kernel: "quantize_f32", Tier: kernel.TierGeneric, Rule: ruleXNNPACK,
			Run: func(mem []byte) { kernel.QuantizeF32(dst.Bytes(mem), f32(src.Bytes(mem)), inv, clamp) }}, nil
	}
	table, rule, err := n.requantize(clamp)
	if err != nil {
		return Step{}, err
	}
	return Step{Kernel: "requantize_8", Tier: kernel.TierGeneric, Rule: rule,
		Run: func(mem []byte) { table.Run(dst.Bytes(mem), src.Bytes(mem)) }}, nil
}

// requantize picks the rule: LiteRT delegates equal types within a range of
// scales, the TFLite kernel takes the rest.
func (n *node) requantize(clamp kernel.Clamp8) (*kernel.Requantize8, string, error) {
	in, out := n.in(0), n.out()
	if in.DType != Int8 && in.DType != Uint8 {
		return nil, "", unsupported("types %s", n.types())
	}
	if err := n.quantized(in); err != nil {
		return nil, "", err
	}
	signed := in.DType == Int8
	ratio := in.Scale() / out.Scale()
	if in.DType == out.DType && ratio >= 1.0/256 && ratio <= 128 {
		return kernel.NewRequantizeXNN(signed, ratio, in.Zero(), clamp), ruleXNNPACK, nil
	}
	scale := float64(in.Scale()) / float64(out.Scale())
	if scale > 1<<20 {
		return nil, "", unsupported("input to output scale %g", scale)
	}
	return kernel.NewRequantizeTFLite(signed, scale, in.Zero(), clamp), ruleTFLite, nil
}

func lowerDequantize(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	if err := n.same(); err != nil {
		return Step{}, err
	}
	if out.DType != Float32 || in.DType != Int8 && in.DType != Uint8 {
		return Step{}, unsupported("types %s", n.types())
	}
	if err := n.quantized(in); err != nil {
		return Step{}, err
	}
	scale, zero := in.Scale(), in.Zero()
	src, dst := n.inRef(0), n.outRef()
	s := Step{Kernel: "dequantize_8", Tier: kernel.TierGeneric, Rule: ruleExact}
	s.Run = func(mem []byte) { kernel.DequantizeU8(f32(dst.Bytes(mem)), src.Bytes(mem), scale, zero) }
	if in.DType == Int8 {
		s.Run = func(mem []byte) { kernel.DequantizeI8(f32(dst.Bytes(mem)), i8(src.Bytes(mem)), scale, zero) }
	}
	return s, nil
}

func lowerSoftmax(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	if in.DType != out.DType || in.DType != Int8 && in.DType != Uint8 {
		return Step{}, unsupported("types %s", n.types())
	}
	if err := n.same(); err != nil {
		return Step{}, err
	}
	if err := n.quantized(in, out); err != nil {
		return Step{}, err
	}
	beta := n.n.Opt.Float32(0, 0)
	if !finite(beta) {
		return Step{}, fmt.Errorf("beta %v", beta)
	}
	depth := 1
	if r := len(in.Shape); r > 0 {
		depth = in.Shape[r-1]
	}
	if err := n.b.hold("softmax table", 1024); err != nil {
		return Step{}, err
	}
	if in.DType == Uint8 {
		return softmaxStep[uint8](n, "softmax_qu8_lut", beta, depth), nil
	}
	return softmaxStep[int8](n, "softmax_qs8_lut", beta, depth), nil
}

func softmaxStep[T kernel.Byte](n *node, name string, beta float32, depth int) Step {
	in, out := n.in(0), n.out()
	k := kernel.NewSoftmax[T](in.Scale(), beta, out.Scale(), n.wholeRange())
	src, dst := n.inRef(0), n.outRef()
	return Step{
		Kernel: name, Tier: kernel.TierGeneric, Rule: ruleTFLite,
		Run: func(mem []byte) { k.Run(viewOf[T](dst.Bytes(mem)), viewOf[T](src.Bytes(mem)), depth) },
	}
}
