package graph

import "fmt"

// maxDepth bounds subgraphs that call subgraphs.
const maxDepth = 16

// call is a subgraph planned for one node that calls it: its tensors lie in a
// block of the caller's memory.
type call struct {
	b     *builder
	steps []Step
	work  int64 // that one turn is charged
	at    int   // index of the node in the caller
	mem   *Ref  // the block, in the caller
}

// call plans subgraph index for this node with the given operands. An operand
// that is fixed and a constant is one in the subgraph too.
func (n *node) call(index int32, args []int, fixed func(i int) bool) (*call, error) {
	m := n.b.model
	switch {
	case index < 0 || int(index) >= len(m.Subgraphs):
		return nil, fmt.Errorf("subgraph %d of %d", index, len(m.Subgraphs))
	case n.b.depth == maxDepth:
		return nil, fmt.Errorf("subgraphs call each other more than %d deep", maxDepth)
	}
	s := &m.Subgraphs[index]
	// A file names a subgraph in a few bytes; each call takes real memory.
	if err := n.b.hold("subgraph", 1024*(len(s.Tensors)+len(s.Operators))); err != nil {
		return nil, err
	}
	g, err := build(m, int(index), n.b.mem, n.b.un)
	if err != nil {
		return nil, fmt.Errorf("subgraph %d: %w", index, err)
	}
	if len(g.Inputs) != len(args) {
		return nil, fmt.Errorf("subgraph %d takes %d values, not %d", index, len(g.Inputs), len(args))
	}
	c := &call{b: newBuilder(m, g, n.b.mem, n.b.un, n.b.vars), at: n.at, mem: new(Ref)}
	c.b.depth = n.b.depth + 1
	for i, a := range args {
		if err := c.bind(n.b, g.Inputs[i], a, fixed(i)); err != nil {
			return nil, fmt.Errorf("subgraph %d, input %d: %w", index, i, err)
		}
	}
	before := n.b.mem.Steps
	if c.steps, err = c.b.lower(); err != nil {
		return nil, fmt.Errorf("subgraph %d: %w", index, err)
	}
	c.work = before - n.b.mem.Steps
	n.b.calls = append(n.b.calls, c)
	return c, nil
}

// bind gives input to of the subgraph what operand from of the caller is.
func (c *call) bind(caller *builder, to, from int, fixed bool) error {
	if from < 0 {
		return fmt.Errorf("left out")
	}
	in, arg := &c.b.g.Tensors[to], &caller.g.Tensors[from]
	if in.DType != arg.DType || !sameShape(in.Shape, arg.Shape) {
		return unsupported("%s%v for %s%v", arg.DType, arg.Shape, in.DType, in.Shape)
	}
	if fixed && arg.Data != nil {
		in.Data, in.Sparse, in.Packed4 = arg.Data, arg.Sparse, arg.Packed4
	}
	if h := caller.handles[from]; h != nil {
		c.b.handles[to] = h
	}
	return nil
}

// sameShape tells whether shapes are equal but for dimensions of 1 before a
// scalar.
func sameShape(a, b []int) bool {
	return equal(a, b) || len(a)+len(b) == 1 && product(a) == 1 && product(b) == 1
}

// copies moves values from one list of tensors to another.
type copies struct{ to, from []*Ref }

func (m *copies) run(mem []byte) {
	for i, to := range m.to {
		copy(to.Bytes(mem), m.from[i].Bytes(mem))
	}
}

// feed copies the caller's operands to the subgraph's inputs.
func (c *call) feed(caller *builder, args []int) *copies {
	m := &copies{}
	for i, a := range args {
		to := c.b.g.Inputs[i]
		if t := &c.b.g.Tensors[to]; t.Data != nil || t.DType == Resource {
			continue
		}
		caller.direct[a] = true
		m.to, m.from = append(m.to, c.b.refs[to]), append(m.from, caller.refs[a])
	}
	return m
}

// fetch copies the subgraph's outputs to tensors of the caller, whose shapes it
// demands.
func (c *call) fetch(caller *builder, outs []int) (*copies, error) {
	if len(outs) != len(c.b.g.Outputs) {
		return nil, fmt.Errorf("%d outputs, the subgraph has %d", len(outs), len(c.b.g.Outputs))
	}
	m := &copies{}
	for i, o := range outs {
		from := c.b.g.Outputs[i]
		to, t := &caller.g.Tensors[o], &c.b.g.Tensors[from]
		if to.DType == Resource {
			if h := c.b.handles[from]; h != nil {
				caller.handles[o] = h
			}
			continue
		}
		if to.Unknown {
			to.Shape, to.Unknown = t.Shape, false
		}
		if to.DType != t.DType || !sameShape(to.Shape, t.Shape) {
			return nil, unsupported("output %s%v from %s%v", to.DType, to.Shape, t.DType, t.Shape)
		}
		m.to, m.from = append(m.to, caller.refs[o]), append(m.from, c.b.refs[from])
	}
	return m, nil
}

// macs adds up what the subgraph's steps multiply.
func (c *call) macs() (n int64) {
	for i := range c.steps {
		n += c.steps[i].MACs
	}
	return n
}

// layoutCalls lays out the subgraphs that nodes call, each in a block of its
// own that is in use while the node runs.
func (b *builder) layoutCalls() error {
	for _, c := range b.calls {
		if err := c.b.constants(); err != nil {
			return err
		}
		size, err := c.b.layout(0)
		if err != nil {
			return err
		}
		b.packed += c.b.packed
		b.scratch = append(b.scratch, scratch{at: c.at, size: size, ref: c.mem})
	}
	return nil
}

// shift moves a laid out graph and those it calls.
func (b *builder) shift(by int) {
	for i, r := range b.refs {
		if !b.g.Tensors[b.root(i)].Variable && r.data == nil {
			r.off += by
		}
	}
	for _, s := range b.scratch {
		s.ref.off += by
	}
	for _, c := range b.calls {
		c.b.shift(by)
	}
}

// allPackers returns the packers of a graph and of those it calls, and the bytes they
// take.
func (b *builder) allPackers() (list []packer, size int) {
	list, size = b.packers, b.toPack
	for _, c := range b.calls {
		more, n := c.b.allPackers()
		list, size = append(list, more...), size+n
	}
	return list, size
}
