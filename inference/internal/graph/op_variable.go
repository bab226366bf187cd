package graph

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// variable is state that lives in the arena from one run to the next.
type variable struct {
	name  string
	dtype DType
	shape []int
	ref   Ref
	read  bool // by a run
	set   bool // by the initializing subgraph
	fill  byte // every byte after a reset
}

// variables is the state of a model, shared by its graphs.
type variables struct {
	byName       map[string]*variable
	order        []*variable
	init         int   // subgraph that CALL_ONCE names, or -1
	initializing bool  // that subgraph is being lowered
	fold         int64 // steps that may still be run while planning
}

// place gives every variable its bytes and returns how many they take.
func (v *variables) place() int {
	at := 0
	for _, x := range v.order {
		x.ref.off = at
		at += alignUp(x.ref.size)
	}
	return at
}

// state adds memory of an operator's own that is zero after a reset.
func (v *variables) state(size int) *variable {
	x := &variable{dtype: Uint8, shape: []int{size}, ref: Ref{size: size}}
	v.order = append(v.order, x)
	return x
}

// fills returns the steps that set state which does not begin as zeros.
func (v *variables) fills() (steps []Step) {
	for _, x := range v.order {
		if x.fill == 0 {
			continue
		}
		steps = append(steps, Step{Op: "variable", Kernel: "fill", Tier: kernel.TierGeneric, Rule: ruleExact, Run: func(mem []byte) {
			for b := x.ref.Bytes(mem); len(b) > 0; b = b[1:] {
				b[0] = x.fill
			}
		}})
	}
	return steps
}

// check refuses a variable that is read but that nothing ever initializes:
// LiteRT fails on it at run time.
func (v *variables) check(un *UnsupportedError) {
	for _, x := range v.order {
		if x.read && !x.set {
			un.add("variable %q has no initial value", x.name)
		}
	}
}

// lowerCallOnce notes which subgraph initializes the variables.
func lowerCallOnce(n *node) (Step, error) {
	v := n.b.vars
	if v.initializing || v.init >= 0 {
		return Step{}, unsupported("a second one")
	}
	v.init = int(n.n.Opt.Int32(0, 0))
	if v.init < 0 {
		return Step{}, fmt.Errorf("subgraph %d", v.init)
	}
	return Step{}, nil
}

// lowerVarHandle binds a resource tensor to the variable of its name.
func lowerVarHandle(n *node) (Step, error) {
	if d := n.out().DType; d != Resource {
		return Step{}, fmt.Errorf("handle of type %s", d)
	}
	name := n.n.Opt.String(0) + "/" + n.n.Opt.String(1)
	v := n.b.vars
	x := v.byName[name]
	if x == nil {
		x = &variable{name: name}
		v.byName[name] = x
		v.order = append(v.order, x)
	}
	n.b.handles[n.n.Out[0]] = x
	return Step{}, nil
}

// variable returns the variable behind input 0, whose values have the type and
// shape of t.
func (n *node) variable(t *Tensor) (*variable, error) {
	x := n.b.handles[n.n.In[0]]
	if x == nil {
		return nil, unsupported("a handle that no VAR_HANDLE makes")
	}
	if x.shape == nil {
		x.dtype, x.shape, x.ref.size = t.DType, append([]int{}, t.Shape...), t.Size()
	}
	if x.dtype != t.DType || !equal(x.shape, t.Shape) {
		return nil, fmt.Errorf("variable %q: %s%v and %s%v", x.name, x.dtype, x.shape, t.DType, t.Shape)
	}
	return x, nil
}

func lowerReadVariable(n *node) (Step, error) {
	x, err := n.variable(n.out())
	if err != nil {
		return Step{}, err
	}
	x.read = x.read || !n.b.vars.initializing
	dst := n.outRef()
	return Step{
		Kernel: "read_variable", Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) { copy(dst.Bytes(mem), x.ref.Bytes(mem)) },
	}, nil
}

func lowerAssignVariable(n *node) (Step, error) {
	x, err := n.variable(n.in(1))
	if err != nil {
		return Step{}, err
	}
	x.set = x.set || n.b.vars.initializing
	src := n.inRef(1)
	return Step{
		Kernel: "assign_variable", Tier: kernel.TierGeneric, Rule: ruleExact,
		Run: func(mem []byte) { copy(x.ref.Bytes(mem), src.Bytes(mem)) },
	}, nil
}
