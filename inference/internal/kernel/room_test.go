package kernel

import (
	"runtime"
	"testing"
	"time"
)

// Rooms beside the heap are given back once nobody has them, and there is a limit to
// them, beyond which rooms are of the heap.
func TestRooms(t *testing.T) {
	const size = maxBeside / 4
	wait := func(want int64) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); beside.Load() != want; runtime.GC() {
			if time.Now().After(end) {
				t.Fatalf("%d bytes beside the heap, want %d", beside.Load(), want)
			}
		}
	}
	wait(0)
	var rooms []*Room
	for i := range 6 {
		r := NewRoom(size-2*cacheLine, 2)
		if len(r.mem) != size {
			t.Fatalf("room of %d bytes, want %d", len(r.mem), size)
		}
		rooms = append(rooms, r)
		if runtime.GOOS == "linux" {
			wait(min(int64(i+1)*size, maxBeside))
		}
	}
	runtime.KeepAlive(rooms)
	rooms = nil
	wait(0)
}
