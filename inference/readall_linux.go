package inference

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is the size of a large page where small ones have 4 KiB.
const hugePage = 2 << 20

// fileMemory returns memory for a file that is needed while its model is planned:
// beside the heap, which would begin to collect because of it, and of large pages
// where the system has them. A small page costs more than what is read into it.
func fileMemory(n int) (room []byte, free func()) {
	if n < hugePage/4 {
		return fileOnHeap(n)
	}
	size := n
	if n%hugePage > hugePage/4 { // else its last pages are few
		size = (n + hugePage - 1) &^ (hugePage - 1)
	}
	all, err := unix.Mmap(-1, 0, size+hugePage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return fileOnHeap(n)
	}
	skip := int(-uintptr(unsafe.Pointer(&all[0])) & (hugePage - 1))
	room = all[skip:][:size]
	unix.Madvise(room, unix.MADV_HUGEPAGE) // a wish
	return room[:n:n], func() { unix.Munmap(all) }
}
