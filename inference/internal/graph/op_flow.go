package graph

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// maxOperands bounds the operands of a subgraph, and of what joins parts.
const maxOperands = 1 << 12

// turn is what a step, or asking, costs in a turn of a loop beside its work: about
// the time of as many multiplications.
const turn = 256

// flow returns the operators that run subgraphs.
func flow(op tflite.Op) (lowering, bool) {
	l := lowering{in: [2]int{1, maxOperands}, maxVersion: 1, many: true}
	switch op {
	case tflite.IF:
		l.lower = lowerIf
	case tflite.WHILE:
		l.lower = lowerWhile
	case tflite.STABLEHLO_COMPOSITE:
		l.in[0], l.lower = 0, lowerComposite
	}
	return l, l.lower != nil
}

// lowerComposite runs the subgraph that says in operators what the composite
// does.
func lowerComposite(n *node) (Step, error) {
	c, err := n.call(n.n.Opt2.Int32(1, 0), n.n.In, func(int) bool { return true })
	if err != nil {
		return Step{}, err
	}
	feed := c.feed(n.b, n.n.In)
	fetch, err := c.fetch(n.b, n.n.Out)
	if err != nil {
		return Step{}, err
	}
	return Step{
		Kernel: "composite", Tier: kernel.TierGeneric, Rule: ruleExact, MACs: c.macs(),
		Flow: func(x *Exec, mem []byte) error {
			feed.run(mem)
			if err := x.Steps(c.steps, mem); err != nil {
				return err
			}
			fetch.run(mem)
			return nil
		},
	}, nil
}

// lowerIf runs one of two subgraphs.
func lowerIf(n *node) (Step, error) {
	if t := n.in(0); t.DType != Bool || t.Elements() != 1 {
		return Step{}, fmt.Errorf("condition %s%v", t.DType, t.Shape)
	}
	args := n.n.In[1:]
	var branch [2]struct {
		c           *call
		feed, fetch *copies
	}
	var macs int64
	for i := range branch { // first the one for true
		c, err := n.call(n.n.Opt.Int32(i, 0), args, func(int) bool { return true })
		if err != nil {
			return Step{}, err
		}
		branch[i].c, branch[i].feed = c, c.feed(n.b, args)
		if branch[i].fetch, err = c.fetch(n.b, n.n.Out); err != nil {
			return Step{}, err
		}
		macs = max(macs, c.macs())
	}
	condition := n.inRef(0)
	return Step{
		Kernel: "if", Tier: kernel.TierGeneric, Rule: ruleExact, MACs: macs,
		Flow: func(x *Exec, mem []byte) error {
			b := &branch[1]
			if condition.Bytes(mem)[0] != 0 {
				b = &branch[0]
			}
			b.feed.run(mem)
			if err := x.Steps(b.c.steps, mem); err != nil {
				return err
			}
			b.fetch.run(mem)
			return nil
		},
	}, nil
}

// lowerWhile runs a body as long as a condition holds. What turns begin with is
// in the node's outputs.
func lowerWhile(n *node) (Step, error) {
	if n.b.vars.initializing {
		return Step{}, unsupported("a loop that sets variables before the first run")
	}
	if len(n.n.In) != len(n.n.Out) {
		return Step{}, fmt.Errorf("%d inputs, %d outputs", len(n.n.In), len(n.n.Out))
	}
	keep, err := n.kept(n.n.Opt.Int32(1, 0))
	if err != nil {
		return Step{}, err
	}
	cond, err := n.call(n.n.Opt.Int32(0, 0), n.n.In, keep)
	if err != nil {
		return Step{}, err
	}
	body, err := n.call(n.n.Opt.Int32(1, 0), n.n.In, keep)
	if err != nil {
		return Step{}, err
	}
	if o := cond.b.g.Outputs; len(o) != 1 || cond.b.g.Tensors[o[0]].DType != Bool || cond.b.g.Tensors[o[0]].Elements() != 1 {
		return Step{}, fmt.Errorf("the condition is not one bool")
	}
	begin, err := n.carry()
	if err != nil {
		return Step{}, err
	}
	fetch, err := body.fetch(n.b, n.n.Out)
	if err != nil {
		return Step{}, err
	}
	ask, feed := cond.feed(n.b, n.n.In), body.feed(n.b, n.n.Out)
	again := cond.feedFrom(body)
	fetch.handOn(n, body)
	goOn, cost := cond.b.refs[cond.b.g.Outputs[0]], cond.work+body.work+turn*int64(1+len(cond.steps)+len(body.steps))
	return Step{
		Kernel: "while", Tier: kernel.TierGeneric, Rule: ruleExact, MACs: cond.macs() + body.macs(),
		Flow: func(x *Exec, mem []byte) error {
			ask.run(mem)
			begin.run(mem)
			for {
				if err := x.Steps(cond.steps, mem); err != nil {
					return err
				}
				if goOn.Bytes(mem)[0] == 0 {
					return nil
				}
				if err := x.charge(cost); err != nil {
					return err
				}
				feed.run(mem)
				if err := x.Steps(body.steps, mem); err != nil {
					return err
				}
				again.run(mem)
				fetch.run(mem)
			}
		},
	}, nil
}

// feedFrom copies what a turn of the body leaves to the condition's inputs.
func (c *call) feedFrom(body *call) *copies {
	m := &copies{}
	for i, to := range c.b.g.Inputs {
		if t := &c.b.g.Tensors[to]; t.Data == nil && t.DType != Resource && i < len(body.b.g.Outputs) {
			m.to, m.from = append(m.to, c.b.refs[to]), append(m.from, body.b.refs[body.b.g.Outputs[i]])
		}
	}
	return m
}

// handOn follows LiteRT where a body gives back an input as another value than
// it was: there the body's inputs are the node's outputs, which are written in
// order, so that a value handed to a later place is already that of the next
// turn (kernels/while.cc, Eval_static).
func (m *copies) handOn(n *node, body *call) {
	for k, from := range m.from {
		for j, in := range body.b.g.Inputs {
			if from == body.b.refs[in] && body.b.g.Tensors[in].Data == nil {
				m.from[k] = n.outRefAt(j)
			}
		}
	}
}

// kept tells which values the body of a loop hands on as they are.
func (n *node) kept(body int32) (func(i int) bool, error) {
	m := n.b.model
	if body < 0 || int(body) >= len(m.Subgraphs) {
		return nil, fmt.Errorf("subgraph %d of %d", body, len(m.Subgraphs))
	}
	s := &m.Subgraphs[body]
	return func(i int) bool {
		return i < len(s.Inputs) && i < len(s.Outputs) && s.Inputs[i] == s.Outputs[i]
	}, nil
}

// carry copies a loop's inputs to its outputs, of the same types and shapes.
func (n *node) carry() (*copies, error) {
	m := &copies{}
	for i, in := range n.n.In {
		if in < 0 {
			return nil, fmt.Errorf("input %d is left out", i)
		}
		from, to := n.in(i), n.outAt(i)
		if to.Unknown {
			to.Shape, to.Unknown = from.Shape, false
		}
		if from.DType != to.DType || !sameShape(from.Shape, to.Shape) {
			return nil, unsupported("value %d grows from %s%v to %s%v", i, from.DType, from.Shape, to.DType, to.Shape)
		}
		if h := n.b.handles[in]; h != nil {
			n.b.handles[n.n.Out[i]] = h
		}
		if from.DType != Resource {
			m.to, m.from = append(m.to, n.outRefAt(i)), append(m.from, n.inRef(i))
		}
	}
	return m, nil
}
