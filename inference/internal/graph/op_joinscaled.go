package graph

import "github.com/dunlin-edge/dunlin/inference/internal/kernel"

// joinScaled is a concatenation of uint8, whose inputs may be quantized
// differently: those are first mapped into scratch memory. LiteRT does so for
// uint8 alone.
func (n *node) joinScaled(axis int, parts []*Tensor, extent func(i int) int) (Step, error) {
	out := n.out()
	type mapped struct {
		table    *kernel.Map8
		src, dst *Ref
	}
	var tables []mapped
	from := make([]*Ref, len(parts))
	for i, t := range parts {
		if t.DType != out.DType {
			return Step{}, unsupported("types %s and %s", t.DType, out.DType)
		}
		from[i] = n.inRef(i)
		if t.Scale() == out.Scale() && t.Zero() == out.Zero() {
			continue
		}
		if err := n.quantized(t, out); err != nil {
			return Step{}, err
		}
		if err := n.b.hold("table", 768); err != nil {
			return Step{}, err
		}
		table := kernel.NewRescale8(side(t), out.Scale(), n.wholeRange())
		from[i] = n.scratch(t.Elements(), 1)
		tables = append(tables, mapped{table, n.inRef(i), from[i]})
	}
	s := n.join("concatenation", axis, extent, func(i int) *Ref { return from[i] })
	if len(tables) == 0 {
		return s, nil
	}
	move := s.Run
	s.Kernel, s.Tier, s.Rule = "concatenation_qu8", tables[0].table.Tier(), ruleTFLite
	s.Run = func(mem []byte) {
		for _, m := range tables {
			m.table.Run(m.dst.Bytes(mem), m.src.Bytes(mem))
		}
		move(mem)
	}
	return s, nil
}
