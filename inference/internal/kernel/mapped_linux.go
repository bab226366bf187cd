package kernel

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Mapped returns n bytes beside the heap, all 0, of large pages where they are many. free
// gives them back. Small requests are not worth it and stay on the heap.
func Mapped(n int) (mem []byte, free func()) {
	if n < minMapped {
		return make([]byte, n), nil
	}
	large := largeOf(n)
	size := max(n, large)
	if large > 0 {
		size += hugePage
	}
	all, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return make([]byte, n), nil
	}
	mem = all
	if large > 0 {
		mem = mem[-uintptr(unsafe.Pointer(&mem[0]))&(hugePage-1):]
		wishLarge(mem[:large])
	}
	return mem[:n:n], func() { _ = unix.Munmap(all) }
}

// wishLarge asks for large pages.
func wishLarge(mem []byte) { _ = unix.Madvise(mem, unix.MADV_HUGEPAGE) }

// Touch asks for the pages of memory that will be written soon: at once they cost half of
// what they cost one by one, which is more than what is put into them.
func Touch(mem []byte) {
	page := uintptr(os.Getpagesize())
	if len(mem) < minMapped {
		return
	}
	mem = mem[-uintptr(unsafe.Pointer(&mem[0]))&(page-1):]
	_ = unix.Madvise(mem[:uintptr(len(mem))&^(page-1)], unix.MADV_POPULATE_WRITE)
}
