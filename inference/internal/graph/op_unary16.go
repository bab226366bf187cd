package graph

import (
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

func lowerLeakyRelu16(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	if err := n.symmetric(in, out); err != nil {
		return Step{}, err
	}
	if err := n.same(); err != nil {
		return Step{}, err
	}
	slope := float32(in.Scale()*n.n.Opt.Float32(0, 0)) / out.Scale()
	k := &kernel.LeakyRelu{Flip: slope < 0}
	var err error
	if k.Positive, err = factor(float64(in.Scale()/out.Scale()), 16); err != nil {
		return Step{}, err
	}
	if k.Negative, err = factor(math.Abs(float64(slope)), 16); err != nil {
		return Step{}, err
	}
	src, dst := n.inRef(0), n.outRef()
	return Step{
		Kernel: "leaky_relu_16", Tier: kernel.TierGeneric, Rule: ruleTFLite,
		Run: func(mem []byte) { k.Run(i16(dst.Bytes(mem)), i16(src.Bytes(mem))) },
	}, nil
}

// orWide lowers QUANTIZE between integers where one side has more than 8 bits.
func orWide(other func(*node) (Step, error)) func(*node) (Step, error) {
	return func(n *node) (Step, error) {
		switch in, out := n.in(0).DType, n.out().DType; {
		case in == Float32 && out == Int16:
			return lowerQuantize16(n)
		case in == Int32 && (out == Int8 || out == Int16), in == Int16 && (out == Int8 || out == Int16 || out == Int32), (in == Int8 || in == Uint8) && out == Int16:
			return requantizeWide(n)
		}
		return other(n)
	}
}

var rangeOf = map[DType][2]int32{
	Int8: {-1 << 7, 1<<7 - 1}, Uint8: {0, 1<<8 - 1}, Int16: {-1 << 15, 1<<15 - 1}, Int32: {math.MinInt32, math.MaxInt32},
}

func requantizeWide(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	if err := n.quantized(in, out); err != nil {
		return Step{}, err
	}
	if in.DType == Int16 && out.DType == Int16 && (in.Zero() != 0 || out.Zero() != 0) {
		return Step{}, unsupported("int16 with a zero point")
	}
	r := rangeOf[out.DType]
	k := &kernel.Requantize{InZero: in.Zero(), OutZero: out.Zero(), Min: r[0], Max: r[1]}
	var err error
	if k.Factor, err = factor(float64(in.Scale())/float64(out.Scale()), 15); err != nil {
		return Step{}, err
	}
	return ruled(ruleTFLite)(n.castStep("requantize_wide", k.Run))
}
