package delta

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// Blocks of the old file are looked for at every offset of the new one. A
// shorter block finds more, and costs more memory of the publisher's machine.
const block = 32

// Make writes the delta that makes next of old. The same files give the same
// bytes, with one version of Go's compressor.
func Make(w io.Writer, old, next []byte) error {
	if _, err := io.WriteString(w, magic); err != nil {
		return fmt.Errorf("make delta: %w", err)
	}
	z, err := flate.NewWriter(w, flate.BestCompression)
	if err != nil {
		return fmt.Errorf("make delta: %w", err)
	}
	m := maker{w: z, old: old, next: next, index: index(old)}
	if err := m.run(); err != nil {
		return fmt.Errorf("make delta: %w", err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("make delta: %w", err)
	}
	return nil
}

// index finds the aligned blocks of a file by their hash, the first of equal ones.
func index(old []byte) map[uint32]int {
	at := make(map[uint32]int, len(old)/block)
	for i := len(old)/block*block - block; i >= 0; i -= block {
		at[hash(old[i:i+block])] = i
	}
	return at
}

// base is the multiplier of the rolling hash, a polynomial modulo 2^32.
const base = 0x01000193

func hash(b []byte) uint32 {
	h := uint32(0)
	for _, c := range b {
		h = h*base + uint32(c) + 1
	}
	return h
}

// top is base to the power of block: what a byte counts for when it leaves.
var top = func() uint32 {
	p := uint32(1)
	for range block {
		p *= base
	}
	return p
}()

type maker struct {
	w         io.Writer
	old, next []byte
	index     map[uint32]int
	end       int // where the last step ended in old
	buf       []byte
}

func (m *maker) run() error {
	done := 0 // bytes of next that steps make
	n, at := 0, 0
	for i := 0; i+block <= len(m.next); {
		if len(m.old) == 0 {
			break
		}
		start, from, length := m.find(i, done)
		if length == 0 {
			break
		}
		if err := m.step(n, at, m.next[done:start]); err != nil {
			return err
		}
		n, at = length, from
		done = start + length
		i = done
	}
	return m.step(n, at, m.next[done:])
}

// find looks from i on for the next run that old has as well, and extends it
// both ways, backwards to done at most.
func (m *maker) find(i, done int) (start, from, length int) {
	h := hash(m.next[i : i+block])
	for {
		if at, ok := m.index[h]; ok && bytes.Equal(m.old[at:at+block], m.next[i:i+block]) {
			start, from = i, at
			for start > done && from > 0 && m.next[start-1] == m.old[from-1] {
				start, from = start-1, from-1
			}
			end := i + block
			for end < len(m.next) && from+end-start < len(m.old) && m.next[end] == m.old[from+end-start] {
				end++
			}
			return start, from, end - start
		}
		if i+block == len(m.next) {
			return 0, 0, 0
		}
		h = h*base + uint32(m.next[i+block]) + 1 - (uint32(m.next[i])+1)*top
		i++
	}
}

// step copies n bytes of old from at on, and makes what follows them of what
// follows there, or inserts it.
func (m *maker) step(n, at int, insert []byte) error {
	if n == 0 && len(insert) == 0 {
		return nil
	}
	m.buf = binary.AppendUvarint(m.buf[:0], uint64(n))
	if n > 0 {
		m.buf = binary.AppendVarint(m.buf, int64(at-m.end))
		m.end = at + n
	}
	size := 2 * uint64(len(insert))
	if change := m.difference(insert); change != nil {
		insert = change
		m.end += len(change)
		size++
	}
	m.buf = binary.AppendUvarint(m.buf, size)
	if _, err := m.w.Write(m.buf); err != nil {
		return err
	}
	_, err := m.w.Write(insert)
	return err
}

// difference is what to add to the old file's next bytes to get insert, nil
// where that would compress no better than insert itself.
func (m *maker) difference(insert []byte) []byte {
	if len(insert) == 0 || m.end+len(insert) > len(m.old) {
		return nil
	}
	change := make([]byte, len(insert))
	for i, b := range insert {
		change[i] = b - m.old[m.end+i]
	}
	if entropy(change) >= 0.98*entropy(insert) {
		return nil
	}
	return change
}

// entropy is of single bytes, in bits: what an entropy coder needs at least.
func entropy(b []byte) float64 {
	var counts [256]int
	for _, c := range b {
		counts[c]++
	}
	bits := 0.0
	for _, n := range counts {
		if n > 0 {
			bits -= float64(n) * math.Log2(float64(n)/float64(len(b)))
		}
	}
	return bits
}
