package graph

import (
	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// typed is an operator by the type of its first input.
type typed struct {
	op         tflite.Op
	in         [2]int
	maxVersion int32
	lower      byType
}

// byType is how an operator is lowered for each type it has. A list is data; a
// map would be made by code, of which there is little room.
type byType []struct {
	dtype DType
	lower func(*node) (Step, error)
}

func (b byType) of(d DType) func(*node) (Step, error) {
	for _, t := range b {
		if t.dtype == d {
			return t.lower
		}
	}
	return nil
}

// integers lists operators on integers; for other types lowerings counts.
var integers = []typed{
	{tflite.ABS, [2]int{1, 1}, 5, byType{{Int32, mapInt("abs_i32", kernel.Abs[int32])}, {Int8, lowerAbs8}, {Int16, lowerAbs16}}},
	{tflite.ADD, [2]int{2, 2}, 5, fused("add", kernel.Sum[int32], kernel.Sum[int64])},
	{tflite.SUB, [2]int{2, 2}, 5, fused("sub", kernel.Difference[int32], kernel.Difference[int64])},
	{tflite.MUL, [2]int{2, 2}, 7, fused("mul", kernel.Product[int32], kernel.Product[int64])},
	{tflite.EQUAL, [2]int{2, 2}, 4, compare("equal", kernel.Equal[int32], kernel.Equal[int64], kernel.Equal[float32], true)},
	{tflite.NOT_EQUAL, [2]int{2, 2}, 4, compare("not_equal", kernel.NotEqual[int32], kernel.NotEqual[int64], kernel.NotEqual[float32], true)},
	{tflite.LESS, [2]int{2, 2}, 3, compare("less", kernel.Less[int32], kernel.Less[int64], kernel.Less[float32], false)},
	{tflite.LESS_EQUAL, [2]int{2, 2}, 3, compare("less_equal", kernel.LessEqual[int32], kernel.LessEqual[int64], kernel.LessEqual[float32], false)},
	{tflite.GREATER, [2]int{2, 2}, 3, compare("greater", kernel.Greater[int32], kernel.Greater[int64], kernel.Greater[float32], false)},
	{tflite.GREATER_EQUAL, [2]int{2, 2}, 4, compare("greater_equal", kernel.GreaterEqual[int32], kernel.GreaterEqual[int64], kernel.GreaterEqual[float32], false)},
	{tflite.DIV, [2]int{2, 2}, 2, byType{
		{Int32, plain(divided("div_i32", func(a, b int32) int32 { return a / b }))}, {Int8, lowerDiv8}, {Uint8, lowerDiv8}, {Int16, lowerDiv16},
	}},
	{tflite.SQRT, [2]int{1, 1}, 2, byType{{Int8, lowerSqrt8}, {Int16, lowerSqrt16}}},
	{tflite.RSQRT, [2]int{1, 1}, 3, byType{{Int8, lowerRsqrt8}, {Int16, lowerRsqrt16}}},
	{tflite.LOG, [2]int{1, 1}, 2, byType{{Int8, lowerLog8}, {Int16, lowerLog16}}},
	{tflite.SUM, [2]int{2, 2}, 2, sumInt},
	{tflite.REDUCE_MAX, [2]int{2, 2}, 3, reduceMax},
	{tflite.REDUCE_MIN, [2]int{2, 2}, 3, reduceMin},
	{tflite.REDUCE_PROD, [2]int{2, 2}, 2, reduceProd},
	{tflite.REDUCE_ANY, [2]int{2, 2}, 2, reduceAny},
	{tflite.REDUCE_ALL, [2]int{2, 2}, 2, reduceAll},
	{tflite.EXP, [2]int{1, 1}, 2, byType{{Int8, table8("exp_8", kernel.ExpF32)}, {Int16, lookup16("exp_16", kernel.ExpF32)}}},
	{tflite.GELU, [2]int{1, 1}, 2, byType{{Int8, lowerGelu8}, {Uint8, lowerGelu8}, {Int16, lowerGelu16}}},
	{tflite.ELU, [2]int{1, 1}, 1, byType{{Int8, lowerElu8}}},
	{tflite.SQUARED_DIFFERENCE, [2]int{2, 2}, 2, byType{{Int8, lowerSquaredDifference8}, {Int32, zip("squared_difference_i32", kernel.SquaredDifference)}}},
	{tflite.LOG_SOFTMAX, [2]int{1, 1}, 2, byType{{Int8, logSoftmax8[int8]("log_softmax_qs8")}, {Uint8, logSoftmax8[uint8]("log_softmax_qu8")}}},
	{tflite.L2_NORMALIZATION, [2]int{1, 1}, 2, byType{{Int8, lowerL2Norm8}, {Uint8, lowerL2Norm8}}},
	{tflite.CUMSUM, [2]int{2, 2}, 1, byType{
		{Float32, cumulate[float32]("cumsum_f32", ruleFloat)}, {Int32, cumulate[int32]("cumsum_i32", ruleExact)}, {Int64, cumulate[int64]("cumsum_i64", ruleExact)},
	}},
	{tflite.FLOOR_DIV, [2]int{2, 2}, 4, byType{
		{Int8, divided("floor_div_i8", kernel.FloorDiv[int8])}, {Int16, divided("floor_div_i16", kernel.FloorDiv[int16])}, {Int32, divided("floor_div_i32", kernel.FloorDiv[int32])},
	}},
	{tflite.FLOOR_MOD, [2]int{2, 2}, 3, byType{
		{Int8, divided("floor_mod_i8", kernel.FloorMod[int8])}, {Int16, divided("floor_mod_i16", kernel.FloorMod[int16])},
		{Int32, divided("floor_mod_i32", kernel.FloorMod[int32])}, {Int64, divided("floor_mod_i64", kernel.FloorMod[int64])},
	}},
	{tflite.HARD_SWISH, [2]int{1, 1}, 1, byType{{Int8, lowerHardSwish8}, {Uint8, lowerHardSwish8}}},
	{tflite.NEG, [2]int{1, 1}, 2, byType{
		{Int8, mapInt("neg_i8", kernel.Neg[int8])}, {Int16, mapInt("neg_i16", kernel.Neg[int16])},
		{Int32, mapInt("neg_i32", kernel.Neg[int32])}, {Int64, mapInt("neg_i64", kernel.Neg[int64])},
	}},
	{tflite.MAXIMUM, [2]int{2, 2}, 4, byType{
		{Int8, zip("maximum_i8", kernel.Max[int8])}, {Uint8, zip("maximum_u8", kernel.Max[uint8])}, {Int16, zip("maximum_i16", kernel.Max[int16])},
		{Int32, zip("maximum_i32", kernel.Max[int32])}, {Int64, zip("maximum_i64", kernel.Max[int64])},
	}},
	{tflite.MINIMUM, [2]int{2, 2}, 4, byType{
		{Int8, zip("minimum_i8", kernel.Min[int8])}, {Uint8, zip("minimum_u8", kernel.Min[uint8])}, {Int16, zip("minimum_i16", kernel.Min[int16])},
		{Int32, zip("minimum_i32", kernel.Min[int32])}, {Int64, zip("minimum_i64", kernel.Min[int64])},
	}},
	{tflite.POW, [2]int{2, 2}, 1, byType{{Int32, lowerPow32}}},
	{tflite.SIGN, [2]int{1, 1}, 2, byType{{Int32, mapInt("sign_i32", kernel.Sign)}}},
	{tflite.MEAN, [2]int{2, 2}, 2, byType{{Int32, meanInt}, {Int64, meanInt}}},
	{tflite.PRELU, [2]int{2, 2}, 1, byType{{Int8, prelu8[int8]("prelu_qs8")}, {Uint8, prelu8[uint8]("prelu_qu8")}, {Int16, prelu16}}},
}

// lookup finds how an operator is lowered.
func (b *builder) lookup(n *Node) (lowering, bool) {
	if n.Op == tflite.CUSTOM {
		if l, ok := signals[n.Name]; ok {
			return l, true
		}
		l, ok := customs[n.Name]
		return l, ok
	}
	if l, ok := flow(n.Op); ok {
		return l, true
	}
	for _, t := range integers {
		if t.op != n.Op || len(n.In) == 0 || n.In[0] < 0 {
			continue
		}
		if f := t.lower.of(b.g.Tensors[n.In[0]].DType); f != nil {
			return lowering{in: t.in, maxVersion: t.maxVersion, lower: f}, true
		}
	}
	return loweringOf(n.Op)
}

// zip lowers an operator of two integers of one type, which broadcast, to a
// third.
func zip[T any](name string, f func(a, b T) T) func(*node) (Step, error) {
	return func(n *node) (Step, error) { return zipTo(n, name, n.in(0).DType, f) }
}

func zipTo[T, R any](n *node, name string, to DType, f func(a, b T) R) (Step, error) {
	return n.zipBytes(name, to, func(dst, a, b []byte, sa, sb int) { kernel.Zip(viewOf[R](dst), viewOf[T](a), viewOf[T](b), sa, sb, f) })
}

// zipBytes lowers an operator of two operands of one type, as mapBytes.
func (n *node) zipBytes(name string, to DType, run func(dst, a, b []byte, sa, sb int)) (Step, error) {
	if n.in(1).DType != n.in(0).DType || n.out().DType != to {
		return Step{}, unsupported("types %s, %s -> %s", n.in(0).DType, n.in(1).DType, n.out().DType)
	}
	var ops [2]operand
	for i := range ops {
		var err error
		if ops[i], err = n.operandAt(i); err != nil {
			return Step{}, err
		}
	}
	dst := n.outRef()
	return Step{
		Kernel: name, Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) {
			a, b := ops[0].bytes(mem), ops[1].bytes(mem)
			run(dst.Bytes(mem), a, b, ops[0].step, ops[1].step)
		},
	}, nil
}

