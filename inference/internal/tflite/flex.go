package tflite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Limits of a custom operator's options.
const (
	maxFlexBytes = 1 << 16
	maxFlexKeys  = 256
)

// Flexbuffer value types as the format numbers them; a type byte holds the
// type times 4 plus the logarithm of the width.
const (
	flexInt           = 1
	flexUint          = 2
	flexFloat         = 3
	flexIndirectInt   = 6
	flexIndirectUint  = 7
	flexIndirectFloat = 8
	flexMap           = 9
	flexBool          = 26
)

// FlexNumbers parses the options of a custom operator: a flexbuffer whose root
// is a map. It returns its numbers and truth values (1 or 0) by key and skips
// all other entries. Layout: flatbuffers' flexbuffers.h.
func FlexNumbers(data []byte) (map[string]float64, error) {
	n := len(data)
	if n < 3 || n > maxFlexBytes {
		return nil, fmt.Errorf("flexbuffer of %d bytes", n)
	}
	f := flex(data)
	width := int(data[n-1])
	if kind := data[n-2]; kind>>2 != flexMap || width != 1 && width != 2 && width != 4 && width != 8 {
		return nil, fmt.Errorf("flexbuffer: root of type %d, width %d", kind>>2, width)
	}
	return f.numbers(f.back(n-2-width, width), 1<<(data[n-2]&3))
}

// flex is a flexbuffer. Positions outside it read as -1 or fail.
type flex []byte

// numbers reads the map whose values begin at pos, each of width bytes. Before
// the values are the offset and the width of the keys, and the count.
func (f flex) numbers(pos, width int) (map[string]float64, error) {
	count := f.uint(pos-width, width)
	keyWidth := f.uint(pos-2*width, width)
	keys := f.back(pos-3*width, width)
	if pos < 0 || keys < 0 || count > maxFlexKeys || keyWidth != 1 && keyWidth != 2 && keyWidth != 4 && keyWidth != 8 {
		return nil, errors.New("flexbuffer: no map at the root")
	}
	types := pos + int(count)*width
	if types > len(f)-int(count) {
		return nil, errors.New("flexbuffer: map ends outside")
	}
	out := map[string]float64{}
	for i := range int(count) {
		key, ok := f.key(f.back(keys+i*int(keyWidth), int(keyWidth)))
		if !ok {
			return nil, fmt.Errorf("flexbuffer: key %d is outside", i)
		}
		if v, ok := f.number(pos+i*width, width, f[types+i]); ok {
			out[key] = v
		}
	}
	return out, nil
}

// number reads the value at pos if its type is one of numbers or truth.
func (f flex) number(pos, width int, kind byte) (float64, bool) {
	switch kind >> 2 {
	case flexIndirectInt, flexIndirectUint, flexIndirectFloat:
		pos, width = f.back(pos, width), 1<<(kind&3)
	}
	if pos < 0 || pos > len(f)-width {
		return 0, false
	}
	v := f.uint(pos, width)
	switch kind >> 2 {
	case flexInt, flexIndirectInt:
		shift := 64 - 8*width
		return float64(int64(v<<shift) >> shift), true
	case flexUint, flexIndirectUint:
		return float64(v), true
	case flexBool:
		if v != 0 {
			v = 1
		}
		return float64(v), true
	case flexFloat, flexIndirectFloat:
		switch width {
		case 4:
			return float64(math.Float32frombits(uint32(v))), true
		case 8:
			return math.Float64frombits(v), true
		}
	}
	return 0, false
}

// uint reads width bytes at pos; outside it returns the largest number.
func (f flex) uint(pos, width int) uint64 {
	if pos < 0 || pos > len(f)-width {
		return math.MaxUint64
	}
	var b [8]byte
	copy(b[:], f[pos:pos+width])
	return binary.LittleEndian.Uint64(b[:])
}

// back follows the offset at pos, which counts backwards from there, or
// returns -1.
func (f flex) back(pos, width int) int {
	off := f.uint(pos, width)
	if pos < 0 || off > uint64(pos) {
		return -1
	}
	return pos - int(off)
}

// key returns the text at pos, which a zero byte ends.
func (f flex) key(pos int) (string, bool) {
	if pos < 0 {
		return "", false
	}
	for i := pos; i < len(f); i++ {
		if f[i] == 0 {
			return string(f[pos:i]), true
		}
	}
	return "", false
}
