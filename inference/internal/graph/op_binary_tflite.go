package graph

import (
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// addTFLite lowers a sum that XNNPACK's delegate does not take.
func (n *node) addTFLite(ops [2]operand) (Step, error) {
	if n.follows != nil {
		return Step{}, unsupported("scales for which LiteRT rounds by the place, of rows which only a run decides")
	}
	a, b, out := n.in(0), n.in(1), n.out()
	clamp, err := n.clampTFLite(n.n.Opt.Byte(0, 0))
	if err != nil {
		return Step{}, err
	}
	twice := float64(2 * max(a.Scale(), b.Scale()))
	result := twice / float64(float32(1<<20)*out.Scale())
	if !(result > 0 && result < 1) {
		return Step{}, unsupported("input to output scale %g", result*(1<<19))
	}
	ma, mb, mr := kernel.NewMultiplier(float64(a.Scale())/twice), kernel.NewMultiplier(float64(b.Scale())/twice), kernel.NewMultiplier(result)
	length, elementwise := n.runLength()
	if err := n.b.hold("tables", 4096); err != nil {
		return Step{}, err
	}
	var s Step
	if out.DType == Uint8 {
		k := kernel.NewSumTFLite[uint8](ma, mb, mr, a.Zero(), b.Zero(), clamp, kernel.Runs{Length: length, Block: 8}, false)
		s = binaryStep(n, "add_qu8", kernel.TierGeneric, ops, func(dst, a, b []uint8, sa, sb int) { kernel.RunSumTFLite(k, dst, a, b, sa, sb) })
	} else {
		block := 8
		if elementwise {
			block = 16
		}
		k := kernel.NewSumTFLite[int8](ma, mb, mr, a.Zero(), b.Zero(), clamp, kernel.Runs{Length: length, Block: block}, elementwise)
		s = binaryStep(n, "add_qs8", kernel.TierGeneric, ops, func(dst, a, b []int8, sa, sb int) { kernel.RunSumTFLite(k, dst, a, b, sa, sb) })
	}
	s.Rule = ruleTFLite
	return s, nil
}

// mulTFLite lowers a product that XNNPACK's delegate does not take.
func (n *node) mulTFLite(ops [2]operand) (Step, error) {
	if n.follows != nil {
		return Step{}, unsupported("scales for which LiteRT rounds by the place, of rows which only a run decides")
	}
	a, b, out := n.in(0), n.in(1), n.out()
	clamp, err := n.clampTFLite(n.n.Opt.Byte(0, 0))
	if err != nil {
		return Step{}, err
	}
	factor := float64(float32(a.Scale()*b.Scale()) / out.Scale())
	if !(factor >= 0 && factor < 1<<14) {
		return Step{}, unsupported("product to output scale %g", factor)
	}
	length, elementwise := n.runLength()
	p := &kernel.ProductTFLite{AZero: a.Zero(), BZero: b.Zero(), Factor: kernel.NewMultiplier(factor), Out: clamp, Runs: kernel.Runs{Length: length, Block: 16}}
	var s Step
	if out.DType == Uint8 {
		p.Block, p.Cut = 8, !elementwise
		s = binaryStep(n, "mul_qu8", kernel.TierGeneric, ops, func(dst, a, b []uint8, sa, sb int) { kernel.RunProductTFLite(p, dst, a, b, sa, sb) })
	} else {
		s = binaryStep(n, "mul_qs8", kernel.TierGeneric, ops, func(dst, a, b []int8, sa, sb int) { kernel.RunProductTFLite(p, dst, a, b, sa, sb) })
	}
	s.Rule = ruleTFLite
	return s, nil
}

// runLength returns the elements that LiteRT's kernels of two operands take in
// one go, and whether both operands have as many there: otherwise one is a
// single element (kernels/internal/reference/process_broadcast_shapes.h).
func (n *node) runLength() (length int, elementwise bool) {
	out := n.out().Shape
	a, b := padded(n.in(0).Shape, len(out)), padded(n.in(1).Shape, len(out))
	d, same := fold(len(out)-1, a, b, func(a, b int) bool { return a == b })
	if d < 0 {
		return same, true
	}
	if b[d] == 1 {
		a, b = b, a
	}
	d, single := fold(d, a, b, func(a, _ int) bool { return a == 1 })
	d, _ = fold(d, a, b, func(a, b int) bool { return a == b })
	d, _ = fold(d, a, b, func(_, b int) bool { return b == 1 })
	if d, _ = fold(d, a, b, func(a, b int) bool { return a == b }); d >= 0 {
		return 1, true // more folds than LiteRT's loops have: element by element
	}
	if same > 1 {
		return same, true
	}
	return single, false
}

// fold multiplies dimensions from d down as long as they are alike, and returns
// the one where it stopped.
func fold(d int, a, b []int, alike func(a, b int) bool) (at, size int) {
	size = 1
	for ; d >= 0 && alike(a[d], b[d]); d-- {
		size *= max(a[d], b[d])
	}
	return d, size
}

// padded puts dimensions of 1 before a shape.
func padded(shape []int, rank int) []int {
	s := make([]int, rank)
	for i := range s {
		s[i] = 1
		if k := i - (rank - len(shape)); k >= 0 {
			s[i] = shape[k]
		}
	}
	return s
}

// lowerDiv8 lowers a quotient of 8 bits; a divisor of 0 ends the run with an
// error.
func lowerDiv8(n *node) (Step, error) {
	ops, err := n.binary8()
	if err != nil {
		return Step{}, err
	}
	a, b, out := n.in(0), n.in(1), n.out()
	clamp, err := n.clampTFLite(n.n.Opt.Byte(0, 0))
	if err != nil {
		return Step{}, err
	}
	factor := float64(a.Scale() / float32(b.Scale()*out.Scale()))
	if !(factor > 0 && factor < 1<<23) { // else LiteRT shifts by less than nothing
		return Step{}, unsupported("quotient to output scale %g", factor)
	}
	q := &kernel.Quotient8{AZero: a.Zero(), BZero: b.Zero(), Factor: kernel.NewMultiplier(factor), Out: clamp}
	var s Step
	if out.DType == Uint8 {
		s = binaryStep(n, "div_qu8", kernel.TierGeneric, ops, func(dst, a, b []uint8, sa, sb int) { kernel.RunQuotient8(q, dst, a, b, sa, sb) })
	} else {
		s = binaryStep(n, "div_qs8", kernel.TierGeneric, ops, func(dst, a, b []int8, sa, sb int) { kernel.RunQuotient8(q, dst, a, b, sa, sb) })
	}
	s.Rule = ruleTFLite
	return s, nil
}

func lowerSqrt8(n *node) (Step, error) {
	if err := n.unary8(); err != nil {
		return Step{}, err
	}
	return n.rootStep("sqrt_8", kernel.NewSqrt8(side(n.in(0)), n.out().Scale(), n.wholeRange()))
}

func lowerRsqrt8(n *node) (Step, error) {
	if err := n.unary8(); err != nil {
		return Step{}, err
	}
	scale := 1 / float64(float32(float32(math.Sqrt(float64(n.in(0).Scale())))*n.out().Scale()))
	if !(scale > 0 && scale < 1<<20) {
		return Step{}, unsupported("scales %g and %g", n.in(0).Scale(), n.out().Scale())
	}
	return n.rootStep("rsqrt_8", kernel.NewRsqrt8(side(n.in(0)), kernel.NewMultiplier(scale), n.wholeRange()))
}

func (n *node) rootStep(name string, r *kernel.Root8) (Step, error) {
	if err := n.b.hold("table", 512); err != nil {
		return Step{}, err
	}
	src, dst := n.inRef(0), n.outRef()
	return Step{
		Kernel: name, Tier: kernel.TierGeneric, Rule: ruleTFLite,
		Run: func(mem []byte) { r.Run(dst.Bytes(mem), src.Bytes(mem)) },
	}, nil
}

// lowerLog8 is a table; what has no logarithm gives the least output.
func lowerLog8(n *node) (Step, error) {
	least := float32(float32(-128-n.out().Zero()) * n.out().Scale())
	return table8("log_8", func(x float32) float32 {
		if x <= 0 {
			return least
		}
		return kernel.LogF32(x)
	})(n)
}
