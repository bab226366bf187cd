package oip

import (
	"fmt"

	"github.com/dunlin-edge/dunlin/inference"
)

// Datatype is an element type by its name on the wire.
type Datatype string

// Bytes is the datatype of strings, which are refused.
const Bytes Datatype = "BYTES"

// Size is the length of an element in bytes, 0 for strings and unknown names.
func (d Datatype) Size() int {
	switch d {
	case "BOOL", "INT8", "UINT8":
		return 1
	case "INT16", "UINT16", "FP16":
		return 2
	case "INT32", "UINT32", "FP32":
		return 4
	case "INT64", "UINT64", "FP64":
		return 8
	}
	return 0
}

// DatatypeOf names the type of a model's tensor.
func DatatypeOf(t inference.DType) Datatype {
	switch t {
	case inference.Float32:
		return "FP32"
	case inference.Float16:
		return "FP16"
	case inference.Int8:
		return "INT8"
	case inference.Uint8:
		return "UINT8"
	case inference.Int16:
		return "INT16"
	case inference.Int32:
		return "INT32"
	case inference.Int64:
		return "INT64"
	case inference.Bool:
		return "BOOL"
	}
	return Datatype(t.String())
}

// check tells what is wrong with a tensor's description, and returns the bytes
// it must have.
func check(name string, d Datatype, shape []int64) (int, error) {
	if len(name) > maxName {
		return 0, &Error{fmt.Sprintf("tensor %.40q...: a name of %d bytes, at most %d", name, len(name), maxName)}
	}
	if d == Bytes {
		return 0, &Error{fmt.Sprintf("tensor %q: BYTES: strings are not taken, only numbers", name)}
	}
	size := int64(d.Size())
	if size == 0 {
		return 0, &Error{fmt.Sprintf("tensor %q: datatype %.20q is none of BOOL, INT8 to INT64, UINT8 to UINT64, FP16, FP32, FP64", name, string(d))}
	}
	if len(shape) > MaxRank {
		return 0, &Error{fmt.Sprintf("tensor %q: %d dimensions, at most %d", name, len(shape), MaxRank)}
	}
	for i, n := range shape {
		if n < 0 {
			return 0, &Error{fmt.Sprintf("tensor %q: dimension %d is %d", name, i, n)}
		}
		if n > MaxBytes || size*n > MaxBytes {
			return 0, &Error{fmt.Sprintf("tensor %q: shape %v is more than %d bytes", name, shape, MaxBytes)}
		}
		size *= n
	}
	return int(size), nil
}
