package graph

import (
	"fmt"
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// lowerNMS lowers NON_MAX_SUPPRESSION_V4 and, with scores, _V5.
func lowerNMS(n *node) (Step, error) {
	soft := len(n.n.In) == 6
	outs := []DType{Int32, Int32}
	if soft {
		outs = []DType{Int32, Float32, Int32}
	}
	limit, err := n.numbersOf(2, "number of boxes")
	if err != nil {
		return Step{}, err
	}
	boxes, scores := n.in(0), n.in(1)
	if err := n.floats(boxes, scores, n.in(3), n.in(4), n.in(len(n.n.In)-1)); err != nil {
		return Step{}, err
	}
	if len(boxes.Shape) != 2 || boxes.Shape[1] != 4 || scores.Elements() != boxes.Shape[0] || limit.count != 1 || len(n.n.Out) != len(outs) {
		return Step{}, fmt.Errorf("boxes %v, scores %v, %d outputs", boxes.Shape, scores.Shape, len(n.n.Out))
	}
	for i := 3; i < len(n.n.In); i++ {
		if n.in(i).Elements() != 1 {
			return Step{}, fmt.Errorf("threshold of shape %v", n.in(i).Shape)
		}
	}
	b := n.b.boundsOf(n.n.In[2])
	if b == nil || b[0].open() {
		return Step{}, unsupported("a number of boxes of which nothing is known before the run")
	}
	most := b[0].hi
	if most < 0 || most > math.MaxInt16 {
		return Step{}, unsupported("%d boxes", most)
	}
	count := len(outs) - 1
	set, err := n.suppressed(limit, most, count)
	if err != nil {
		return Step{}, err
	}
	for i, d := range outs {
		want := most
		if i == count {
			want = 1
		}
		if t := n.outAt(i); t.DType != d || t.Elements() != want {
			return Step{}, fmt.Errorf("output %d: %s%v", i, t.DType, t.Shape)
		}
	}
	n.b.bounds[n.n.Out[count]] = []bounds{{0, most}}
	if err := n.b.mem.Work(n.n.Name, int64(boxes.Shape[0])*int64(most+32)); err != nil {
		return Step{}, err
	}
	rows, used := n.countOf(0, 0), n.usedOf(1)
	work := n.scratch(boxes.Shape[0], 12)
	s := n.bindSignal("non_max_suppression", func(in, out []*Ref, mem []byte) {
		l := kernel.NMSLimits{IoU: f32(in[3].Bytes(mem))[0], Score: f32(in[4].Bytes(mem))[0]}
		var kept []float32
		if soft {
			l.Sigma, kept = f32(in[5].Bytes(mem))[0], f32(out[1].Bytes(mem))
		}
		m := kernel.NMS{Max: limit.at(mem, 0)}
		if m.Max < 0 || m.Max > most {
			panic(kernel.ValueError{What: fmt.Sprintf("%d boxes", m.Max)})
		}
		list := f32(used(mem, in[1].Bytes(mem)))
		if len(list) != rows(mem) {
			panic(kernel.ValueError{What: fmt.Sprintf("%d boxes, %d scores", rows(mem), len(list))})
		}
		set(mem, m.Max)
		found := m.Run(i32(out[0].Bytes(mem)), kept, f32(in[0].Bytes(mem)), list, l, viewOf[kernel.Pending](work.Bytes(mem)))
		i32(out[count].Bytes(mem))[0] = int32(found)
	})
	s.Rule = ruleTFLite
	return s, nil
}

// suppressed gives the outputs of a suppression their shapes, the last of which is
// a number, and returns what says how long they are where a run decides it.
func (n *node) suppressed(limit numbers, most, count int) (set func(mem []byte, count int), err error) {
	for _, i := range []int{0, 1} {
		if r := n.rowsOf(i); r != nil && (r.axis != 0 || len(n.in(1).Shape) != 1) {
			return nil, unsupported("boxes %v, scores %v", n.in(0).Shape, n.in(1).Shape)
		}
	}
	if err := n.resolve(count, nil); err != nil {
		return nil, err
	}
	set = func([]byte, int) {}
	for i := range count {
		if limit.ref == nil {
			if err := n.resolve(i, []int{most}); err != nil {
				return nil, err
			}
			continue
		}
		one, err := n.decided(i, []int{most}, 0)
		if err != nil {
			return nil, err
		}
		before := set
		set = func(mem []byte, count int) { before(mem, count); one(mem, count) }
	}
	return set, nil
}
