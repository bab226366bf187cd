package graph

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
	"github.com/dunlin-edge/dunlin/inference/internal/tflite"
)

// lowering is one operator the engine runs.
type lowering struct {
	in         [2]int // least and most inputs; of up to maxOperands, none may be left out
	maxVersion int32
	lower      func(*node) (Step, error)
	many       bool // any number of outputs; otherwise one
}

// lowerings lists every operator the engine runs.
// The table is a list, which is data: a map would be made by code.
var lowerings = []operator{
	{tflite.ABS, lowering{in: [2]int{1, 1}, maxVersion: 5, lower: mapF32("abs_f32", kernel.AbsF32)}},
	{tflite.ADD, lowering{in: [2]int{2, 2}, maxVersion: 5, lower: or16(lowerAdd16, lowerAdd)}},
	{tflite.ARG_MAX, lowering{in: [2]int{2, 2}, maxVersion: 3, lower: lowerArgMax}},
	{tflite.ASSIGN_VARIABLE, lowering{in: [2]int{2, 2}, maxVersion: 1, lower: lowerAssignVariable, many: true}},
	{tflite.AVERAGE_POOL_2D, lowering{in: [2]int{1, 1}, maxVersion: 3, lower: or16(lowerAveragePool16, lowerAveragePool)}},
	{tflite.BATCH_MATMUL, lowering{in: [2]int{2, 2}, maxVersion: 4, lower: lowerBatchMatMul}},
	{tflite.BROADCAST_TO, lowering{in: [2]int{2, 2}, maxVersion: 3, lower: lowerBroadcastTo}},
	{tflite.CALL_ONCE, lowering{in: [2]int{0, 0}, maxVersion: 1, lower: lowerCallOnce, many: true}},
	{tflite.CAST, lowering{in: [2]int{1, 1}, maxVersion: 7, lower: lowerCast}},
	{tflite.CEIL, lowering{in: [2]int{1, 1}, maxVersion: 1, lower: mapF32("ceil_f32", kernel.CeilF32)}},
	{tflite.COMPLEX_ABS, lowering{in: [2]int{1, 1}, maxVersion: 1, lower: lowerComplexAbs}},
	{tflite.CONCATENATION, lowering{in: [2]int{1, maxOperands}, maxVersion: 2, lower: lowerConcatenation}},
	{tflite.CONV_2D, lowering{in: [2]int{2, 3}, maxVersion: 8, lower: or16(lowerConv16, lowerConv)}},
	{tflite.DEPTHWISE_CONV_2D, lowering{in: [2]int{2, 3}, maxVersion: 7, lower: or16(lowerDepthwise16, lowerDepthwise)}},
	{tflite.DEPTH_TO_SPACE, lowering{in: [2]int{1, 1}, maxVersion: 2, lower: lowerDepthToSpace}},
	{tflite.DENSIFY, lowering{in: [2]int{1, 1}, maxVersion: 1, lower: lowerDensify}},
	{tflite.DEQUANTIZE, lowering{in: [2]int{1, 1}, maxVersion: 6, lower: orDequantize16(lowerDequantize)}},
	{tflite.DIV, lowering{in: [2]int{2, 2}, maxVersion: 2, lower: onlyF32("div_f32", kernel.DivF32, true)}},
	{tflite.EXP, lowering{in: [2]int{1, 1}, maxVersion: 2, lower: mapF32("exp_f32", kernel.ExpF32)}},
	{tflite.EXPAND_DIMS, lowering{in: [2]int{2, 2}, maxVersion: 1, lower: lowerReshape}},
	{tflite.FLOOR, lowering{in: [2]int{1, 1}, maxVersion: 1, lower: mapF32("floor_f32", kernel.FloorF32)}},
	{tflite.FULLY_CONNECTED, lowering{in: [2]int{2, 3}, maxVersion: 13, lower: or16(lowerFullyConnected16, lowerFullyConnected)}},
	{tflite.GATHER_ND, lowering{in: [2]int{2, 2}, maxVersion: 5, lower: lowerGatherND}},
	{tflite.GATHER, lowering{in: [2]int{2, 2}, maxVersion: 4, lower: lowerGatherAny}},
	{tflite.HARD_SWISH, lowering{in: [2]int{1, 1}, maxVersion: 1, lower: mapF32("hard_swish_f32", kernel.HardSwishF32)}},
	{tflite.LEAKY_RELU, lowering{in: [2]int{1, 1}, maxVersion: 2, lower: or16(lowerLeakyRelu16, lowerLeakyRelu)}},
	{tflite.LOG, lowering{in: [2]int{1, 1}, maxVersion: 2, lower: mapF32("log_f32", kernel.LogF32)}},
	{tflite.LOGISTIC, lowering{in: [2]int{1, 1}, maxVersion: 3, lower: or16(lowerLogistic16, lowerLogistic)}},
	{tflite.MAXIMUM, lowering{in: [2]int{2, 2}, maxVersion: 4, lower: onlyF32("maximum_f32", kernel.MaximumF32, false)}},
	{tflite.MAX_POOL_2D, lowering{in: [2]int{1, 1}, maxVersion: 3, lower: or16(lowerMaxPool16, lowerMaxPool)}},
	{tflite.MEAN, lowering{in: [2]int{2, 2}, maxVersion: 2, lower: or16(fold16("mean_16", true), lowerMean)}},
	{tflite.MINIMUM, lowering{in: [2]int{2, 2}, maxVersion: 4, lower: onlyF32("minimum_f32", kernel.MinimumF32, false)}},
	{tflite.MIRROR_PAD, lowering{in: [2]int{2, 2}, maxVersion: 3, lower: lowerMirrorPad}},
	{tflite.MUL, lowering{in: [2]int{2, 2}, maxVersion: 7, lower: or16(lowerMul16, lowerMul)}},
	{tflite.NEG, lowering{in: [2]int{1, 1}, maxVersion: 1, lower: mapF32("neg_f32", kernel.NegF32)}},
	{tflite.PACK, lowering{in: [2]int{1, maxOperands}, maxVersion: 4, lower: lowerPack}},
	{tflite.PAD, lowering{in: [2]int{2, 2}, maxVersion: 4, lower: lowerPad}},
	{tflite.PADV2, lowering{in: [2]int{3, 3}, maxVersion: 4, lower: lowerPad}},
	{tflite.PRELU, lowering{in: [2]int{2, 2}, maxVersion: 1, lower: onlyF32("prelu_f32", kernel.PReluF32, false)}},
	{tflite.QUANTIZE, lowering{in: [2]int{1, 1}, maxVersion: 3, lower: orWide(lowerQuantize)}},
	{tflite.READ_VARIABLE, lowering{in: [2]int{1, 1}, maxVersion: 1, lower: lowerReadVariable}},
	{tflite.RELU, lowering{in: [2]int{1, 1}, maxVersion: 3, lower: relu(0, inf)}},
	{tflite.RELU6, lowering{in: [2]int{1, 1}, maxVersion: 3, lower: relu(0, 6)}},
	{tflite.RELU_0_TO_1, lowering{in: [2]int{1, 1}, maxVersion: 1, lower: relu(0, 1)}},
	{tflite.RELU_N1_TO_1, lowering{in: [2]int{1, 1}, maxVersion: 1, lower: relu(-1, 1)}},
	{tflite.RESHAPE, lowering{in: [2]int{1, 2}, maxVersion: 1, lower: lowerReshape}},
	{tflite.RESIZE_BILINEAR, lowering{in: [2]int{2, 2}, maxVersion: 4, lower: lowerResizeBilinear}},
	{tflite.RESIZE_NEAREST_NEIGHBOR, lowering{in: [2]int{2, 2}, maxVersion: 4, lower: lowerResizeNearest}},
	{tflite.REVERSE_V2, lowering{in: [2]int{2, 2}, maxVersion: 3, lower: lowerReverse}},
	{tflite.RSQRT, lowering{in: [2]int{1, 1}, maxVersion: 3, lower: mapF32("rsqrt_f32", kernel.RsqrtF32)}},
	{tflite.RFFT2D, lowering{in: [2]int{2, 2}, maxVersion: 1, lower: lowerRFFT2D}},
	{tflite.SLICE, lowering{in: [2]int{3, 3}, maxVersion: 6, lower: lowerSlice}},
	{tflite.SOFTMAX, lowering{in: [2]int{1, 1}, maxVersion: 3, lower: or16(softmax16, lowerSoftmax)}},
	{tflite.SPACE_TO_DEPTH, lowering{in: [2]int{1, 1}, maxVersion: 2, lower: lowerSpaceToDepth}},
	{tflite.SPLIT, lowering{in: [2]int{2, 2}, maxVersion: 4, lower: lowerSplit, many: true}},
	{tflite.SPLIT_V, lowering{in: [2]int{3, 3}, maxVersion: 2, lower: lowerSplitV, many: true}},
	{tflite.SQRT, lowering{in: [2]int{1, 1}, maxVersion: 2, lower: mapF32("sqrt_f32", kernel.SqrtF32)}},
	{tflite.SQUARE, lowering{in: [2]int{1, 1}, maxVersion: 1, lower: mapF32("square_f32", kernel.SquareF32)}},
	{tflite.SQUARED_DIFFERENCE, lowering{in: [2]int{2, 2}, maxVersion: 2, lower: onlyF32("squared_difference_f32", kernel.SquaredDifferenceF32, false)}},
	{tflite.SQUEEZE, lowering{in: [2]int{1, 1}, maxVersion: 2, lower: lowerReshape}},
	{tflite.STRIDED_SLICE, lowering{in: [2]int{4, 4}, maxVersion: 8, lower: lowerStridedSlice}},
	{tflite.SUB, lowering{in: [2]int{2, 2}, maxVersion: 5, lower: or16(lowerSub16, lowerSub)}},
	{tflite.SUM, lowering{in: [2]int{2, 2}, maxVersion: 2, lower: or16(fold16("sum_16", false), lowerSum)}},
	{tflite.TANH, lowering{in: [2]int{1, 1}, maxVersion: 3, lower: or16(lowerTanh16, lowerTanh)}},
	{tflite.TILE, lowering{in: [2]int{2, 2}, maxVersion: 3, lower: lowerTile}},
	{tflite.TRANSPOSE, lowering{in: [2]int{2, 2}, maxVersion: 6, lower: lowerTranspose}},
	{tflite.TRANSPOSE_CONV, lowering{in: [2]int{3, 4}, maxVersion: 5, lower: or16(lowerTransposeConv16, lowerTransposeConv8)}},
	{tflite.UNIDIRECTIONAL_SEQUENCE_LSTM, lowering{in: [2]int{1, 24}, maxVersion: 4, lower: lowerSequenceLSTM}},
	{tflite.UNPACK, lowering{in: [2]int{1, 1}, maxVersion: 4, lower: lowerUnpack, many: true}},
	{tflite.COS, lowering{in: [2]int{1, 1}, maxVersion: 1, lower: mapF32("cos_f32", kernel.CosF32)}},
	{tflite.SIN, lowering{in: [2]int{1, 1}, maxVersion: 1, lower: mapF32("sin_f32", kernel.SinF32)}},
	{tflite.ROUND, lowering{in: [2]int{1, 1}, maxVersion: 1, lower: mapF32("round_f32", kernel.RoundF32)}},
	{tflite.SIGN, lowering{in: [2]int{1, 1}, maxVersion: 2, lower: mapF32("sign_f32", kernel.SignF32)}},
	{tflite.ELU, lowering{in: [2]int{1, 1}, maxVersion: 1, lower: mapF32("elu_f32", kernel.EluF32)}},
	{tflite.GELU, lowering{in: [2]int{1, 1}, maxVersion: 2, lower: lowerGelu}},
	{tflite.POW, lowering{in: [2]int{2, 2}, maxVersion: 1, lower: zipF32("pow_f32", kernel.PowF32)}},
	{tflite.FLOOR_DIV, lowering{in: [2]int{2, 2}, maxVersion: 2, lower: zipF32("floor_div_f32", kernel.FloorDivF32)}},
	{tflite.FLOOR_MOD, lowering{in: [2]int{2, 2}, maxVersion: 2, lower: zipF32("floor_mod_f32", kernel.FloorModF32)}},
	{tflite.LOG_SOFTMAX, lowering{in: [2]int{1, 1}, maxVersion: 1, lower: rowsF32("log_softmax_f32", kernel.LogSoftmaxF32)}},
	{tflite.L2_NORMALIZATION, lowering{in: [2]int{1, 1}, maxVersion: 1, lower: rowsF32("l2_normalization_f32", kernel.L2NormF32)}},
	{tflite.LOGICAL_AND, lowering{in: [2]int{2, 2}, maxVersion: 1, lower: logical("logical_and", kernel.And)}},
	{tflite.LOGICAL_OR, lowering{in: [2]int{2, 2}, maxVersion: 1, lower: logical("logical_or", kernel.Or)}},
	{tflite.LOGICAL_NOT, lowering{in: [2]int{1, 1}, maxVersion: 1, lower: lowerNot}},
	{tflite.SELECT, lowering{in: [2]int{3, 3}, maxVersion: 4, lower: lowerSelect(false)}},
	{tflite.SELECT_V2, lowering{in: [2]int{3, 3}, maxVersion: 4, lower: lowerSelect(true)}},
	{tflite.BATCH_TO_SPACE_ND, lowering{in: [2]int{3, 3}, maxVersion: 4, lower: lowerBlocks(false)}},
	{tflite.SPACE_TO_BATCH_ND, lowering{in: [2]int{3, 3}, maxVersion: 4, lower: lowerBlocks(true)}},
	{tflite.FILL, lowering{in: [2]int{2, 2}, maxVersion: 4, lower: lowerFill}},
	{tflite.SHAPE, lowering{in: [2]int{1, 1}, maxVersion: 1, lower: lowerShape}},
	{tflite.RANGE, lowering{in: [2]int{3, 3}, maxVersion: 2, lower: lowerRange}},
	{tflite.SCATTER_ND, lowering{in: [2]int{3, 3}, maxVersion: 1, lower: lowerScatterND}},
	{tflite.ONE_HOT, lowering{in: [2]int{4, 4}, maxVersion: 1, lower: lowerOneHot}},
	{tflite.NON_MAX_SUPPRESSION_V4, lowering{in: [2]int{5, 5}, maxVersion: 1, lower: lowerNMS, many: true}},
	{tflite.NON_MAX_SUPPRESSION_V5, lowering{in: [2]int{6, 6}, maxVersion: 1, lower: lowerNMS, many: true}},
	{tflite.TOPK_V2, lowering{in: [2]int{2, 2}, maxVersion: 3, lower: lowerTopK, many: true}},
	{tflite.ARG_MIN, lowering{in: [2]int{2, 2}, maxVersion: 3, lower: lowerArgMax}},
	{tflite.SVDF, lowering{in: [2]int{1, 5}, maxVersion: 4, lower: lowerSVDF}},
	{tflite.WHERE, lowering{in: [2]int{1, 1}, maxVersion: 2, lower: lowerWhere}},
	{tflite.ATAN2, lowering{in: [2]int{2, 2}, maxVersion: 1, lower: lowerAtan2}},
	{tflite.LSTM, lowering{in: [2]int{1, 24}, maxVersion: 4, lower: lowerLSTM}},
	{tflite.BIDIRECTIONAL_SEQUENCE_LSTM, lowering{in: [2]int{1, 48}, maxVersion: 3, lower: lowerBidirectionalLSTM, many: true}},
	{tflite.VAR_HANDLE, lowering{in: [2]int{0, 0}, maxVersion: 1, lower: lowerVarHandle}},
}