// mapInt lowers a function of one integer.
func mapInt[T any](name string, f func(T) T) func(*node) (Step, error) {
	return func(n *node) (Step, error) {
		if n.out().DType != n.in(0).DType {
			return Step{}, unsupported("types %s", n.types())
		}
		return mapTo(n, name, f)
	}
}

func mapTo[T, R any](n *node, name string, f func(T) R) (Step, error) {
	return n.mapBytes(name, func(dst, src []byte) { kernel.Map(viewOf[R](dst), viewOf[T](src), f) })
}

// mapBytes lowers an operator of one operand. What is the same for every type
// stands in functions like this one: each type's copy would count in the binary.
func (n *node) mapBytes(name string, run func(dst, src []byte)) (Step, error) {
	if err := n.same(); err != nil {
		return Step{}, err
	}
	src, dst := n.inRef(0), n.outRef()
	return Step{
		Kernel: name, Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) { run(dst.Bytes(mem), src.Bytes(mem)) },
	}, nil
}

// fused lowers arithmetic whose options begin with an activation.
func fused(name string, narrow func(a, b int32) int32, wide func(a, b int64) int64) byType {
	return byType{{Int32, plain(zip(name+"_i32", narrow))}, {Int64, plain(zip(name+"_i64", wide))}}
}

// plain refuses an activation, the first of the options.
func plain(f func(*node) (Step, error)) func(*node) (Step, error) {
	return func(n *node) (Step, error) {
		if a := n.n.Opt.Byte(0, 0); a != actNone {
			return Step{}, unsupported("fused activation %d", a)
		}
		return f(n)
	}
}

