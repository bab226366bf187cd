package graph

import (
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/fmath"
	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// lookup16 lowers a function of int16 that TFLite keeps as a table.
//
//go:noinline
func lookup16(name string, f func(x float32) float32) func(*node) (Step, error) {
	return func(n *node) (Step, error) {
		if err := n.unary16(); err != nil {
			return Step{}, err
		}
		if err := n.b.hold("table", 1026); err != nil {
			return Step{}, err
		}
		run := kernel.NewTable16(n.in(0).Scale(), n.out().Scale(), f)
		if run == nil {
			return Step{}, unsupported("scales %g and %g: the function overflows", n.in(0).Scale(), n.out().Scale())
		}
		return n.step16(name, run), nil
	}
}

func lowerGelu16(n *node) (Step, error) {
	if n.n.Opt.Bool(0, false) {
		return lookup16("gelu_tanh_16", kernel.GeluTanhTable)(n)
	}
	return lookup16("gelu_16", kernel.GeluTable)(n)
}

func lowerLog16(n *node) (Step, error) {
	least := float32(math.MinInt16 * n.out().Scale())
	return lookup16("log_16", func(x float32) float32 {
		if x <= 0 {
			return least
		}
		return kernel.LogF32(x)
	})(n)
}

// lowerRsqrt16 is a table; a number below 0 ends the run with an error.
func lowerRsqrt16(n *node) (Step, error) {
	most := float32(math.MaxInt16 * n.out().Scale())
	s, err := lookup16("rsqrt_16", func(x float32) float32 {
		if x <= 0 {
			return most
		}
		return 1 / kernel.SqrtF32(x)
	})(n)
	if err != nil {
		return s, err
	}
	src, run := n.inRef(0), s.Run
	s.Run = func(mem []byte) {
		for _, q := range i16(src.Bytes(mem)) {
			if q < 0 {
				panic(kernel.ValueError{What: "reciprocal square root of a number below 0"})
			}
		}
		run(mem)
	}
	return s, nil
}

func lowerSqrt16(n *node) (Step, error) {
	if err := n.unary16(); err != nil {
		return Step{}, err
	}
	return n.step16("sqrt_16", kernel.NewSqrt16(n.in(0).Scale(), n.out().Scale())), nil
}

// lowerAbs16 takes magnitudes of quantized values, or of plain numbers.
func lowerAbs16(n *node) (Step, error) {
	if len(n.in(0).Quant.Scale) == 0 {
		return mapInt("abs_i16", kernel.Abs[int16])(n)
	}
	if err := n.unary16(); err != nil {
		return Step{}, err
	}
	var m *kernel.Multiplier
	if ratio := n.in(0).Scale() / n.out().Scale(); ratio != 1 {
		f, err := factor(float64(ratio), 16)
		if err != nil {
			return Step{}, err
		}
		m = &f
	}
	return n.step16("abs_16", func(dst, src []int16) { kernel.Abs16(dst, src, m) }), nil
}

// lowerDiv16 is lowerDiv8 of int16.
func lowerDiv16(n *node) (Step, error) {
	a, b, out := n.in(0), n.in(1), n.out()
	if err := n.symmetric(a, b, out); err != nil {
		return Step{}, err
	}
	lo, hi, err := n.bounds16(n.n.Opt.Byte(0, 0))
	if err != nil {
		return Step{}, err
	}
	factor := float64(a.Scale() / float32(b.Scale()*out.Scale()))
	if !(factor > 0 && factor < 1<<16) { // as lowerDiv8
		return Step{}, unsupported("quotient to output scale %g", factor)
	}
	q := &kernel.Quotient8{Factor: kernel.NewMultiplier(factor), Out: kernel.Clamp8{Min: lo, Max: hi}}
	return ruled(ruleTFLite)(n.zipBytes("div_16", Int16, func(dst, a, b []byte, sa, sb int) { kernel.RunQuotient8(q, i16(dst), i16(a), i16(b), sa, sb) }))
}

// prelu16 lowers PRELU of int16 with slopes of int8, constant: LiteRT reads any
// slopes as int8.
func prelu16(n *node) (Step, error) {
	in, alpha, out := n.in(0), n.in(1), n.out()
	if err := n.symmetric(in, out); err != nil {
		return Step{}, err
	}
	if alpha.DType != Int8 {
		return Step{}, unsupported("slopes of %s", alpha.DType)
	}
	if err := n.quantized(alpha); err != nil {
		return Step{}, err
	}
	if err := n.same(); err != nil {
		return Step{}, err
	}
	k := &kernel.PRelu8{AlphaZero: alpha.Zero(), Out: kernel.Clamp8{Min: math.MinInt16, Max: math.MaxInt16}}
	var err error
	if k.Positive, err = factor(float64(in.Scale()/out.Scale()), 14); err != nil {
		return Step{}, err
	}
	if k.Negative, err = factor(float64(float32(in.Scale()*alpha.Scale())/out.Scale()), 7); err != nil {
		return Step{}, err
	}
	x, err := n.operandAt(0)
	if err != nil {
		return Step{}, err
	}
	slopes, err := n.operandAt(1)
	if err != nil {
		return Step{}, err
	}
	dst := n.outRef()
	return Step{
		Kernel: "prelu_16", Tier: kernel.TierGeneric, Rule: ruleTFLite,
		Run: func(mem []byte) {
			kernel.RunPRelu8(k, i16(dst.Bytes(mem)), i16(x.bytes(mem)), i8(slopes.bytes(mem)), x.step, slopes.step)
		},
	}, nil
}

// prodSmall lowers REDUCE_PROD of quantized integers; of plain ones products
// wrap.
func prodSmall(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	count := in.Elements() / max(out.Elements(), 1)
	if len(in.Quant.Scale) == 0 {
		return n.foldWide("reduce_prod", 1, kernel.Product[int64], func(v int64) int64 { return v })
	}
	if in.DType == Int16 && (in.Zero() != 0 || out.Zero() != 0) {
		return Step{}, unsupported("int16 with a zero point")
	}
	if err := n.quantized(in, out); err != nil {
		return Step{}, err
	}
	if count == 1 { // nothing to multiply: LiteRT copies, whatever the scales
		return n.mapBytes("reduce_prod", func(dst, src []byte) { copy(dst, src) })
	}
	m, err := factor(float64(in.Scale())/fmath.Pow(float64(out.Scale()), 1/float64(count)), 14)
	if err != nil {
		return Step{}, err
	}
	b := rangeOf[in.DType]
	p := &kernel.QuantizedProd{Zero: int64(in.Zero()), Factor: m, Out: kernel.Clamp8{Zero: out.Zero(), Min: b[0], Max: b[1]}}
	return ruled(ruleTFLite)(n.foldWide("reduce_prod_q", kernel.NoProduct, p.Next, p.Finish))
}

// meanInt lowers MEAN of plain integers: the sum in 64 bits, divided towards
// zero.
func meanInt(n *node) (Step, error) {
	count := int64(n.in(0).Elements() / max(n.out().Elements(), 1))
	if count == 0 {
		return Step{}, unsupported("mean of nothing")
	}
	return n.foldWide("mean_int", 0, kernel.Sum[int64], func(v int64) int64 { return v / count })
}

// foldWide lowers a fold of integers that goes through 64 bits.
func (n *node) foldWide(name string, first int64, f func(a, x int64) int64, finish func(int64) int64) (Step, error) {
	in, out := n.in(0), n.out()
	widen, narrow := widener(in.DType), narrower(out.DType)
	if in.DType != out.DType || widen == nil {
		return Step{}, unsupported("types %s", n.types())
	}
	r, err := n.reduction()
	if err != nil {
		return Step{}, err
	}
	size := out.Elements()
	src, dst, wide, acc := n.inRef(0), n.outRef(), n.scratch(in.Elements(), 8), n.scratch(size, 8)
	return Step{
		Kernel: name, Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) {
			from, to := viewOf[int64](wide.Bytes(mem)), viewOf[int64](acc.Bytes(mem))[:size]
			widen(from, src.Bytes(mem))
			kernel.RunReduce(r, to, from[:in.Elements()], first, f)
			for i, v := range to {
				to[i] = finish(v)
			}
			narrow(dst.Bytes(mem), to)
		},
	}, nil
}

// lowerPow32 lowers POW of int32. One exponent for all from 1 on makes LiteRT
// multiply, which wraps; else it goes through floats.
func lowerPow32(n *node) (Step, error) {
	base, exponent := n.in(0), n.in(1)
	wrap := !equal(base.Shape, exponent.Shape) && exponent.Elements() == 1
	return zip("pow_i32", kernel.Pow32(wrap))(n)
}
