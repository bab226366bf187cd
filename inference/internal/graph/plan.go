package graph

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// Plan is an immutable, flat list of steps over one arena. Sessions share it;
// each brings its own arena of ArenaSize bytes, aligned to Align.
type Plan struct {
	Steps     []Step // of one run
	Init      []Step // set the variables; once, before the first run
	ArenaSize int
	StateSize int   // of it, from the beginning: what lives from one run to the next
	Packed    int64 // bytes of weights and constants the plan holds
	Inputs    []Value
	Outputs   []Value
	room      *kernel.Room // what the steps read
	left      int64        // steps that loops may take in one run
}

// Align is the alignment of the arena and of every tensor in it.
const Align = 64

// Step is one bound operator.
type Step struct {
	Node   int    // position in the file
	Op     string // as TFLite prints it
	Kernel string // which implementation runs
	Tier   string // instruction set it was written for
	Rule   string // whose arithmetic it follows
	MACs   int64
	Run    func(mem []byte) // mem is the session's arena
	// Flow stands in for Run where a step runs subgraphs.
	Flow func(x *Exec, mem []byte) error

	// Part, unless nil, computes part i of n once Prepare is done: all of them, in
	// any order and at the same time by different workers, do what Run does.
	Prepare func(mem []byte)
	Part    func(mem []byte, worker, i, n int)
}

// runs tells whether there is anything to do.
func (s *Step) runs() bool { return s.Run != nil || s.Flow != nil }

// Value is a graph input or output and where it is.
type Value struct {
	Tensor *Tensor
	Ref    Ref
	// Rows, unless nil, is where a run leaves an int32: how many places of
	// dimension Axis its values take. The dimensions before it are 1.
	Rows *Ref
	Axis int
}

// A Ref is where a tensor's bytes are: in the arena, or a constant held by
// the plan.
type Ref struct {
	off, size int
	data      []byte
}

// Bytes returns the tensor's bytes in the given arena.
func (r Ref) Bytes(mem []byte) []byte {
	if r.data != nil {
		return r.data
	}
	return mem[r.off : r.off+r.size : r.off+r.size]
}

// builder carries what lowering one graph needs.
type builder struct {
	model   *tflite.Model
	depth   int // of subgraphs that call this one
	calls   []*call
	g       *Graph
	mem     *Budget
	un      *UnsupportedError
	vars    *variables
	handles map[int]*variable // what a resource tensor stands for
	refs    []*Ref
	alias   []int  // tensor whose bytes this one shares, or itself
	direct  []bool // constants that steps read as they are, not packed
	scratch []scratch
	rows    map[int]*rows    // of tensors that have a dimension which a run decides
	bounds  map[int][]bounds // of short integer tensors that a run computes
	packers []packer
	toPack  int // bytes of what packers take
	packed  int64
}

func newBuilder(m *tflite.Model, g *Graph, mem *Budget, un *UnsupportedError, vars *variables) *builder {
	n := len(g.Tensors)
	b := &builder{
		model: m, g: g, mem: mem, un: un, vars: vars, handles: map[int]*variable{}, rows: map[int]*rows{}, bounds: map[int][]bounds{},
		refs: make([]*Ref, n), alias: make([]int, n), direct: make([]bool, n),
	}
	for i := range g.Tensors {
		b.refs[i], b.alias[i] = new(Ref), i
		if t := &g.Tensors[i]; t.Variable {
			x := vars.state(t.Size())
			if t.DType == Int8 {
				x.fill = byte(t.Zero())
			}
			b.refs[i] = &x.ref
		}
	}
	return b
}

// scratch is arena memory that a node needs only while it runs.
type scratch struct {
	at   int // index in Graph.Nodes
	size int
	ref  *Ref
	kept bool // to the end of the run
}

// New plans subgraph index of a model. Everything it cannot run is collected in
// one *UnsupportedError.
func New(m *tflite.Model, index int, mem *Budget) (*Plan, error) {
	var un UnsupportedError
	vars := &variables{byName: map[string]*variable{}, init: -1, fold: maxFold}
	p := &Plan{}
	main, err := lowerSubgraph(m, index, mem, &un, vars, &p.Steps)
	if err != nil {
		return nil, err
	}
	builders := []*builder{main}
	if vars.init >= 0 {
		if vars.init == index || vars.init >= len(m.Subgraphs) {
			return nil, fmt.Errorf("CALL_ONCE of subgraph %d of %d", vars.init, len(m.Subgraphs))
		}
		vars.initializing = true
		init, err := lowerSubgraph(m, vars.init, mem, &un, vars, &p.Init)
		if err != nil {
			return nil, fmt.Errorf("subgraph %d: %w", vars.init, err)
		}
		builders = append(builders, init)
	}
	p.Init = append(vars.fills(), p.Init...)
	vars.check(&un)
	if err := un.orNil(); err != nil {
		return nil, err
	}
	if err := p.place(builders, vars); err != nil {
		return nil, err
	}
	var packers []packer
	size := 0
	for _, b := range builders {
		list, n := b.allPackers()
		packers, size = append(packers, list...), size+n
	}
	p.room = packAll(packers, size)
	p.left = mem.Steps
	return p, nil
}

// piecesPerLayer is how many pieces of memory a layer takes at most.
const piecesPerLayer = 3

// packThreads is how many layers are packed at the same time. That begins no run,
// so it is no matter of a session's threads; a core that others keep busy takes less.
const packThreads = 4

