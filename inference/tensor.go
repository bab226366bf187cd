package inference

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"github.com/dunlin-edge/dunlin/inference/internal/graph"
)

// DType is the element type of a tensor.
type DType = graph.DType

// Element types, little-endian in every byte view.
const (
	Float32 = graph.Float32
	Float16 = graph.Float16
	Int8    = graph.Int8
	Uint8   = graph.Uint8
	Int16   = graph.Int16
	Int32   = graph.Int32
	Int64   = graph.Int64
	Bool    = graph.Bool
)

// TensorInfo describes a model input or output.
type TensorInfo struct {
	Name  string
	DType DType
	Shape []int // row-major, batch first; a scalar has no dimensions. Where a run decides one, the most it can be
	// Scale and ZeroPoint map a stored q to real = Scale * (q - ZeroPoint).
	// Scale is 0 where the tensor is not quantized.
	Scale     float32
	ZeroPoint int32
}

// Elements returns the number of elements.
func (t TensorInfo) Elements() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Size returns the tensor's length in bytes.
func (t TensorInfo) Size() int { return t.Elements() * t.DType.Size() }

// String gives dtype, shape and quantization in one line.
func (t TensorInfo) String() string {
	s := fmt.Sprintf("%s%v", t.DType, t.Shape)
	if t.Scale != 0 {
		s += fmt.Sprintf(" scale %g zero point %d", t.Scale, t.ZeroPoint)
	}
	return s
}

// A Tensor is a typed view onto a session's arena. It belongs to its Session:
// read and write it only between runs, on the goroutine that runs the session.
type Tensor struct {
	TensorInfo
	data []byte

	all, rows []byte // of an output one dimension of which each run decides
	axis      int    // which one
}

// cut sets the dimension to what the run left.
func (t *Tensor) cut() {
	if t.rows == nil {
		return
	}
	n := int(binary.LittleEndian.Uint32(t.rows))
	t.Shape[t.axis] = n
	t.data = t.all[:t.Size()]
}

// Bytes returns the raw little-endian, row-major elements. Writing to an
// input's bytes sets it; the slice stays valid for the session's life.
func (t *Tensor) Bytes() []byte { return t.data }

func view[T any](t *Tensor, want DType) []T {
	if t.DType != want {
		panic(fmt.Sprintf("inference: %s view of a %s tensor", want, t.DType))
	}
	if len(t.data) == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&t.data[0])), t.Elements())
}

// Int8 returns the elements of an int8 tensor; it panics on another dtype, as
// do the other typed views.
func (t *Tensor) Int8() []int8 { return view[int8](t, Int8) }

// Uint8 returns the elements of a uint8 tensor.
func (t *Tensor) Uint8() []uint8 { return view[uint8](t, Uint8) }

// Int16 returns the elements of an int16 tensor.
func (t *Tensor) Int16() []int16 { return view[int16](t, Int16) }

// Int32 returns the elements of an int32 tensor.
func (t *Tensor) Int32() []int32 { return view[int32](t, Int32) }

// Int64 returns the elements of an int64 tensor.
func (t *Tensor) Int64() []int64 { return view[int64](t, Int64) }

// Float32 returns the elements of a float32 tensor.
func (t *Tensor) Float32() []float32 { return view[float32](t, Float32) }

// SetFloats writes real values: quantized tensors round half away from zero
// and saturate, as LiteRT's AffineQuantize does; float32 tensors copy. It
// refuses a wrong length and values that are not finite, naming the index.
func (t *Tensor) SetFloats(src []float32) error {
	if len(src) != t.Elements() {
		return fmt.Errorf("input %q: %d values, want %d for %s", t.Name, len(src), t.Elements(), t.TensorInfo)
	}
	for i, v := range src {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("input %q: value %d is %v, want a finite number", t.Name, i, v)
		}
	}
	switch t.DType {
	case Float32:
		copy(t.Float32(), src)
	case Int8:
		dst := t.Int8()
		for i, v := range src {
			dst[i] = int8(quantize(v, t.Scale, t.ZeroPoint, -128, 127))
		}
	case Uint8:
		dst := t.Uint8()
		for i, v := range src {
			dst[i] = uint8(quantize(v, t.Scale, t.ZeroPoint, 0, 255))
		}
	case Int16:
		dst := t.Int16()
		for i, v := range src {
			dst[i] = int16(quantize(v, t.Scale, t.ZeroPoint, -32768, 32767))
		}
	default:
		return fmt.Errorf("input %q: %s takes raw bytes, not real values", t.Name, t.DType)
	}
	return nil
}

// quantize rounds half away from zero in float32, as std::round does, then
// clamps before the conversion, since CPUs disagree on overflow. A scale of 0
// (not quantized) counts as 1.
func quantize(v, scale float32, zeroPoint, lo, hi int32) int32 {
	if scale == 0 {
		scale = 1
	}
	q := math.Round(float64(v/scale)) + float64(zeroPoint)
	return int32(min(max(q, float64(lo)), float64(hi)))
}

// AppendFloats appends the real values of the tensor to dst: quantized
// elements as scale * (q - zero point) in float32, integers as they are. It
// does not allocate when dst has room.
func (t *Tensor) AppendFloats(dst []float32) []float32 {
	scale := t.Scale
	if scale == 0 {
		scale = 1
	}
	zp := t.ZeroPoint
	switch t.DType {
	case Float32:
		return append(dst, t.Float32()...)
	case Int8:
		for _, q := range t.Int8() {
			dst = append(dst, scale*float32(int32(q)-zp))
		}
	case Uint8:
		for _, q := range t.Uint8() {
			dst = append(dst, scale*float32(int32(q)-zp))
		}
	case Int16:
		for _, q := range t.Int16() {
			dst = append(dst, scale*float32(int32(q)-zp))
		}
	case Int32:
		for _, q := range t.Int32() {
			dst = append(dst, scale*float32(q-zp))
		}
	case Int64:
		for _, q := range t.Int64() {
			dst = append(dst, float32(q))
		}
	case Bool:
		for _, b := range t.data {
			dst = append(dst, float32(b))
		}
	default:
		panic(fmt.Sprintf("inference: no real values of a %s tensor", t.DType))
	}
	return dst
}
