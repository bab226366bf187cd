// Package delta turns one file into another by what they have in common.
//
// [Make] writes a delta on the publisher's machine, [Apply] the new file on
// the device, in constant memory. A delta is not trusted to be right: whoever
// applies one compares the result with the signed digest of the new file.
//
// A delta is the 8 bytes of magic and a DEFLATE stream (RFC 1951) of steps,
// each of them
//
//	n    uvarint   bytes to copy from the old file
//	at   varint    where from, relative to the end of the copy before; absent if n is 0
//	m    uvarint   bytes to insert, which follow
//
// with n + m > 0. It ends behind a step.
package delta

import (
	"bufio"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const magic = "DUNLIN\x00\x01"

// Apply writes the new file that delta makes of old, which has size bytes.
// It reads no byte of old out of its bounds and takes some 100 KB, whatever
// the delta says; the caller bounds what dst takes.
func Apply(dst io.Writer, old io.ReaderAt, size int64, delta io.Reader) error {
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(delta, head); err != nil {
		return fmt.Errorf("apply delta: %w", err)
	}
	if string(head) != magic {
		return errors.New("apply delta: of a kind that is not known here")
	}
	a := applier{dst: dst, old: old, size: size, steps: bufio.NewReader(flate.NewReader(delta)), buf: make([]byte, 32<<10)}
	for {
		done, err := a.step()
		if done {
			return nil
		}
		if err != nil {
			return fmt.Errorf("apply delta: %w", err)
		}
	}
}

type applier struct {
	dst   io.Writer
	old   io.ReaderAt
	size  int64
	at    int64 // end of the last copy
	steps *bufio.Reader
	buf   []byte
}

// step does one step; done is the end of the delta.
func (a *applier) step() (done bool, err error) {
	if _, err := a.steps.Peek(1); err == io.EOF {
		return true, nil
	}
	n, err := a.length()
	if err != nil {
		return false, err
	}
	if n > 0 {
		if err := a.copy(n); err != nil {
			return false, err
		}
	}
	m, err := a.length()
	if err != nil {
		return false, err
	}
	if n+m == 0 {
		return false, errors.New("a step that does nothing")
	}
	return false, a.pass(a.steps, m)
}

// maxLength bounds a length in a step.
const maxLength = 1 << 40

func (a *applier) length() (int64, error) {
	n, err := binary.ReadUvarint(a.steps)
	if err != nil {
		return 0, cut(err)
	}
	if n > maxLength {
		return 0, fmt.Errorf("a length of %d bytes", n)
	}
	return int64(n), nil
}

func (a *applier) copy(n int64) error {
	rel, err := binary.ReadVarint(a.steps)
	if err != nil {
		return cut(err)
	}
	// Neither sum can overflow: both parts are bounded first.
	if rel < -a.at || rel > a.size-a.at || n > a.size-a.at-rel {
		return fmt.Errorf("a copy of %d bytes out of the old file's %d", n, a.size)
	}
	from := a.at + rel
	a.at = from + n
	return a.pass(io.NewSectionReader(a.old, from, n), n)
}

func (a *applier) pass(src io.Reader, n int64) error {
	for n > 0 {
		part := a.buf[:min(n, int64(len(a.buf)))]
		if _, err := io.ReadFull(src, part); err != nil {
			return cut(err)
		}
		if _, err := a.dst.Write(part); err != nil {
			return err
		}
		n -= int64(len(part))
	}
	return nil
}

func cut(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
