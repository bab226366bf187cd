package graph

import "sort"

// span is a block of arena memory and the steps during which it is in use,
// both ends included.
type span struct {
	ref         *Ref
	size        int
	first, last int
}

func alignUp(n int) int { return (n + Align - 1) &^ (Align - 1) }

// layout gives every tensor and scratch block its place from base on and
// returns how many bytes they take. Inputs and outputs keep their bytes for the whole run, so that
// a caller can record what was decided on.
func (b *builder) layout(base int) (int, error) {
	if err := b.layoutCalls(); err != nil {
		return 0, err
	}
	spans := b.spans()
	// Largest first, each at the lowest gap among those alive with it: within
	// a few percent of optimal on real graphs (arXiv:2001.03288).
	sort.SliceStable(spans, func(i, j int) bool { return spans[i].size > spans[j].size })
	total := 0
	var placed []span // ordered by offset
	for _, s := range spans {
		if int64(s.size) > b.mem.Memory {
			return 0, b.mem.Take("arena", int64(s.size))
		}
		s.ref.off = gap(placed, s)
		if int64(s.ref.off) > b.mem.Memory {
			return 0, b.mem.Take("arena", int64(s.ref.off))
		}
		total = max(total, s.ref.off+alignUp(s.size))
		at := sort.Search(len(placed), func(i int) bool { return placed[i].ref.off >= s.ref.off })
		placed = append(placed, span{})
		copy(placed[at+1:], placed[at:])
		placed[at] = s
	}
	for _, s := range spans {
		s.ref.off += base
	}
	for i := range b.refs { // tensors that share another's bytes
		if r := b.root(i); r != i {
			size := b.refs[i].size
			*b.refs[i] = *b.refs[r]
			b.refs[i].size = size
		}
	}
	for _, c := range b.calls {
		c.b.shift(c.mem.off)
	}
	return total, nil
}

// gap returns the lowest offset where s fits beside the blocks in use at the
// same time.
func gap(placed []span, s span) int {
	at := 0
	for _, p := range placed {
		if p.last < s.first || p.first > s.last {
			continue
		}
		if p.ref.off >= at+alignUp(s.size) {
			break
		}
		at = max(at, p.ref.off+alignUp(p.size))
	}
	return at
}

func (b *builder) root(i int) int {
	for b.alias[i] != i {
		i = b.alias[i]
	}
	return i
}

// spans computes lifetimes, counted in nodes; graph inputs live from -1.
func (b *builder) spans() []span {
	end := len(b.g.Nodes)
	life := make([]span, len(b.g.Tensors))
	for i := range life {
		life[i] = span{first: end + 1, last: -1}
	}
	use := func(i, at int) {
		if i >= 0 {
			l := &life[b.root(i)]
			l.first, l.last = min(l.first, at), max(l.last, at)
		}
	}
	for _, i := range b.g.Inputs {
		use(i, -1)
		use(i, end)
	}
	for k := range b.g.Nodes {
		for _, i := range b.g.Nodes[k].In {
			use(i, k)
		}
		for _, i := range b.g.Nodes[k].Out {
			use(i, k)
		}
	}
	for _, i := range b.g.Outputs {
		use(i, end)
	}
	var spans []span
	for i := range b.g.Tensors {
		t := &b.g.Tensors[i]
		if t.Data != nil || t.DType == Resource || t.Variable {
			continue
		}
		b.refs[i].size = t.Size()
		if life[i].last >= 0 && b.root(i) == i {
			spans = append(spans, span{b.refs[i], t.Size(), life[i].first, life[i].last})
		}
	}
	for _, s := range b.scratch {
		s.ref.size = s.size
		last := s.at
		if s.kept {
			last = end
		}
		spans = append(spans, span{s.ref, s.size, s.at, last})
	}
	return spans
}
