package kernel

import (
	"os"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A room that nobody has any more is unmapped, not only counted off. Something else may
// lie in its place by then, but not in that of all.
func TestRoomsAreUnmapped(t *testing.T) {
	var places []uintptr
	for range 4 {
		places = append(places, uintptr(unsafe.Pointer(&NewRoom(maxBeside/8, 1).mem[0])))
	}
	for end := time.Now().Add(10 * time.Second); beside.Load() != 0; runtime.GC() {
		if time.Now().After(end) {
			t.Fatalf("%d bytes beside the heap", beside.Load())
		}
	}
	var resident byte
	for _, at := range places {
		page := at &^ uintptr(os.Getpagesize()-1)
		if _, _, err := unix.Syscall(unix.SYS_MINCORE, page, 1, uintptr(unsafe.Pointer(&resident))); err == unix.ENOMEM {
			return
		}
	}
	t.Error("all are mapped still")
}
