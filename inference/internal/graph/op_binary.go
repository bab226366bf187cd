package graph

import "github.com/dunlin-edge/dunlin/inference/internal/kernel"

func lowerAdd(n *node) (Step, error) {
	if n.in(0).DType == Float32 {
		return n.binaryF32("add_f32", kernel.AddF32, true)
	}
	return n.sum("add", 1)
}

func lowerSub(n *node) (Step, error) {
	if n.in(0).DType == Float32 {
		return n.binaryF32("sub_f32", kernel.SubF32, true)
	}
	return n.sum("sub", -1)
}

// sum lowers a + sign*b.
func (n *node) sum(name string, sign float32) (Step, error) {
	a, b, out := n.in(0), n.in(1), n.out()
	ops, err := n.binary8()
	if err != nil {
		return Step{}, err
	}
	sa, sb := a.Scale()/out.Scale(), b.Scale()/out.Scale()
	for _, s := range []float32{sa, sb} {
		if s < 0x1p-10 || s >= 256 {
			if sign < 0 {
				return n.subTFLite(ops)
			}
			return n.addTFLite(ops)
		}
	}
	clamp, err := n.clamp(n.n.Opt.Byte(0, 0))
	if err != nil {
		return Step{}, err
	}
	k := kernel.NewAdd8(sa, sign*sb, a.Zero(), b.Zero(), clamp)
	if out.DType == Uint8 {
		run, tier := kernel.VectorAdd8[uint8](&k)
		return binaryStep(n, name+"_qu8", tier, ops, run), nil
	}
	run, tier := kernel.VectorAdd8[int8](&k)
	return binaryStep(n, name+"_qs8", tier, ops, run), nil
}

// subTFLite lowers a difference that XNNPACK's delegate does not take.
func (n *node) subTFLite(ops [2]operand) (Step, error) {
	a, b, out := n.in(0), n.in(1), n.out()
	clamp, err := n.clampTFLite(n.n.Opt.Byte(0, 0))
	if err != nil {
		return Step{}, err
	}
	twice := float64(2 * max(a.Scale(), b.Scale()))
	result := twice / float64(float32(1<<20)*out.Scale())
	if !(result > 0 && result <= 1) {
		return Step{}, unsupported("input to output scale %g", result*(1<<19))
	}
	ma, mb, mr := kernel.NewMultiplier(float64(a.Scale())/twice), kernel.NewMultiplier(float64(b.Scale())/twice), kernel.NewMultiplier(result)
	var s Step
	if out.DType == Uint8 {
		k := kernel.NewSub8[uint8](ma, mb, mr, a.Zero(), b.Zero(), clamp)
		if n.periodic(ops) {
			return n.subConstant("sub_qu8", k)
		}
		s = binaryStep(n, "sub_qu8", kernel.TierGeneric, ops, func(dst, a, b []uint8, sa, sb int) { kernel.RunSub8(k, dst, a, b, sa, sb) })
	} else {
		k := kernel.NewSub8[int8](ma, mb, mr, a.Zero(), b.Zero(), clamp)
		if n.periodic(ops) {
			return n.subConstant("sub_qs8", k)
		}
		s = binaryStep(n, "sub_qs8", kernel.TierGeneric, ops, func(dst, a, b []int8, sa, sb int) { kernel.RunSub8(k, dst, a, b, sa, sb) })
	}
	s.Rule = ruleTFLite
	return s, nil
}

// maxPeriod bounds the tables that an operator keeps for its constants.
const maxPeriod = 16

// periodic tells whether the second operand is a few constants that repeat along
// the last dimension of the first.
func (n *node) periodic(ops [2]operand) bool {
	b, out := n.in(1), n.out()
	return b.Data != nil && ops[0].step == 1 && ops[0].repeat == nil && b.Elements() >= 1 && b.Elements() <= maxPeriod &&
		(b.Elements() == 1 || b.Shape[len(b.Shape)-1] == b.Elements() && out.Shape[len(out.Shape)-1] == b.Elements())
}

