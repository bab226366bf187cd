package kernel

import (
	"runtime"
	"sync/atomic"
	"unsafe"
)

// Room is memory for the packed weights of a model in one piece. It lies beside the heap,
// where packing begins no collection: whoever reads what is in it has to keep the Room
// alive. It is safe for concurrent use; nil is a room without any, and what a room
// cannot hold is allocated.
type Room struct {
	mem  []byte
	used atomic.Int64
}

// maxBeside bounds the bytes of all rooms beside the heap: the collector does not see
// them, so rooms that nobody uses any more may wait for it long.
const maxBeside = 32 << 20

var beside atomic.Int64

// NewRoom returns room for count pieces of n bytes in all.
func NewRoom(n, count int) *Room {
	n += count * cacheLine
	size := int64(n)
	if beside.Add(size) > maxBeside {
		beside.Add(-size)
		return &Room{mem: Pages(n)}
	}
	mem, free := Mapped(n)
	Touch(mem)
	r := &Room{mem: mem}
	if free == nil {
		beside.Add(-size)
		return r
	}
	runtime.AddCleanup(r, func(free func()) {
		free()
		beside.Add(-size)
	}, free)
	return r
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

// minMapped is the least that is worth pages of its own, manyPages the least that is
// worth large ones: fewer small ones are at hand sooner, above all in a virtual machine
// that has given its free large pages back.
const (
	minMapped = 128 << 10
	manyPages = 8 * hugePage
)

// largeOf returns how many bytes, from the beginning on, should be of large pages where n
// are wanted; a last one may be half empty.
func largeOf(n int) int {
	if n < manyPages {
		return 0
	}
	return (n + hugePage/2) &^ (hugePage - 1)
}

// Pages returns n bytes of the heap, all 0 and aligned to a cache line, in large pages
// where they are many.
func Pages(n int) []byte {
	large, align := largeOf(n), hugePage
	if large == 0 {
		align = cacheLine
	}
	// What goes before, and behind up to a whole page, is never touched.
	all := make([]byte, max(n, large)+align)
	all = all[-uintptr(unsafe.Pointer(&all[0]))&uintptr(align-1):]
	if large > 0 {
		wishLarge(all[:large])
	}
	Touch(all[:n])
	return all[:n:n]
}
