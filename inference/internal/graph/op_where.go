package graph

import (
	"encoding/binary"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// lowerWhere lists where a condition holds. A run decides how many places these
// are: then they are an output of the model, and nothing computes with them.
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
			count := kernel.Where(viewOf[int64](dst.Bytes(mem)), src.Bytes(mem), size, float, shape)
			if rows != nil {
				binary.LittleEndian.PutUint32(rows.Bytes(mem), uint32(count))
			}
		},
	}, nil
}

// bounded makes room for most rows of an output of the model and a count of
// those that a run fills.
func (n *node) bounded(most, width int) error {
	o := n.n.Out[0]
	if n.b.depth > 0 || !n.b.onlyOutput(o) {
		return unsupported("operators that read a shape which only a run decides")
	}
	if err := n.resolve(0, []int{most, width}); err != nil {
		return err
	}
	rows := n.scratch(1, 4)
	last := &n.b.scratch[len(n.b.scratch)-1]
	last.kept = true
	n.b.rows[o] = rows
	return nil
}

// onlyOutput tells whether a tensor is an output of the graph and no operand.
func (b *builder) onlyOutput(o int) bool {
	for k := range b.g.Nodes {
		for _, i := range b.g.Nodes[k].In {
			if i == o {
				return false
			}
		}
	}
	for _, i := range b.g.Outputs {
		if i == o {
			return true
		}
	}
	return false
}