// subConstant looks the difference up in tables.
func (n *node) subConstant(name string, k *kernel.Sub8) (Step, error) {
	b := n.in(1)
	if err := n.b.hold("tables", 768*b.Elements()); err != nil {
		return Step{}, err
	}
	tables := k.Tables(b.Data)
	tier := kernel.TierGeneric
	if len(tables) == 1 {
		tier = tables[0].Tier()
	}
	src, dst := n.inRef(0), n.outRef()
	return Step{
		Kernel: name, Tier: tier, Rule: ruleTFLite,
		Run: func(mem []byte) { kernel.RunTables(tables, dst.Bytes(mem), src.Bytes(mem)) },
	}, nil
}

func lowerMul(n *node) (Step, error) {
	if n.in(0).DType == Float32 {
		return n.binaryF32("mul_f32", kernel.MulF32, true)
	}
	a, b, out := n.in(0), n.in(1), n.out()
	ops, err := n.binary8()
	if err != nil {
		return Step{}, err
	}
	k := kernel.Mul8{AZero: a.Zero(), BZero: b.Zero(), Scale: float32(a.Scale()*b.Scale()) / out.Scale()}
	if k.Scale < 0x1p-16 || k.Scale >= 256 {
		return n.mulTFLite(ops)
	}
	if k.Out, err = n.clamp(n.n.Opt.Byte(0, 0)); err != nil {
		return Step{}, err
	}
	if out.DType == Uint8 {
		run, tier := kernel.VectorMul8[uint8](&k)
		return binaryStep(n, "mul_qu8", tier, ops, run), nil
	}
	run, tier := kernel.VectorMul8[int8](&k)
	return binaryStep(n, "mul_qs8", tier, ops, run), nil
}

// operand is one input of a binary operator: where its bytes are, and how far
// it steps from one output element to the next (0 for a single element). An
// operand of any other shape is first repeated into scratch memory.
type operand struct {
	ref    *Ref
	step   int
	repeat *kernel.Copy
	from   *Ref
}

// bytes returns the operand, repeated where it must be.
func (o *operand) bytes(mem []byte) []byte {
	if o.repeat != nil {
		o.repeat.Run(o.ref.Bytes(mem), o.from.Bytes(mem))
	}
	return o.ref.Bytes(mem)
}

// operandAt binds input i to the shape of the output.
func (n *node) operandAt(i int) (operand, error) {
	in, out := n.in(i), n.out()
	elem := in.DType.Size()
	st, err := broadcastStrides(in.Shape, out.Shape, elem)
	switch {
	case err != nil:
		return operand{}, err
	case in.Elements() == out.Elements():
		return operand{ref: n.inRef(i), step: 1}, nil
	case in.Elements() == 1:
		return operand{ref: n.inRef(i)}, nil
	}
	c := &kernel.Copy{Shape: out.Shape, SrcStride: st, DstStride: strides(out.Shape, elem), Elem: elem}
	return operand{ref: n.scratch(out.Elements(), elem), step: 1, repeat: c.Compact(), from: n.inRef(i)}, nil
}

// binary8 checks an 8-bit operator of two operands.
func (n *node) binary8() (ops [2]operand, err error) {
	a, b, out := n.in(0), n.in(1), n.out()
	if a.DType != b.DType || a.DType != out.DType || a.DType != Int8 && a.DType != Uint8 {
		return ops, unsupported("types %s, %s -> %s", a.DType, b.DType, out.DType)
	}
	if err := n.quantized(a, b, out); err != nil {
		return ops, err
	}
	for i := range ops {
		if ops[i], err = n.operandAt(i); err != nil {
			return ops, err
		}
	}
	return ops, nil
}

func binaryStep[T kernel.Byte](n *node, name, tier string, ops [2]operand, run kernel.Binary8[T]) Step {
	dst := n.outRef()
	return Step{
		Kernel: name, Tier: tier, Rule: ruleXNNPACK,
		Run: func(mem []byte) {
			a, b := ops[0].bytes(mem), ops[1].bytes(mem)
			run(viewOf[T](dst.Bytes(mem)), viewOf[T](a), viewOf[T](b), ops[0].step, ops[1].step)
		},
	}
}
