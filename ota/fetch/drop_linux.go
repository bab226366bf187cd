package fetch

import (
	"os"

	"golang.org/x/sys/unix"
)

// drop lets the kernel forget a file's cached pages, so that the disk is read.
// It is only advice.
func drop(f *os.File) { _ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED) }