// operator is how one operator is lowered.
type operator struct {
	op tflite.Op
	lowering
}

// loweringOf finds an operator in the table.
func loweringOf(op tflite.Op) (lowering, bool) {
	for i := range lowerings {
		if lowerings[i].op == op {
			return lowerings[i].lowering, true
		}
	}
	return lowering{}, false
}

// node is one operator while it is lowered.
type node struct {
	b  *builder
	n  *Node
	at int // index in Graph.Nodes
	// rows of the operands that have some, where the output follows them
	follows []*rows
}

// in returns input i, or nil where it is left out.
//
//go:noinline
func (n *node) in(i int) *Tensor {
	if i >= len(n.n.In) || n.n.In[i] < 0 {
		return nil
	}
	return &n.b.g.Tensors[n.n.In[i]]
}

//go:noinline
func (n *node) out() *Tensor { return n.outAt(0) }

//go:noinline
func (n *node) outAt(i int) *Tensor { return &n.b.g.Tensors[n.n.Out[i]] }

// inRef returns where a step finds input i; a constant is then kept.
//
//go:noinline
func (n *node) inRef(i int) *Ref {
	t := n.n.In[i]
	n.b.direct[t] = true
	return n.b.refs[t]
}

//go:noinline
func (n *node) outRef() *Ref { return n.outRefAt(0) }

