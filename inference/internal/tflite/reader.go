package tflite

import (
	"encoding/binary"
	"fmt"
	"math"
)

// A reader follows flatbuffer offsets inside data. The first violation sticks
// in err; from then on every access yields zero values, so that decoding code
// needs one check at its end.
type reader struct {
	data []byte
	err  error
	// budget bounds the work of a file whose vectors overlap: every element
	// decoded costs one, and an honest file cannot hold more elements than
	// bytes.
	budget int
}

func newReader(data []byte) *reader {
	return &reader{data: data, budget: len(data) + 64}
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *reader) charge(n int) bool {
	if r.err != nil {
		return false
	}
	if n > r.budget {
		r.fail("more elements than the file can hold (overlapping vectors)")
		return false
	}
	r.budget -= n
	return true
}

// at returns n bytes at pos, or zeros when they are not all inside the file.
func (r *reader) at(pos, n int) []byte {
	if r.err == nil && pos >= 0 && n >= 0 && pos <= len(r.data)-n {
		return r.data[pos : pos+n]
	}
	r.fail("offset %d: want %d bytes, the file has %d", pos, n, len(r.data))
	return zeros[:min(max(n, 0), len(zeros))]
}

// zeros stands in for bytes that are not there; never more than 8 are asked
// for except through vectors, which check first.
var zeros [8]byte

func (r *reader) u16(pos int) int    { return int(binary.LittleEndian.Uint16(r.at(pos, 2))) }
func (r *reader) u32(pos int) uint32 { return binary.LittleEndian.Uint32(r.at(pos, 4)) }
func (r *reader) i32(pos int) int32  { return int32(r.u32(pos)) }

// offset follows the unsigned 32-bit offset at pos.
func (r *reader) offset(pos int) int {
	o := r.u32(pos)
	if o > math.MaxInt32 {
		r.fail("offset %d: target %d is too far", pos, o)
		return 0
	}
	return pos + int(o)
}

// A table is a flatbuffer table. The zero table has no fields: each access
// returns its default.
type table struct {
	r    *reader
	pos  int
	vt   int // position of the vtable
	size int // bytes of the vtable
}

func (r *reader) table(pos int) table {
	vt := pos - int(r.i32(pos))
	if vt < 0 || vt > len(r.data)-4 {
		r.fail("table at %d: vtable at %d is outside the file", pos, vt)
		return table{}
	}
	size := r.u16(vt)
	if r.err != nil || size < 4 || size > len(r.data)-vt {
		r.fail("table at %d: vtable of %d bytes", pos, size)
		return table{}
	}
	return table{r: r, pos: pos, vt: vt, size: size}
}

// field returns the position of field i, or 0 if the table does not have it.
func (t table) field(i int) int {
	slot := 4 + 2*i
	if t.r == nil || slot+2 > t.size {
		return 0
	}
	o := t.r.u16(t.vt + slot)
	if o == 0 {
		return 0
	}
	return t.pos + o
}

func (t table) present() bool { return t.r != nil }

func (t table) int32(i int, def int32) int32 {
	if p := t.field(i); p != 0 {
		return t.r.i32(p)
	}
	return def
}

func (t table) uint32(i int) uint32 { return uint32(t.int32(i, 0)) }

func (t table) uint64(i int) uint64 {
	if p := t.field(i); p != 0 {
		return binary.LittleEndian.Uint64(t.r.at(p, 8))
	}
	return 0
}

func (t table) byte(i int, def byte) byte {
	if p := t.field(i); p != 0 {
		return t.r.at(p, 1)[0]
	}
	return def
}

func (t table) float32(i int, def float32) float32 {
	if p := t.field(i); p != 0 {
		return math.Float32frombits(t.r.u32(p))
	}
	return def
}

func (t table) table(i int) table {
	if p := t.field(i); p != 0 {
		return t.r.table(t.r.offset(p))
	}
	return table{}
}

// vector returns the position of the first element and the count of field i,
// having checked that all elements of the given size are inside the file.
func (t table) vector(i, size int) (pos, n int) {
	p := t.field(i)
	if p == 0 {
		return 0, 0
	}
	p = t.r.offset(p)
	count := t.r.u32(p)
	if t.r.err != nil {
		return 0, 0
	}
	if uint64(count)*uint64(size) > uint64(len(t.r.data)-p-4) {
		t.r.fail("vector at %d: %d elements of %d bytes do not fit the file", p, count, size)
		return 0, 0
	}
	return p + 4, int(count)
}

// bytes returns field i as raw bytes aliasing the file.
func (t table) bytes(i int) []byte {
	pos, n := t.vector(i, 1)
	if n == 0 {
		return nil
	}
	return t.r.data[pos : pos+n : pos+n]
}

// maxString bounds names and descriptions.
const maxString = 1 << 16

func (t table) string(i int) string {
	b := t.bytes(i)
	if len(b) > maxString {
		t.r.fail("string of %d bytes, at most %d are read", len(b), maxString)
		return ""
	}
	return string(b)
}

// elements returns the bytes of vector field i and counts them.
func (t table) elements(i, size int) (data []byte, n int) {
	pos, n := t.vector(i, size)
	if n == 0 || !t.r.charge(size*n) {
		return nil, 0
	}
	return t.r.data[pos:][:size*n], n
}

func (t table) int32s(i int) []int32 {
	data, n := t.elements(i, 4)
	if n == 0 {
		return nil
	}
	v := make([]int32, n)
	for k := range v {
		v[k] = int32(binary.LittleEndian.Uint32(data[4*k:]))
	}
	return v
}

func (t table) float32s(i int) []float32 {
	data, n := t.elements(i, 4)
	if n == 0 {
		return nil
	}
	v := make([]float32, n)
	for k := range v {
		v[k] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*k:]))
	}
	return v
}

// zeroPoints returns field i, 64-bit numbers that have to fit 32.
func (t table) zeroPoints(i int) []int32 {
	data, n := t.elements(i, 8)
	if n == 0 {
		return nil
	}
	v := make([]int32, n)
	for k := range v {
		z := int64(binary.LittleEndian.Uint64(data[8*k:]))
		if v[k] = int32(z); int64(v[k]) != z {
			t.r.fail("zero point %d", z)
		}
	}
	return v
}

// maxAhead bounds what is allocated for elements before they have been read.
const maxAhead = 1024

// ahead returns for how many tables of field i there should be room.
func (t table) ahead(i int) int {
	_, n := t.vector(i, 4)
	return min(n, maxAhead)
}

// tables calls f for each table of vector field i.
func (t table) tables(i int, f func(k int, e table)) {
	pos, n := t.vector(i, 4)
	for k := range n {
		if t.r.err != nil || !t.r.charge(4) {
			return
		}
		f(k, t.r.table(t.r.offset(pos+4*k)))
	}
}
