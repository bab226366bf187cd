package inference

import (
	"bytes"
	"io"
	"os"
)

// readAll reads a file of at most maxFile+1 bytes. free gives its memory back.
func readAll(f *os.File) (data []byte, free func(), err error) {
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	room, free := fileMemory(int(min(max(info.Size(), 0), maxFile)) + bytes.MinRead)
	b := bytes.NewBuffer(room[:0])
	if _, err = b.ReadFrom(io.LimitReader(f, maxFile+1)); err != nil {
		free()
		return nil, nil, err
	}
	return b.Bytes(), free, nil
}

// fileOnHeap is the memory for a file that the collector takes back.
func fileOnHeap(n int) (room []byte, free func()) { return make([]byte, n), func() {} }
