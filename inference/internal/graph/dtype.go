package graph

// DType is the element type of a tensor.
type DType uint8

// Element types. The zero value is no type.
const (
	NoType DType = iota
	Float32
	Float16
	Int8
	Uint8
	Int16
	Int32
	Int64
	Bool
	Uint32
	Uint64
	Complex64 // two float32
	Resource  // a handle to a variable; holds no data
)

var dtypes = [...]struct {
	name string
	size int
}{
	NoType: {"none", 0}, Float32: {"float32", 4}, Float16: {"float16", 2}, Int8: {"int8", 1},
	Uint8: {"uint8", 1}, Int16: {"int16", 2}, Int32: {"int32", 4}, Int64: {"int64", 8}, Bool: {"bool", 1},
	Uint32: {"uint32", 4}, Uint64: {"uint64", 8}, Complex64: {"complex64", 8}, Resource: {"resource", 4},
}

// Size returns the bytes of one element.
func (d DType) Size() int { return dtypes[d].size }

func (d DType) String() string { return dtypes[d].name }
