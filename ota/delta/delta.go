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
//	at   varint    where from, relative to where the step before ended in it; absent if n is 0
//	m    uvarint   2 x the bytes that follow, plus 1 where they are added to the old file's
//
// with n or m above 0. Bytes that follow are inserted as they are, or each is
// added, modulo 256, to the next one of the old file behind the copy: weights
// that were trained further differ a little everywhere, and small differences
// compress. It ends behind a step.
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
	at    int64 // where the last step ended in old
	steps *bufio.Reader
	buf   []byte
	base  []byte // what a part is added to
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
	if n == 0 && m < 2 {
		return false, errors.New("a step that does nothing")
	}
	if m&1 == 0 {
		return false, a.pass(a.steps, m/2, nil)
	}
	return false, a.add(m / 2)
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
	if rel < -a.at || rel > a.size-a.at {
		return fmt.Errorf("a copy from %d bytes beside %d in the old file's %d", rel, a.at, a.size)
	}
	a.at += rel
	old, err := a.take(n)
	if err != nil {
		return err
	}
	return a.pass(old, n, nil)
}

// add adds the next n bytes to those of the old file.
func (a *applier) add(n int64) error {
	old, err := a.take(n)
	if err != nil {
		return err
	}
	if a.base == nil {
		a.base = make([]byte, len(a.buf))
	}
	return a.pass(a.steps, n, old)
}

// take goes on in the old file by n bytes.
func (a *applier) take(n int64) (io.Reader, error) {
	if n > a.size-a.at {
		return nil, fmt.Errorf("%d bytes from %d on in the old file's %d", n, a.at, a.size)
	}
	a.at += n
	return io.NewSectionReader(a.old, a.at-n, n), nil
}

// pass writes n bytes of src, added to those of base where there is one.
func (a *applier) pass(src io.Reader, n int64, base io.Reader) error {
	for n > 0 {
		part := a.buf[:min(n, int64(len(a.buf)))]
		if _, err := io.ReadFull(src, part); err != nil {
			return cut(err)
		}
		if base != nil {
			old := a.base[:len(part)]
			if _, err := io.ReadFull(base, old); err != nil {
				return cut(err)
			}
			for i, b := range old {
				part[i] += b
			}
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
