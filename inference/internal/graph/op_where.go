package graph

import (
	"encoding/binary"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// lowerWhere lists where a condition holds. A run decides how many places these
// are: then they are an output of the model, or what follow takes on.
func lowerWhere(n *node) (Step, error) {
	in, out := n.in(0), n.out()
	switch in.DType {
	case Bool, Float32, Int64, Int32, Int8, Uint8, Uint32:
	default:
		return Step{}, unsupported("types %s", n.types())
	}
	if out.DType != Int64 || len(in.Shape) == 0 {
		return Step{}, unsupported("types %s, shape %v", n.types(), in.Shape)
	}
	size, float, shape := in.DType.Size(), in.DType == Float32, in.Shape
	out.Unknown = true
	if in.Data != nil {
		count := kernel.Where(nil, in.Data, size, float, shape)
		if err := n.resolve(0, []int{count, len(shape)}); err != nil {
			return Step{}, err
		}
	} else if err := n.bounded(in.Elements(), len(shape)); err != nil {
		return Step{}, err
	}
	src, dst, rows := n.inRef(0), n.outRef(), n.b.rows[n.n.Out[0]]
	return Step{
		Kernel: "where", Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) {
			places := viewOf[int64](dst.Bytes(mem))
			count := kernel.Where(places, src.Bytes(mem), size, float, shape)
			if rows != nil {
				clear(places[count*len(shape):]) // indices too, of what nobody sees
				binary.LittleEndian.PutUint32(rows.Bytes(mem), uint32(count))
			}
		},
	}, nil
}

// bounded makes room for most rows and a count of those that a run fills.
func (n *node) bounded(most, width int) error {
	if n.b.depth > 0 {
		return unsupported("operators that read a shape which only a run decides")
	}
	if err := n.resolve(0, []int{most, width}); err != nil {
		return err
	}
	rows := n.scratch(1, 4)
	last := &n.b.scratch[len(n.b.scratch)-1]
	last.kept = true
	n.b.rows[n.n.Out[0]] = rows
	return nil
}

// follow makes the output of an operator have as many rows as its operand, where
// a run decides how many these are: it computes the most there can be, each row by
// itself.
func (n *node) follow() error {
	operand, shape := -1, []int(nil)
	for k, i := range n.n.In {
		if i >= 0 && n.b.rows[i] != nil {
			if operand >= 0 {
				return unsupported("operators that read a shape which only a run decides")
			}
			operand = k
		}
	}
	if operand < 0 {
		return nil
	}
	in := n.in(operand)
	switch op := n.n.Op; {
	case op == tflite.CAST:
		shape = in.Shape
	case op == tflite.SQUEEZE && len(in.Shape) == 2 && in.Shape[1] == 1:
		shape = in.Shape[:1]
	case op == tflite.RESHAPE && operand == 0:
		to := ints(n.n.Opt.Int32s(0))
		if n.in(1) != nil {
			var err error
			if to, err = n.staticInts(1, "shape"); err != nil {
				return err
			}
		}
		if len(to) == 0 || len(to) > tflite.MaxRank || to[0] != -1 || product(to[1:]) != product(in.Shape[1:]) {
			return unsupported("shape %v of a number of rows which only a run decides", to)
		}
		shape = append([]int{in.Shape[0]}, to[1:]...)
	case op == tflite.GATHER && operand == 1 && n.n.Opt.Int32(0, 0) == 0 && n.n.Opt.Int32(1, 0) == 0 && len(n.in(0).Shape) > 0:
		shape = append(append([]int{}, in.Shape...), n.in(0).Shape[1:]...)
	case op == tflite.GATHER_ND && operand == 1 && len(in.Shape) == 2 && in.Shape[1] <= len(n.in(0).Shape):
		shape = append([]int{in.Shape[0]}, n.in(0).Shape[in.Shape[1]:]...)
	default:
		return unsupported("operators that read a shape which only a run decides")
	}
	n.out().Unknown = true
	if err := n.resolve(0, shape); err != nil {
		return err
	}
	n.b.rows[n.n.Out[0]] = n.b.rows[n.n.In[operand]]
	return nil
}
