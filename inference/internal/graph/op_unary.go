package graph

import (
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// unary8 checks an 8-bit function of one operand.
func (n *node) unary8() error {
	in, out := n.in(0), n.out()
	if in.DType != out.DType || in.DType != Int8 && in.DType != Uint8 {
		return unsupported("types %s", n.types())
	}
	if err := n.same(); err != nil {
		return err
	}
	return n.quantized(in, out)
}

// side describes how a tensor's values are stored.
func side(t *Tensor) kernel.Side {
	return kernel.Side{Signed: t.DType == Int8, Scale: t.Scale(), Zero: t.Zero()}
}

// mapStep runs a table over the input.
func (n *node) mapStep(name, rule string, t *kernel.Map8) (Step, error) {
	if err := n.b.hold("table", 768); err != nil {
		return Step{}, err
	}
	src, dst := n.inRef(0), n.outRef()
	return Step{
		Kernel: name, Tier: t.Tier(), Rule: rule,
		Run: func(mem []byte) { t.Run(dst.Bytes(mem), src.Bytes(mem)) },
	}, nil
}

func lowerLogistic(n *node) (Step, error) {
	if n.in(0).DType == Float32 {
		return mapF32("logistic_f32", kernel.LogisticF32)(n)
	}
	if err := n.unary8(); err != nil {
		return Step{}, err
	}
	return n.mapStep("logistic_8", ruleXNNPACK, kernel.NewLogistic8(side(n.in(0)), n.out().Scale(), n.wholeRange()))
}

func lowerTanh(n *node) (Step, error) {
	if n.in(0).DType == Float32 {
		return mapF32("tanh_f32", kernel.TanhF32)(n)
	}
	if err := n.unary8(); err != nil {
		return Step{}, err
	}
	return n.mapStep("tanh_8", ruleXNNPACK, kernel.NewTanh8(side(n.in(0)), n.out().Scale(), n.wholeRange()))
}

func lowerLeakyRelu(n *node) (Step, error) {
	if n.in(0).DType == Float32 {
		return leakyReluF32(n)
	}
	if err := n.unary8(); err != nil {
		return Step{}, err
	}
	alpha := n.n.Opt.Float32(0, 0)
	positive := n.in(0).Scale() / n.out().Scale()
	negative := float32(positive * alpha)
	// The delegate's range; outside it LiteRT uses another rule.
	if !(positive >= 1.0/256 && positive <= 128 && negative >= -127.99609375 && negative <= 128 &&
		math.Abs(float64(negative)) >= 1.0/256) {
		return n.leakyReluTFLite(positive)
	}
	return n.mapStep("leaky_relu_8", ruleXNNPACK, kernel.NewLeakyRelu8(side(n.in(0)), positive, negative, n.wholeRange()))
}

func (n *node) leakyReluTFLite(positive float32) (Step, error) {
	slope := float32(n.in(0).Scale()*n.n.Opt.Float32(0, 0)) / n.out().Scale()
	k := kernel.LeakyRelu{Flip: slope < 0}
	var err error
	if k.Positive, err = factor(float64(positive), 20); err != nil {
		return Step{}, err
	}
	if k.Negative, err = factor(math.Abs(float64(slope)), 20); err != nil {
		return Step{}, err
	}
	return n.mapStep("leaky_relu_8", ruleTFLite, kernel.NewLeakyReluTFLite8(side(n.in(0)), k, n.wholeRange()))
}

// relu lowers an activation that stands alone, with real bounds lo and hi.
//
//go:noinline
func relu(lo, hi float32) func(*node) (Step, error) {
	return func(n *node) (Step, error) {
		if n.in(0).DType == Float32 {
			return reluF32(n, lo, hi)
		}
		if n.in(0).DType == Int16 && lo == 0 && hi != 1 { // LiteRT has no others
			return relu16(n, lo, hi)
		}
		if err := n.unary8(); err != nil {
			return Step{}, err
		}
		ratio := float64(n.in(0).Scale() / n.out().Scale())
		if ratio > 1<<20 {
			return Step{}, unsupported("input to output scale %g", ratio)
		}
		clamp := n.clampRounded(lo, hi, math.Round)
		return n.mapStep("relu_8", ruleTFLite, kernel.NewRelu8(side(n.in(0)), ratio, clamp))
	}
}

var inf = float32(math.Inf(1))
