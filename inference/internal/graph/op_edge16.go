package graph

import "github.com/dunlin-edge/dunlin/inference/internal/kernel"

// lowerQuantize16 lowers QUANTIZE of float32 to int16.
func lowerQuantize16(n *node) (Step, error) {
	if err := n.symmetric(n.out()); err != nil {
		return Step{}, err
	}
	if err := n.same(); err != nil {
		return Step{}, err
	}
	scale := n.out().Scale()
	src, dst := n.inRef(0), n.outRef()
	return Step{
		Kernel: "quantize_f32_16", Tier: kernel.TierGeneric, Rule: ruleTFLite,
		Run: func(mem []byte) { kernel.QuantizeF32To16(i16(dst.Bytes(mem)), f32(src.Bytes(mem)), scale) },
	}, nil
}

// orDequantize16 lowers DEQUANTIZE of int16 to float32, all others by other.
func orDequantize16(other func(*node) (Step, error)) func(*node) (Step, error) {
	return func(n *node) (Step, error) {
		in := n.in(0)
		if in.DType != Int16 || n.out().DType != Float32 {
			return other(n)
		}
		if err := n.symmetric(in); err != nil {
			return Step{}, err
		}
		if err := n.same(); err != nil {
			return Step{}, err
		}
		scale := in.Scale()
		src, dst := n.inRef(0), n.outRef()
		return Step{
			Kernel: "dequantize_16", Tier: kernel.TierGeneric, Rule: ruleExact,
			Run: func(mem []byte) { kernel.Dequantize16(f32(dst.Bytes(mem)), i16(src.Bytes(mem)), scale) },
		}, nil
	}
}

// pool16 checks a pool of int16.
func pool16(n *node) (*kernel.Pool[int16], error) {
	in, out := n.in(0), n.out()
	if err := n.symmetric(in, out); err != nil {
		return nil, err
	}
	if in.Scale() != out.Scale() {
		return nil, unsupported("input and output quantized differently")
	}
	w, err := n.poolWindow()
	if err != nil {
		return nil, err
	}
	p := &kernel.Pool[int16]{Window: w, Batch: in.Shape[0], C: in.Shape[3]}
	p.Min, p.Max, err = n.bounds16(n.n.Opt.Byte(5, 0))
	return p, err
}

func lowerAveragePool16(n *node) (Step, error) {
	p, err := pool16(n)
	if err != nil {
		return Step{}, err
	}
	src, dst, acc := n.inRef(0), n.outRef(), n.scratch(p.C, 4)
	return Step{
		Kernel: "average_pool_16", Tier: kernel.TierGeneric, Rule: ruleTFLite,
		Run: func(mem []byte) { p.Average(i16(dst.Bytes(mem)), i16(src.Bytes(mem)), i32(acc.Bytes(mem))) },
	}, nil
}

func lowerMaxPool16(n *node) (Step, error) {
	p, err := pool16(n)
	if err != nil {
		return Step{}, err
	}
	src, dst := n.inRef(0), n.outRef()
	return Step{
		Kernel: "max_pool_16", Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) { p.Maximum(i16(dst.Bytes(mem)), i16(src.Bytes(mem))) },
	}, nil
}
