package graph

import (
	"fmt"
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

func lowerAdd16(n *node) (Step, error) { return n.sum16("add_16", false) }

func lowerSub16(n *node) (Step, error) { return n.sum16("sub_16", true) }

// binary16 checks an int16 operator of two operands.
func (n *node) binary16() (ops [2]operand, err error) {
	if err := n.symmetric(n.in(0), n.in(1), n.out()); err != nil {
		return ops, err
	}
	for i := range ops {
		if ops[i], err = n.operandAt(i); err != nil {
			return ops, err
		}
	}
	return ops, nil
}

// sum16 prepares scales as kernels/add.cc does: in float64, relative to twice
// the larger input scale, with 15 more bits.
func (n *node) sum16(name string, minus bool) (Step, error) {
	a, b, out := n.in(0), n.in(1), n.out()
	ops, err := n.binary16()
	if err != nil {
		return Step{}, err
	}
	if n.n.Opt.Bool(1, true) && pot(a.Scale()) && pot(b.Scale()) && pot(out.Scale()) {
		return Step{}, unsupported("scales that are all powers of two")
	}
	k := kernel.Sum16{Minus: minus}
	if k.Min, k.Max, err = n.bounds16(n.n.Opt.Byte(0, 0)); err != nil {
		return Step{}, err
	}
	twice := float64(2 * max(a.Scale(), b.Scale()))
	k.A = kernel.NewMultiplier(float64(a.Scale()) / twice)
	k.B = kernel.NewMultiplier(float64(b.Scale()) / twice)
	if k.Out, err = factor(twice/float64(float32(1<<15)*out.Scale()), 0); err != nil {
		return Step{}, err
	}
	blocked := 0
	if !minus && ops[0].step == 1 && ops[1].step == 1 && ops[0].repeat == nil && ops[1].repeat == nil {
		blocked = out.Elements() &^ 15
	}
	dst := n.outRef()
	return Step{
		Kernel: name, Tier: kernel.TierGeneric, Rule: ruleTFLite,
		Run: func(mem []byte) {
			x, y := ops[0].bytes(mem), ops[1].bytes(mem)
			k.Run(i16(dst.Bytes(mem)), i16(x), i16(y), ops[0].step, ops[1].step, blocked)
		},
	}, nil
}

// pot tells whether a scale is as good as a power of two: within 1e-3 of its
// logarithm LiteRT has older rules (kernels/internal/quantization_util.cc,
// CheckedLog2). Refusing a little more keeps clear of rounding there.
func pot(scale float32) bool {
	l := math.Log2(float64(scale))
	return math.Abs(l-math.Round(l)) < 1.1e-3
}

func lowerMul16(n *node) (Step, error) {
	a, b, out := n.in(0), n.in(1), n.out()
	ops, err := n.binary16()
	if err != nil {
		return Step{}, err
	}
	k := kernel.Mul16{}
	if k.Min, k.Max, err = n.bounds16(n.n.Opt.Byte(0, 0)); err != nil {
		return Step{}, err
	}
	if k.Factor, err = factor(float64(float32(a.Scale()*b.Scale())/out.Scale()), 1); err != nil {
		return Step{}, err
	}
	dst := n.outRef()
	return Step{
		Kernel: "mul_16", Tier: kernel.TierGeneric, Rule: ruleTFLite,
		Run: func(mem []byte) {
			x, y := ops[0].bytes(mem), ops[1].bytes(mem)
			k.Run(i16(dst.Bytes(mem)), i16(x), i16(y), ops[0].step, ops[1].step)
		},
	}, nil
}

func lowerBatchMatMul16(n *node) (Step, error) {
	if n.in(1).DType == Int8 {
		return matMul16[int8](n, "batch_matmul_16x8")
	}
	return matMul16[int16](n, "batch_matmul_16")
}

func matMul16[B int8 | int16](n *node, name string) (Step, error) {
	a, b, out := n.in(0), n.in(1), n.out()
	err := n.symmetric(a, out)
	switch {
	case err != nil:
		return Step{}, err
	case b.DType == Int8 && b.Zero() != 0:
		return Step{}, unsupported("zero point %d", b.Zero())
	case b.DType == Int8:
		err = n.quantized(b)
	default:
		err = n.symmetric(b)
	}
	if err != nil {
		return Step{}, err
	}
	g, err := n.matShape()
	if err != nil {
		return Step{}, err
	}
	p := &kernel.MatMul16[B]{M: g.m, K: g.k, N: g.n, ARow: g.aRow, ACol: g.aCol, BRow: g.bRow, BCol: g.bCol}
	if p.Factor, err = factor(float64(float32(a.Scale()*b.Scale()))/float64(out.Scale()), 14); err != nil {
		return Step{}, err
	}
	x, y, dst := n.inRef(0), n.inRef(1), n.outRef()
	return Step{
		Kernel: name, Tier: kernel.TierGeneric, Rule: ruleTFLite, MACs: int64(out.Elements()) * int64(g.k),
		Run: func(mem []byte) {
			to, l, r := i16(dst.Bytes(mem)), i16(x.Bytes(mem)), viewOf[B](y.Bytes(mem))
			for i := range g.aAt {
				p.Run(to[i*g.m*g.n:], l[g.aAt[i]:], r[g.bAt[i]:])
			}
		},
	}, nil
}

// matShape is the geometry of a batch of matrix products: sizes, distances
// between elements, and where the operands of each product begin.
type matShape struct {
	m, k, n                int
	aRow, aCol, bRow, bCol int
	aAt, bAt               []int
}

// matShape checks the operands of BATCH_MATMUL; leading dimensions broadcast.
func (n *node) matShape() (matShape, error) {
	a, b, out := n.in(0).Shape, n.in(1).Shape, n.out().Shape
	bad := fmt.Errorf("shapes %v and %v, output %v", a, b, out)
	if len(a) < 2 || len(b) < 2 || len(out) != max(len(a), len(b)) || len(out) > 5 {
		return matShape{}, bad
	}
	la, lb, lo := len(a)-2, len(b)-2, len(out)-2
	g := matShape{m: a[la], k: a[la+1], n: b[lb+1], aRow: a[la+1], aCol: 1, bRow: b[lb+1], bCol: 1}
	depth := b[lb]
	if n.n.Opt.Bool(0, false) {
		g.m, g.k, g.aRow, g.aCol = g.k, g.m, 1, a[la+1]
	}
	if n.n.Opt.Bool(1, false) {
		g.n, depth, g.bRow, g.bCol = depth, g.n, 1, b[lb+1]
	}
	sa, errA := broadcastStrides(a[:la], out[:lo], a[la]*a[la+1])
	sb, errB := broadcastStrides(b[:lb], out[:lo], b[lb]*b[lb+1])
	if errA != nil || errB != nil || depth != g.k || out[lo] != g.m || out[lo+1] != g.n {
		return g, bad
	}
	batches := product(out[:lo])
	if batches > 1<<20 {
		return g, unsupported("%d products", batches)
	}
	if err := n.b.hold("batches", 16*batches); err != nil {
		return g, err
	}
	for i := range batches {
		at, bt, rest := 0, 0, i
		for d := lo - 1; d >= 0; d-- {
			at += rest % out[d] * sa[d]
			bt += rest % out[d] * sb[d]
			rest /= out[d]
		}
		g.aAt, g.bAt = append(g.aAt, at), append(g.bAt, bt)
	}
	return g, nil
}
