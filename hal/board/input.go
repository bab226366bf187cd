package board

import (
	"os"
	"unsafe"

	"github.com/dunlin-edge/dunlin/hal/internal/devfs"
)

const (
	gpioGetLevels = 0xc010b40e // GPIO_V2_LINE_GET_VALUES_IOCTL
	lineInput     = 1 << 2
)

// An input is a line that is read.
type input struct{ fd *os.File }

// openInput takes a line for this process.
func openInput(root devfs.Root, name string) (*input, error) {
	fd, err := requestLine(root, name, lineRequest{NumLines: 1, Flags: lineInput})
	if err != nil {
		return nil, err
	}
	return &input{fd}, nil
}

// level tells whether the line is high.
func (i *input) level() (bool, error) {
	v := lineValues{Mask: 1}
	err := ioctl(i.fd.Fd(), gpioGetLevels, unsafe.Pointer(&v))
	return v.Bits&1 == 1, err
}
