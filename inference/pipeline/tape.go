package pipeline

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// tape writes state into bytes or reads it back, field by field, so that one
// description of the state serves both. Numbers are little-endian and of fixed
// size. After the first mistake err is set and values stay as they were.
type tape struct {
	buf     []byte // written so far, or still to be read
	reading bool
	err     error
}

var errState = errors.New("state does not belong to this pipeline")

// take returns n bytes to fill, all of them, or to read; nil after a mistake.
func (t *tape) take(n int) []byte {
	if t.err != nil {
		return nil
	}
	if !t.reading {
		at := len(t.buf)
		t.buf = slices.Grow(t.buf, n)[:at+n]
		return t.buf[at:]
	}
	if n > len(t.buf) {
		t.err = errState
		return nil
	}
	b := t.buf[:n]
	t.buf = t.buf[n:]
	return b
}

// number keeps an integer within lo to hi.
func (t *tape) number(v *int64, lo, hi int64) {
	b := t.take(8)
	switch {
	case b == nil:
	case !t.reading:
		binary.LittleEndian.PutUint64(b, uint64(*v))
	default:
		x := int64(binary.LittleEndian.Uint64(b))
		if x < lo || x > hi {
			t.err = errState
			return
		}
		*v = x
	}
}

// count keeps an int within lo to hi.
func (t *tape) count(v *int, lo, hi int) {
	x := int64(*v)
	t.number(&x, int64(lo), int64(hi))
	*v = int(x)
}

func (t *tape) float(v *float32) {
	one := [1]float32{*v}
	t.floats(one[:])
	*v = one[0]
}

func (t *tape) floats(all []float32) {
	b := t.take(4 * len(all))
	switch {
	case b == nil:
	case !t.reading:
		for i, v := range all {
			binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(v))
		}
	default:
		for i := range all {
			all[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
	}
}

func (t *tape) words(all []uint32) {
	b := t.take(4 * len(all))
	switch {
	case b == nil:
	case !t.reading:
		for i, v := range all {
			binary.LittleEndian.PutUint32(b[4*i:], v)
		}
	default:
		for i := range all {
			all[i] = binary.LittleEndian.Uint32(b[4*i:])
		}
	}
}

func (t *tape) bytes(all []byte) {
	b := t.take(len(all))
	switch {
	case b == nil:
	case !t.reading:
		copy(b, all)
	default:
		copy(all, b)
	}
}
