package kernel

import "golang.org/x/sys/unix"

// wishLarge asks for large pages.
func wishLarge(mem []byte) { _ = unix.Madvise(mem, unix.MADV_HUGEPAGE) }
