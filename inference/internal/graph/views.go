package graph

import (
	"encoding/binary"
	"unsafe"
)

// Typed views of arena bytes. Every tensor is aligned to Align, so each view
// is aligned for its type.

func viewOf[T any](b []byte) []T {
	if len(b) == 0 {
		return nil
	}
	var x T
	return unsafe.Slice((*T)(unsafe.Pointer(&b[0])), len(b)/int(unsafe.Sizeof(x)))
}

func i8(b []byte) []int8     { return viewOf[int8](b) }
func i16(b []byte) []int16   { return viewOf[int16](b) }
func i32(b []byte) []int32   { return viewOf[int32](b) }
func f32(b []byte) []float32 { return viewOf[float32](b) }

// int32sOf copies constant data out of the file, where nothing is aligned.
func int32sOf(data []byte) []int32 {
	v := make([]int32, len(data)/4)
	for i := range v {
		v[i] = int32(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return v
}

// int16sOf copies constant data out of the file.
func int16sOf(data []byte) []int16 {
	v := make([]int16, len(data)/2)
	for i := range v {
		v[i] = int16(binary.LittleEndian.Uint16(data[2*i:]))
	}
	return v
}
