package tflite

import (
	"errors"
	"fmt"
)

// Model is a decoded file. Indices inside it are checked: a tensor's buffer,
// an operator's code and every tensor an operator or subgraph names exist.
type Model struct {
	Description string
	Codes       []Code
	Subgraphs   []Subgraph
	Signatures  []Signature
	metadata    []metadataEntry
	buffers     [][]byte
}

// Code names what an operator does.
type Code struct {
	Op      Op
	Custom  string // only where Op is CUSTOM
	Version int32
}

// Name returns the operator's name as TFLite prints it.
func (c Code) Name() string {
	if c.Op == CUSTOM {
		return c.Custom
	}
	return c.Op.String()
}

// Subgraph is a list of tensors and of operators in execution order.
type Subgraph struct {
	Name            string
	Tensors         []Tensor
	Inputs, Outputs []int32
	Operators       []Operator
}

// Tensor describes a value. Data is nil unless the tensor is a constant.
type Tensor struct {
	Name     string
	Type     TensorType
	Shape    []int32
	Dynamic  bool // some dimension is only known at run time
	Open     bool // the shape signature leaves a dimension open, for which Shape has a 1
	Variable bool
	Sparsity *Sparsity // of a sparse constant
	Quant    Quantization
	Data     []byte
}

// Quantization maps stored q to Scale * (q - ZeroPoint), per tensor (one
// entry) or per slice of dimension Axis. Without Scale it is absent.
type Quantization struct {
	Scale     []float32
	ZeroPoint []int32
	Axis      int32
}

// Operator is one step. An input of -1 is an optional one left out.
type Operator struct {
	Code            int32
	Inputs, Outputs []int32
	Intermediates   []int32 // tensors that only name scales
	Options         Options
	Options2        Options // of operators that came after the first union was full
	Custom          []byte
}

// Signature names a subgraph's inputs and outputs for callers.
type Signature struct {
	Key             string
	Subgraph        uint32
	Inputs, Outputs []TensorMap
}

// TensorMap names a tensor of a signature.
type TensorMap struct {
	Name  string
	Index uint32
}

type metadataEntry struct {
	name   string
	buffer uint32
}

// Options reads an operator's builtin options. The zero value stands for
// absent options: every field has its default.
type Options struct{ t table }

// Int32 returns field i, or def where the file leaves it out.
func (o Options) Int32(i int, def int32) int32 { return o.t.int32(i, def) }

// Byte returns field i, or def where the file leaves it out.
func (o Options) Byte(i int, def byte) byte { return o.t.byte(i, def) }

// Bool returns field i, or def where the file leaves it out.
func (o Options) Bool(i int, def bool) bool {
	d := byte(0)
	if def {
		d = 1
	}
	return o.t.byte(i, d) != 0
}

// Float32 returns field i, or def where the file leaves it out.
func (o Options) Float32(i int, def float32) float32 { return o.t.float32(i, def) }

// Int32s returns the vector in field i.
func (o Options) Int32s(i int) []int32 { return o.t.int32s(i) }

// String returns the text in field i.
func (o Options) String(i int) string {
	if o.t.r == nil {
		return ""
	}
	return o.t.string(i)
}

// Present tells whether the file has options for this operator.
func (o Options) Present() bool { return o.t.present() }

// Err returns the first read outside the file, if any happened.
func (o Options) Err() error {
	if o.t.r == nil {
		return nil
	}
	return o.t.r.err
}

// ErrFormat is returned for bytes that are not a TensorFlow Lite model.
var ErrFormat = errors.New("not a TensorFlow Lite model")

// MaxRank is the largest number of dimensions read.
const MaxRank = 8

// Decode parses a model. Its constants alias data, which must not change
// while the Model is in use.
func Decode(data []byte) (*Model, error) {
	if len(data) < 8 || string(data[4:8]) != "TFL3" {
		return nil, fmt.Errorf("%w: identifier TFL3 not found in %d bytes", ErrFormat, len(data))
	}
	r := newReader(data)
	m := r.model(r.table(r.offset(0)))
	if r.err != nil {
		return nil, fmt.Errorf("decode model: %w", r.err)
	}
	return m, nil
}
