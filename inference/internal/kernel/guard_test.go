package kernel

import (
	"math/bits"
	"os"
	"strconv"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// shapes returns the numbers of random shapes to compare: DUNLIN_SHAPES, or a
// few.
func shapes(t *testing.T) int {
	if v := os.Getenv("DUNLIN_SHAPES"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 300
}

// guards hands out memory between pages that nobody may touch.
type guards struct {
	maps [][]byte
	all  uint // ever handed out
}

func (g *guards) free() {
	for _, m := range g.maps {
		unix.Munmap(m)
	}
	g.maps = g.maps[:0]
}

// guarded returns a copy of s that ends where a forbidden page begins, or begins
// after one: in a sequence without period (Thue's), so that each buffer of a test
// meets both. A read or write beyond is a fault.
func guarded[T any](t testing.TB, g *guards, s []T) []T {
	t.Helper()
	if len(s) == 0 {
		return s
	}
	page := unix.Getpagesize()
	bytes := len(s) * int(unsafe.Sizeof(s[0]))
	room := (bytes + page - 1) / page * page
	mem, err := unix.Mmap(-1, 0, room+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	g.maps = append(g.maps, mem)
	for _, guard := range [][]byte{mem[:page], mem[page+room:]} {
		if err := unix.Mprotect(guard, unix.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	at := page
	if g.all++; bits.OnesCount(g.all)%2 == 1 {
		at += room - bytes
	}
	out := unsafe.Slice((*T)(unsafe.Pointer(&mem[at])), len(s))
	copy(out, s)
	return out
}
