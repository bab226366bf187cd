package graph

import (
	"fmt"
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// Graph is a checked subgraph: nodes are in execution order, each tensor is
// written once, and nothing is read before it is written.
type Graph struct {
	Tensors         []Tensor
	Nodes           []Node
	Inputs, Outputs []int
}

// Tensor is a typed value. Data is nil unless it is a constant.
type Tensor struct {
	Name  string
	DType DType
	Shape []int
	Quant tflite.Quantization
	Data  []byte
	// Variable marks state inside a graph, which has a value before any node
	// writes it.
	Variable bool
	Sparse   bool // in the file; Data is written out
	Packed4  bool // int4 in the file; Data is int8
	Unknown  bool // the file does not tell the shape; the operator must
	Open     bool // the file has a shape, with a 1 where it does not tell
}

// Elements returns the number of elements; Build checked that it fits.
//
//go:noinline
func (t *Tensor) Elements() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Size returns the length in bytes.
func (t *Tensor) Size() int { return t.Elements() * t.DType.Size() }

// Scale returns the per-tensor scale, 0 where the tensor is not quantized.
//
//go:noinline
func (t *Tensor) Scale() float32 {
	if len(t.Quant.Scale) == 0 {
		return 0
	}
	return t.Quant.Scale[0]
}

// Zero returns the per-tensor zero point.
//
//go:noinline
func (t *Tensor) Zero() int32 {
	if len(t.Quant.ZeroPoint) == 0 {
		return 0
	}
	return t.Quant.ZeroPoint[0]
}

// Node is one operator. An input of -1 is an optional one left out.
type Node struct {
	Index        int // position in the file
	Op           tflite.Op
	Name         string // as TFLite prints it
	Version      int32
	In, Out      []int
	Intermediate []int // tensors that only name scales
	Opt, Opt2    tflite.Options
	Custom       []byte // options of a custom operator
}

var dtypeOf = map[tflite.TensorType]DType{
	tflite.TypeFloat32: Float32, tflite.TypeFloat16: Float16, tflite.TypeInt8: Int8, tflite.TypeUint8: Uint8,
	tflite.TypeInt16: Int16, tflite.TypeInt32: Int32, tflite.TypeInt64: Int64, tflite.TypeBool: Bool,
	tflite.TypeUint32: Uint32, tflite.TypeUint64: Uint64, tflite.TypeComplex64: Complex64,
	tflite.TypeResource: Resource, tflite.TypeInt4: Int8,
}

// build checks a subgraph and resolves it to a Graph. What the engine cannot
// run is added to un.
func build(m *tflite.Model, index int, mem *Budget, un *UnsupportedError) (*Graph, error) {
	s := &m.Subgraphs[index]
	g := &Graph{Inputs: ints(s.Inputs), Outputs: ints(s.Outputs)}
	g.Tensors, g.Nodes = make([]Tensor, 0, len(s.Tensors)), make([]Node, 0, len(s.Operators))
	inUse := used(s)
	for i := range s.Tensors {
		t, err := buildTensor(&s.Tensors[i], inUse[i], mem, un)
		if err != nil {
			return nil, fmt.Errorf("tensor %d %q: %w", i, s.Tensors[i].Name, err)
		}
		g.Tensors = append(g.Tensors, t)
	}
	for i := range s.Operators {
		g.Nodes = append(g.Nodes, buildNode(m, i, &s.Operators[i]))
	}
	if err := g.checkFlow(); err != nil {
		return nil, err
	}
	g.dropDead()
	return g, nil
}

// used tells which tensors hold values in a run; others only name scales.
func used(s *tflite.Subgraph) []bool {
	u := make([]bool, len(s.Tensors))
	lists := [][]int32{s.Inputs, s.Outputs}
	for i := range s.Operators {
		lists = append(lists, s.Operators[i].Inputs, s.Operators[i].Outputs)
	}
	for _, l := range lists {
		for _, i := range l {
			if i >= 0 {
				u[i] = true
			}
		}
	}
	return u
}

func ints(v []int32) []int {
	out := make([]int, len(v))
	for i, x := range v {
		out[i] = int(x)
	}
	return out
}

func buildNode(m *tflite.Model, i int, o *tflite.Operator) Node {
	c := m.Codes[o.Code]
	return Node{
		Index: i, Op: c.Op, Name: c.Name(), Version: c.Version,
		In: ints(o.Inputs), Out: ints(o.Outputs), Intermediate: ints(o.Intermediates), Opt: o.Options, Opt2: o.Options2, Custom: o.Custom,
	}
}

// maxTensor bounds one tensor, so that its size fits an int on every CPU and
// the product of two fits an int64.
const maxTensor = math.MaxInt32

func buildTensor(x *tflite.Tensor, used bool, mem *Budget, un *UnsupportedError) (Tensor, error) {
	t := Tensor{Name: x.Name, Quant: x.Quant, Shape: ints(x.Shape), Variable: x.Variable, Open: x.Open}
	d, ok := dtypeOf[x.Type]
	switch {
	case !ok:
		un.add("tensor type %s (%q)", x.Type, x.Name)
		d = Uint8 // a size to go on with; the plan is never made
	case x.Dynamic:
		t.Unknown, t.Shape = true, nil
	case x.Type == tflite.TypeInt4 && len(x.Data) == 0 && used:
		un.add("int4 tensor that is not a constant (%q)", x.Name)
	case x.Variable && len(x.Data) != 0:
		un.add("variable tensor with a value (%q)", x.Name)
	}
	t.DType = d
	size := int64(d.Size())
	for _, dim := range t.Shape {
		if dim > 0 && size > maxTensor/int64(dim) {
			return t, fmt.Errorf("shape %v: larger than 2 GiB", t.Shape)
		}
		size *= int64(dim)
	}
	if size == 0 && used {
		un.add("empty shape %v (%q)", t.Shape, x.Name)
	}
	if len(x.Data) != 0 && ok && !x.Dynamic {
		if err := t.constant(x, int(size), mem); err != nil {
			return t, err
		}
	}
	return t, checkQuant(&t)
}

// constant sets the tensor's bytes, size of them: int4 unpacked, sparse values
// written out, both charged to mem.
func (t *Tensor) constant(x *tflite.Tensor, size int, mem *Budget) error {
	t.Sparse, t.Packed4 = x.Sparsity != nil, x.Type == tflite.TypeInt4
	stored := size
	if t.Packed4 {
		stored = (size + 1) / 2
	}
	if len(x.Data) != stored && !t.Sparse {
		return fmt.Errorf("constant of %d bytes, shape %v of %s needs %d", len(x.Data), t.Shape, x.Type, stored)
	}
	if !t.Sparse && !t.Packed4 {
		t.Data = x.Data
		return nil
	}
	if err := mem.Take("constant written out", int64(size)); err != nil {
		return err
	}
	t.Data = make([]byte, size)
	if t.Sparse {
		return densify(x.Sparsity, t.Shape, t.DType.Size(), x.Data, t.Data)
	}
	kernel.Unpack4(t.Data, x.Data)
	return nil
}

func checkQuant(t *Tensor) error {
	n := len(t.Quant.Scale)
	if n == 0 {
		return nil
	}
	if z := len(t.Quant.ZeroPoint); z != n && z != 0 {
		return fmt.Errorf("%d scales, %d zero points", n, z)
	}
	if n == 1 {
		return nil
	}
	// A bias is 1-D; some files number its axis as in the filter.
	a := int(t.Quant.Axis)
	if len(t.Shape) == 1 {
		a = 0
	}
	if a < 0 || a >= len(t.Shape) || t.Shape[a] != n {
		return fmt.Errorf("%d scales along dimension %d of shape %v", n, a, t.Shape)
	}
	return nil
}

// checkFlow makes sure that every tensor has one writer that comes before its
// readers, so that running nodes in order is enough.
func (g *Graph) checkFlow() error {
	ready := make([]bool, len(g.Tensors))
	for i := range g.Tensors {
		ready[i] = g.Tensors[i].Data != nil || g.Tensors[i].Variable
	}
	for _, i := range g.Inputs {
		if ready[i] {
			return fmt.Errorf("input tensor %d %q is a constant or named twice", i, g.Tensors[i].Name)
		}
		ready[i] = true
	}
	for k := range g.Nodes {
		n := &g.Nodes[k]
		for _, i := range n.In {
			if i >= 0 && !ready[i] {
				return fmt.Errorf("node %d %s: reads tensor %d before it is written", n.Index, n.Name, i)
			}
		}
		for _, i := range n.Out {
			if ready[i] {
				return fmt.Errorf("node %d %s: tensor %d has two writers", n.Index, n.Name, i)
			}
			ready[i] = true
		}
	}
	for _, i := range g.Outputs {
		if !ready[i] {
			return fmt.Errorf("output tensor %d %q is never written", i, g.Tensors[i].Name)
		}
	}
	return nil
}

// dropDead removes nodes that no output and no variable depends on.
func (g *Graph) dropDead() {
	live := make([]bool, len(g.Tensors))
	for _, i := range g.Outputs {
		live[i] = true
	}
	keep := make([]bool, len(g.Nodes))
	for k := len(g.Nodes) - 1; k >= 0; k-- {
		keep[k] = effects(g.Nodes[k].Op)
		for _, o := range g.Nodes[k].Out {
			keep[k] = keep[k] || live[o]
		}
		for _, i := range g.Nodes[k].In {
			if keep[k] && i >= 0 {
				live[i] = true
			}
		}
	}
	nodes := g.Nodes[:0]
	for k, n := range g.Nodes {
		if keep[k] {
			nodes = append(nodes, n)
		}
	}
	g.Nodes = nodes
}

// effects tells whether an operator may change variables, so that it is kept
// though nothing reads its outputs.
func effects(op tflite.Op) bool {
	switch op {
	case tflite.ASSIGN_VARIABLE, tflite.CALL_ONCE, tflite.IF, tflite.WHILE, tflite.STABLEHLO_COMPOSITE:
		return true
	}
	return false
}

// positive tells whether a factor, such as a scale, is a number above 0 and finite.
func positive(f float32) bool {
	return f > 0 && !math.IsInf(float64(f), 0)
}