// divided lowers divisions; a divisor of 0 ends the run with an error, as in
// LiteRT.
func divided[T kernel.Integer](name string, f func(a, b T) T) func(*node) (Step, error) {
	return zip(name, kernel.Nonzero(f))
}

func lowerHardSwish8(n *node) (Step, error) {
	if err := n.unary8(); err != nil {
		return Step{}, err
	}
	t := kernel.NewHardSwish8(side(n.in(0)), n.out().Scale(), n.wholeRange())
	if t == nil {
		return Step{}, unsupported("scales %g and %g", n.in(0).Scale(), n.out().Scale())
	}
	return n.mapStep("hard_swish_8", ruleTFLite, t)
}

//go:noinline
func prelu8[T kernel.Byte](name string) func(*node) (Step, error) {
	return func(n *node) (Step, error) {
		in, alpha, out := n.in(0), n.in(1), n.out()
		ops, err := n.binary8()
		if err != nil {
			return Step{}, err
		}
		if !equal(in.Shape, out.Shape) {
			return Step{}, unsupported("output shape %v, input %v", out.Shape, in.Shape)
		}
		k := &kernel.PRelu8{InZero: in.Zero(), AlphaZero: alpha.Zero(), Out: n.wholeRange()}
		if k.Positive, err = factor(float64(in.Scale()/out.Scale()), 20); err != nil {
			return Step{}, err
		}
		if k.Negative, err = factor(float64(float32(in.Scale()*alpha.Scale())/out.Scale()), 13); err != nil {
			return Step{}, err
		}
		return binaryStep(n, name, kernel.TierGeneric, ops, func(dst, a, b []T, sa, sb int) { kernel.RunPRelu8(k, dst, a, b, sa, sb) }), nil
	}
}
