package inference

import (
	"io"
	"os"
	"slices"

	"github.com/dunlin-edge/dunlin/inference/internal/kernel"
)

// readPart is how much is read at once: what is read is still in the cache when add
// gets it.
const readPart = 512 << 10

// readAll reads a file of at most maxFile+1 bytes and gives add part after part. free
// gives their memory back, unless it is nil.
func readAll(f *os.File, add func([]byte)) (data []byte, free func(), err error) {
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	// One byte more shows that the file has ended.
	data, free = kernel.Mapped(int(min(max(info.Size(), 0), maxFile)) + 1)
	data = data[:0]
	for err == nil && len(data) <= maxFile {
		if len(data) == cap(data) { // it has grown meanwhile
			data = slices.Grow(data, readPart)
		}
		var n int
		part := data[len(data):min(cap(data), len(data)+readPart)]
		kernel.Touch(part)
		n, err = f.Read(part)
		add(data[len(data):][:n])
		data = data[:len(data)+n]
	}
	if err == io.EOF {
		err = nil
	}
	return data, free, err
}