//go:noinline
func (n *node) outRefAt(i int) *Ref { return n.b.refs[n.n.Out[i]] }

// scratch returns arena memory of count elements that is the step's own while
// it runs. What an int cannot count is cut down to what no arena can hold.
//
//go:noinline
func (n *node) scratch(count, elem int) *Ref {
	r := new(Ref)
	size := int(min(int64(count)*int64(elem), math.MaxInt))
	n.b.scratch = append(n.b.scratch, scratch{at: n.at, size: size, ref: r})
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

// staticInts returns the constant int32 or int64 elements of input i.
func (n *node) staticInts(i int, what string) ([]int, error) {
	data, err := n.static(i, what)
	if err != nil {
		return nil, err
	}
	switch n.in(i).DType {
	case Int32:
		return ints(int32sOf(data)), nil
	case Int64:
		v := make([]int, len(data)/8)
		for k := range v {
			x := int64(binary.LittleEndian.Uint64(data[8*k:]))
			v[k] = int(min(max(x, math.MinInt32), math.MaxInt32))
		}
		return v, nil
	}
	return nil, unsupported("%s of %s", what, n.in(i).DType)
}

// staticAxis returns the single constant of input i as a dimension of rank.
func (n *node) staticAxis(i, rank int) (int, error) {
	v, err := n.staticInts(i, "axis")
	if err != nil {
		return 0, err
	}
	if len(v) != 1 {
		return 0, fmt.Errorf("%d axes, want 1", len(v))
	}
	return axisOf(v[0], rank)
}

// axisOf counts a negative axis from the end.
func axisOf(a, rank int) (int, error) {
	if a < 0 {
		a += rank
	}
	if a < 0 || a >= rank {
		return 0, fmt.Errorf("axis %d of %d dimensions", a, rank)
	}
	return a, nil
}

// moves refuses operands of another type or quantization than the output's:
// the operator only moves bytes.
func (n *node) moves(out *Tensor, ins ...*Tensor) error {
	for _, t := range ins {
		if t.DType != out.DType {
			return fmt.Errorf("types %s and %s", t.DType, out.DType)
		}
		if t.Scale() != out.Scale() || t.Zero() != out.Zero() || len(t.Quant.Scale) > 1 || len(out.Quant.Scale) > 1 {
			return unsupported("%s input and output quantized differently", t.DType)
		}
	}
	return nil
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

// quantized refuses tensors without a per-tensor scale, and as XNNPACK does scales that
// are no normal number, whose reciprocals are infinite.
func (n *node) quantized(ts ...*Tensor) error {
	for _, t := range ts {
		if s := t.Scale(); !positive(s) || s < 0x1p-126 || len(t.Quant.Scale) != 1 {
			return fmt.Errorf("tensor %q: %s needs one scale above 0, has %v", t.Name, t.DType, t.Quant.Scale)
		}
		if z := t.Zero(); t.DType == Int8 && z != int32(int8(z)) || t.DType == Uint8 && z != int32(uint8(z)) {
			return fmt.Errorf("tensor %q: zero point %d is outside %s", t.Name, z, t.DType)
		}
	}
	return nil
}

//go:noinline
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

//go:noinline
func product(dims []int) int {
	p := 1
	for _, d := range dims {
		p *= d
	}
	return p
}
