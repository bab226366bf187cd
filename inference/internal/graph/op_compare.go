package graph

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// compare lowers a comparison of two numbers of one type.
func compare(name string, i func(a, b int32) byte, l func(a, b int64) byte, f func(a, b float32) byte, eq bool) byType {
	m := byType{
		{Int32, func(n *node) (Step, error) { return zipTo(n, name+"_i32", Bool, i) }},
		{Int64, func(n *node) (Step, error) { return zipTo(n, name+"_i64", Bool, l) }},
		{Float32, func(n *node) (Step, error) { return ruled(ruleFloat)(zipTo(n, name+"_f32", Bool, f)) }},
		{Int8, func(n *node) (Step, error) { return compare8[int8](n, name+"_qs8", i) }},
		{Uint8, func(n *node) (Step, error) { return compare8[uint8](n, name+"_qu8", i) }},
		{Int16, func(n *node) (Step, error) { return compare16(n, name, i, eq) }},
	}
	if eq {
		m = append(m, byType{{Bool, func(n *node) (Step, error) {
			return zipTo(n, name+"_bool", Bool, func(a, b byte) byte { return i(int32(kernel.NotEqual(a, 0)), int32(kernel.NotEqual(b, 0))) })
		}}}...)
	}
	return m
}

// ruled names whose arithmetic a step follows.
func ruled(rule string) func(Step, error) (Step, error) {
	return func(s Step, err error) (Step, error) {
		s.Rule = rule
		return s, err
	}
}

// compare16 lowers a comparison of int16, which heeds scales only where equality
// is asked for: LiteRT holds the others against each other as they are stored.
func compare16(n *node, name string, f func(a, b int32) byte, eq bool) (Step, error) {
	quantized := len(n.in(0).Quant.Scale) > 0
	switch {
	case eq && quantized:
		return compare8[int16](n, name+"_qs16", f)
	case name == "not_equal":
		return Step{}, unsupported("int16 without a scale")
	}
	return zipTo(n, name+"_i16", Bool, func(a, b int16) byte { return f(int32(a), int32(b)) })
}

func compare8[T kernel.Byte | int16](n *node, name string, f func(a, b int32) byte) (Step, error) {
	a, b := n.in(0), n.in(1)
	if err := n.quantized(a, b); err != nil {
		return Step{}, err
	}
	if a.Scale() >= 1 || b.Scale() >= 1 {
		return Step{}, unsupported("scales %g and %g", a.Scale(), b.Scale())
	}
	k := &kernel.Compare8{
		A: kernel.NewMultiplier(float64(a.Scale())), B: kernel.NewMultiplier(float64(b.Scale())), AZero: a.Zero(), BZero: b.Zero(),
	}
	return ruled(ruleTFLite)(zipTo(n, name, Bool, func(a, b T) byte { return f(k.Sides(int32(a), int32(b))) }))
}

func logical(name string, f func(a, b byte) byte) func(*node) (Step, error) {
	return func(n *node) (Step, error) {
		if n.in(0).DType != Bool {
			return Step{}, unsupported("types %s", n.types())
		}
		return zip(name, f)(n)
	}
}

func lowerNot(n *node) (Step, error) {
	if n.in(0).DType != Bool || n.out().DType != Bool {
		return Step{}, unsupported("types %s", n.types())
	}
	return mapTo(n, "logical_not", kernel.Not)
}

// lowerSelect takes elements of one of two operands. SELECT wants equal shapes,
// or one condition a slice of the first dimension; SELECT_V2 broadcasts.
//
//go:noinline
func lowerSelect(v2 bool) func(*node) (Step, error) {
	return func(n *node) (Step, error) {
		cond, a, b, out := n.in(0), n.in(1), n.in(2), n.out()
		if cond.DType != Bool {
			return Step{}, unsupported("condition of %s", cond.DType)
		}
		if err := n.moves(out, a, b); err != nil {
			return Step{}, err
		}
		elem := out.DType.Size()
		if !v2 && len(cond.Shape) == 1 && len(out.Shape) > 1 {
			if cond.Elements() != out.Shape[0] || !equal(a.Shape, out.Shape) || !equal(b.Shape, out.Shape) {
				return Step{}, fmt.Errorf("condition %v, operands %v and %v", cond.Shape, a.Shape, b.Shape)
			}
			elem = out.Size() / out.Shape[0]
			return n.selectStep([3]operand{{ref: n.inRef(0), step: 1}, {ref: n.inRef(1), step: 1}, {ref: n.inRef(2), step: 1}}, elem), nil
		}
		var ops [3]operand
		var err error
		for i := range ops {
			if ops[i], err = n.operandAt(i); err != nil {
				return Step{}, err
			}
		}
		return n.selectStep(ops, elem), nil
	}
}

func (n *node) selectStep(ops [3]operand, elem int) Step {
	dst := n.outRef()
	return Step{
		Kernel: "select", Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) {
			c, a, b := ops[0].bytes(mem), ops[1].bytes(mem), ops[2].bytes(mem)
			kernel.Select(dst.Bytes(mem), c, a, b, ops[0].step, ops[1].step, ops[2].step, elem)
		},
	}
}
