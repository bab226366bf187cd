package graph

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// lowering is one operator the engine runs.
type lowering struct {
	in         [2]int // least and most inputs
	maxVersion int32
	lower      func(*node) (Step, error)
}

// lowerings lists every operator the engine runs.
var lowerings = map[tflite.Op]lowering{
	tflite.ADD:               {[2]int{2, 2}, 2, lowerAdd},
	tflite.AVERAGE_POOL_2D:   {[2]int{1, 1}, 2, lowerAveragePool},
	tflite.CONV_2D:           {[2]int{2, 3}, 8, lowerConv},
	tflite.DEPTHWISE_CONV_2D: {[2]int{2, 3}, 7, lowerDepthwise},
	tflite.DEQUANTIZE:        {[2]int{1, 1}, 6, lowerDequantize},
	tflite.FULLY_CONNECTED:   {[2]int{2, 3}, 13, lowerFullyConnected},
	tflite.MAX_POOL_2D:       {[2]int{1, 1}, 2, lowerMaxPool},
	tflite.MEAN:              {[2]int{2, 2}, 2, lowerMean},
	tflite.PAD:               {[2]int{2, 2}, 2, lowerPad},
	tflite.QUANTIZE:          {[2]int{1, 1}, 3, lowerQuantize},
	tflite.RESHAPE:           {[2]int{1, 2}, 1, lowerReshape},
	tflite.SOFTMAX:           {[2]int{1, 1}, 2, lowerSoftmax},
}

// node is one operator while it is lowered.
type node struct {
	b  *builder
	n  *Node
	at int // index in Graph.Nodes
}

// in returns input i, or nil where it is left out.
func (n *node) in(i int) *Tensor {
	if i >= len(n.n.In) || n.n.In[i] < 0 {
		return nil
	}
	return &n.b.g.Tensors[n.n.In[i]]
}

func (n *node) out() *Tensor { return &n.b.g.Tensors[n.n.Out[0]] }

// inRef returns where a step finds input i; a constant is then kept.
func (n *node) inRef(i int) *Ref {
	t := n.n.In[i]
	n.b.direct[t] = true
	return n.b.refs[t]
}

func (n *node) outRef() *Ref { return n.b.refs[n.n.Out[0]] }

// scratch returns arena memory of n bytes that is the step's own while it
// runs.
func (n *node) scratch(size int) *Ref {
	r := new(Ref)
	n.b.scratch = append(n.b.scratch, scratch{n.at, size, r})
	return r
}

// static returns the constant bytes of input i.
func (n *node) static(i int, what string) ([]byte, error) {
	t := n.in(i)
	if t.Data == nil {
		return nil, unsupported("%s is not a constant", what)
	}
	return t.Data, nil
}

// staticInt32s returns the constant int32 elements of input i.
func (n *node) staticInt32s(i int, what string) ([]int32, error) {
	data, err := n.static(i, what)
	if err != nil {
		return nil, err
	}
	if d := n.in(i).DType; d != Int32 {
		return nil, unsupported("%s of %s", what, d)
	}
	return int32sOf(data), nil
}

// same refuses an output whose shape is not the input's.
func (n *node) same() error {
	if in, out := n.in(0), n.out(); !equal(in.Shape, out.Shape) {
		return fmt.Errorf("output shape %v, input %v", out.Shape, in.Shape)
	}
	return nil
}

// types names the dtypes of the first input and the output.
func (n *node) types() string { return fmt.Sprintf("%s -> %s", n.in(0).DType, n.out().DType) }

// quantized refuses tensors without a per-tensor scale.
func (n *node) quantized(ts ...*Tensor) error {
	for _, t := range ts {
		if !finite(t.Scale()) || len(t.Quant.Scale) != 1 {
			return fmt.Errorf("tensor %q: %s needs one scale above 0, has %v", t.Name, t.DType, t.Quant.Scale)
		}
		if z := t.Zero(); t.DType == Int8 && z != int32(int8(z)) || t.DType == Uint8 && z != int32(uint8(z)) {
			return fmt.Errorf("tensor %q: zero point %d is outside %s", t.Name, z, t.DType)
		}
	}
	return nil
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func product(dims []int) int {
	p := 1
	for _, d := range dims {
		p *= d
	}
	return p
}
