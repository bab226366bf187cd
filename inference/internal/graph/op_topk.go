package graph

import (
	"fmt"
	"slices"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

func lowerTopK(n *node) (Step, error) {
	switch n.in(0).DType {
	case Float32:
		return topK[float32](n)
	case Int8:
		return topK[int8](n)
	case Uint8:
		return topK[uint8](n)
	case Int16:
		return topK[int16](n)
	case Int32:
		return topK[int32](n)
	case Int64:
		return topK[int64](n)
	}
	return Step{}, unsupported("types %s", n.types())
}

// topK lowers TOPK_V2 of one type; k is constant.
func topK[T kernel.Ordered](n *node) (Step, error) {
	return n.topBytes(func(values, src []byte, places, work []int32, size, k int) {
		kernel.TopK(viewOf[T](values), places, viewOf[T](src), size, k, work)
	})
}

func (n *node) topBytes(run func(values, src []byte, places, work []int32, size, k int)) (Step, error) {
	in := n.in(0)
	k, err := n.numbersOf(1, "k")
	if err != nil {
		return Step{}, err
	}
	rank := len(in.Shape)
	if k.count != 1 || len(n.n.Out) != 2 || rank == 0 {
		return Step{}, fmt.Errorf("%d numbers of the largest of %v", k.count, in.Shape)
	}
	values, places := n.out(), n.outAt(1)
	if err := n.moves(values, in); err != nil {
		return Step{}, err
	}
	want, set, err := n.largest(k)
	if err != nil {
		return Step{}, err
	}
	if places.DType != Int32 || !equal(values.Shape, want) || !equal(places.Shape, want) {
		return Step{}, unsupported("outputs %v and %s%v", values.Shape, places.DType, places.Shape)
	}
	if err := n.b.mem.Work(n.n.Name, int64(in.Elements())*16); err != nil {
		return Step{}, err
	}
	most, size := want[rank-1], n.countOf(0, rank-1)
	src, v, p, work, used := n.inRef(0), n.outRef(), n.outRefAt(1), n.scratch(most, 4), n.usedOf(0)
	return Step{
		Kernel: "top_k", Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) {
			size, k := size(mem), k.at(mem, 0)
			if k < 0 || k > min(size, most) {
				panic(kernel.ValueError{What: fmt.Sprintf("the %d largest of %d", k, size)})
			}
			set(mem, k)
			if k == 0 {
				return
			}
			run(v.Bytes(mem), used(mem, src.Bytes(mem)), i32(p.Bytes(mem)), i32(work.Bytes(mem)), size, k)
		},
	}, nil
}

// largest returns the shape of the k largest of each row, and what says how many
// these are where a run decides it: of one row alone.
func (n *node) largest(k numbers) (want []int, set func(mem []byte, k int), err error) {
	in := n.in(0)
	rank := len(in.Shape)
	want = slices.Clone(in.Shape)
	if k.ref == nil {
		if k.fixed[0] < 1 || k.fixed[0] > want[rank-1] {
			return nil, nil, fmt.Errorf("the %v largest of %v", k.fixed, in.Shape)
		}
		want[rank-1] = k.fixed[0]
		if r := n.rowsOf(0); r != nil && rank > 1 {
			return nil, nil, unsupported("the largest of a number of rows that only a run decides")
		}
		for i := range n.n.Out {
			if err := n.resolve(i, want); err != nil {
				return nil, nil, err
			}
		}
		return want, func([]byte, int) {}, nil
	}
	if rank > 1 {
		return nil, nil, unsupported("how many are the largest of several rows, which only a run decides")
	}
	if b := n.b.boundsOf(n.n.In[1]); b != nil {
		want[0] = min(want[0], max(b[0].hi, 0))
	}
	values, err := n.decided(0, want, 0)
	if err != nil {
		return nil, nil, err
	}
	places, err := n.decided(1, want, 0)
	return n.out().Shape, func(mem []byte, k int) { values(mem, k); places(mem, k) }, err
}
