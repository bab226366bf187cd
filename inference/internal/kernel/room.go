package kernel

import (
	"sync/atomic"
	"unsafe"
)

// Room is memory for the packed weights of a model in one piece, which may lie in large
// pages. It is safe for concurrent use; nil is a room without any, and what a room
// cannot hold is allocated.
type Room struct {
	mem  []byte
	used atomic.Int64
}

// NewRoom returns room for count pieces of n bytes in all.
func NewRoom(n, count int) *Room {
	return &Room{mem: Pages(n + count*cacheLine)}
}

const cacheLine = 64

// take returns n elements, all 0.
func take[T int8 | int16 | int32 | float32](r *Room, n int) []T {
	size := int64(alignUp(n * int(unsafe.Sizeof(T(0)))))
	if r == nil || n == 0 {
		return make([]T, n)
	}
	end := r.used.Add(size)
	if end > int64(len(r.mem)) {
		return make([]T, n)
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&r.mem[end-size])), n)
}

// hugePage is the size of a large page where small ones have 4 KiB.
const hugePage = 2 << 20

// Pages returns n bytes, all 0 and aligned to a cache line: of large pages where that
// wastes little and the system has them. The first touch of a small one costs more than
// most weights take to pack.
func Pages(n int) []byte {
	large := (n + hugePage/2) &^ (hugePage - 1)
	align := hugePage
	if large == 0 {
		align = cacheLine
	}
	// What goes before, and behind up to a whole page, is never touched.
	all := make([]byte, max(n, large)+align)
	skip := int(-uintptr(unsafe.Pointer(&all[0])) & uintptr(align-1))
	all = all[skip:]
	if large > 0 {
		wishLarge(all[:large])
	}
	return all[:n:n]
}
