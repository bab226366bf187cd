package graph

import (
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// zipF32 lowers a function of two floats, which broadcast.
func zipF32(name string, f func(a, b float32) float32) func(*node) (Step, error) {
	return func(n *node) (Step, error) {
		if err := n.floats(n.in(0), n.in(1), n.out()); err != nil {
			return Step{}, err
		}
		return ruled(ruleFloat)(zip(name, f)(n))
	}
}

// lowerAtan2 takes operands of one shape, as LiteRT.
func lowerAtan2(n *node) (Step, error) {
	if !equal(n.in(0).Shape, n.in(1).Shape) {
		return Step{}, unsupported("shapes %v and %v", n.in(0).Shape, n.in(1).Shape)
	}
	return zipF32("atan2_f32", kernel.Atan2F32)(n)
}

func lowerGelu(n *node) (Step, error) {
	if n.n.Opt.Bool(0, false) {
		return mapF32("gelu_tanh_f32", kernel.GeluTanhF32)(n)
	}
	return mapF32("gelu_f32", kernel.GeluF32)(n)
}

// rowsF32 lowers a function of rows along the last dimension.
func rowsF32(name string, run func(dst, src []float32, n int)) func(*node) (Step, error) {
	return func(n *node) (Step, error) {
		depth := 1
		if s := n.in(0).Shape; len(s) > 0 {
			depth = s[len(s)-1]
		}
		return n.unaryF32(name, func(dst, src []float32) { run(dst, src, depth) })
	}
}

// castFloat rounds towards zero and saturates; NaN gives the largest number (kernels/cast.cc).
func castFloat(n *node) (Step, error) {
	switch n.out().DType {
	case Int8:
		return mapTo(n, "cast", func(v float32) int8 { return int8(saturate(v, 7)) })
	case Uint8:
		return mapTo(n, "cast", func(v float32) uint8 { return uint8(max(saturate(v, 8), 0)) })
	case Int16:
		return mapTo(n, "cast", func(v float32) int16 { return int16(saturate(v, 15)) })
	case Int32:
		return mapTo(n, "cast", func(v float32) int32 { return int32(saturate(v, 31)) })
	case Int64:
		return mapTo(n, "cast", func(v float32) int64 { return saturate(v, 63) })
	case Float32:
		return mapTo(n, "cast", func(v float32) float32 { return v })
	case Bool:
		return mapTo(n, "cast", func(v float32) byte { return kernel.NotEqual(v, 0) })
	}
	return Step{}, unsupported("types %s", n.types())
}

// saturate converts to a number in [-2^bits, 2^bits).
func saturate(v float32, bits int) int64 {
	top := float32(math.Ldexp(1, bits))
	switch {
	case v >= top || v != v:
		return 1<<bits - 1
	case v < -top:
		return -1 << bits
	}
	return int64(v)
}