// packAll packs every layer to size bytes, the last ones first: they tend to be the
// largest.
func packAll(list []packer, size int) *kernel.Room {
	room := kernel.NewRoom(size, piecesPerLayer*len(list))
	var left atomic.Int32
	left.Store(int32(len(list)))
	work := func() {
		for i := left.Add(-1); i >= 0; i = left.Add(-1) {
			list[i].Pack(room)
		}
	}
	var wg sync.WaitGroup
	for range min(packThreads, runtime.GOMAXPROCS(0), len(list)) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
	return room
}

func lowerSubgraph(m *tflite.Model, index int, mem *Budget, un *UnsupportedError, vars *variables, steps *[]Step) (*builder, error) {
	g, err := build(m, index, mem, un)
	if err != nil {
		return nil, err
	}
	b := newBuilder(m, g, mem, un, vars)
	*steps, err = b.lower()
	return b, err
}

// place lays out the arena: variables first, then the tensors of each graph in
// the same place, since the graphs never run together.
func (p *Plan) place(builders []*builder, vars *variables) error {
	state := vars.place()
	mem := builders[0].mem
	if err := mem.Take("variables", int64(state)); err != nil {
		return err
	}
	size := 0
	for _, b := range builders {
		if err := b.constants(); err != nil {
			return err
		}
		n, err := b.layout(state)
		if err != nil {
			return err
		}
		size = max(size, n)
		p.Packed += b.packed
	}
	p.ArenaSize, p.StateSize = state+size, state
	main := builders[0]
	for _, i := range main.g.Inputs {
		p.Inputs = append(p.Inputs, Value{Tensor: &main.g.Tensors[i], Ref: *main.refs[i]})
	}
	for _, i := range main.g.Outputs {
		v := Value{Tensor: &main.g.Tensors[i], Ref: *main.refs[i]}
		if r := main.rows[i]; r != nil {
			v.Rows, v.Axis = r.count, r.axis
		}
		p.Outputs = append(p.Outputs, v)
	}
	return mem.Take("arena", int64(size))
}

// lower turns nodes to steps and collects all that is unsupported. A node
// that only renames bytes makes no step.
func (b *builder) lower() ([]Step, error) {
	un := b.un
	var steps []Step
	for k := range b.g.Nodes {
		n := &b.g.Nodes[k]
		op, ok := b.lookup(n)
		if !ok {
			un.add("operator %s version %d", n.Name, n.Version)
			continue
		}
		s, err := b.lowerNode(op, n, k)
		var u *UnsupportedError
		switch {
		case errors.As(err, &u):
			for _, p := range u.Problems {
				un.add("%s: %s", n.Name, p)
			}
		case err != nil:
			return nil, fmt.Errorf("node %d %s: %w", n.Index, n.Name, err)
		case s.runs():
			steps = append(steps, s)
		}
	}
	return steps, nil
}

func (b *builder) lowerNode(op lowering, n *Node, at int) (Step, error) {
	if n.Version > op.maxVersion {
		return Step{}, unsupported("version %d, the engine knows up to %d", n.Version, op.maxVersion)
	}
	if len(n.In) < op.in[0] || len(n.In) > op.in[1] || len(n.Out) != 1 && !op.many {
		return Step{}, fmt.Errorf("%d inputs and %d outputs", len(n.In), len(n.Out))
	}
	needed := n.In[:op.in[0]]
	if op.in[1] == maxOperands {
		needed = n.In
	}
	for _, i := range needed {
		if i < 0 {
			return Step{}, errors.New("a required input is left out")
		}
	}
	if err := b.sparseInputs(n); err != nil {
		return Step{}, err
	}
	x := &node{b: b, n: n, at: at}
	if err := x.follow(); err != nil {
		return Step{}, err
	}
	if err := b.known(n); err != nil {
		return Step{}, err
	}
	m := b.mark(n)
	s, err := op.lower(x)
	if err == nil {
		err = n.Opt.Err()
	}
	if err == nil {
		x.agree(&s)
		x.bound()
	}
	work := s.MACs
	for _, o := range n.Out {
		if err == nil && b.g.Tensors[o].Unknown {
			err = unsupported("dynamic shape of output %q", b.g.Tensors[o].Name)
		}
		work += int64(b.g.Tensors[o].Elements())
	}
	if err == nil {
		err = b.mem.Work(n.Name, work)
	}
	if err == nil && s.Run != nil && b.constantInputs(n) {
		err = b.fold(n, &s, m)
	}
	s.Node, s.Op = n.Index, n.Name
	return s, err
}

// sparseInputs refuses sparse constants where LiteRT does, or where it has other
// kernels for them.
func (b *builder) sparseInputs(n *Node) error {
	for k, i := range n.In {
		if i < 0 || !b.g.Tensors[i].Sparse || n.Op == tflite.DENSIFY {
			continue
		}
		if n.Op != tflite.FULLY_CONNECTED || k != 1 || b.g.Tensors[i].DType != Float32 {
			return unsupported("sparse input of %s without DENSIFY", b.g.Tensors[i].DType)
		}
	}
	return nil
}

// constants copies every constant that a step reads directly, so that the
// model's bytes are not needed later.
func (b *builder) constants() error {
	for _, i := range b.g.Outputs {
		b.direct[i] = true
	}
	for i := range b.g.Tensors {
		t := &b.g.Tensors[i]
		if t.Data == nil || !b.direct[i] {
			continue
		}
		if err := b.hold("constant", len(t.Data)); err != nil {
			return err
		}
		b.refs[i].data = append(make([]byte, 0, len(t.Data)), t.Data...)
	}
	return nil
}

// hold charges n bytes that live as long as the plan.
//
//go:noinline
func (b *builder) hold(what string, n int) error {
	b.packed += int64(n)
	return b.mem.Take(what, int64(n))
}

//go:noinline
func unsupported(format string, args ...any) error {
	var e UnsupportedError
	e.add(format, args...)
	return &e
}
