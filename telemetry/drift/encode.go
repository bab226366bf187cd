package drift

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

const (
	schema   = 1
	maxBytes = 1 << 10
)

// ErrEdges says that two profiles were counted in different bins.
var ErrEdges = errors.New("profiles have different edges")

// ID names the edges: the CRC-32C of their bits, little-endian and in order.
func (e *Edges) ID() uint32 {
	var b []byte
	for _, row := range append([][9]float32{e.Score, e.Margin, e.Entropy}, e.Inputs[:]...) {
		for _, v := range row {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	}
	return checksum(b)
}

// Merge adds the counts of other, or gives ErrEdges. Counts stay at the
// greatest they can hold.
func (p *Profile) Merge(other *Profile) error {
	if p.edges != other.edges && p.edges.ID() != other.edges.ID() {
		return ErrEdges
	}
	for i, c := range other.counts {
		p.counts[i] += min(c, math.MaxUint32-p.counts[i])
	}
	return nil
}

// Encode returns the profile in at most 1 KiB: schema, id of the edges, the
// counts as varints, and a CRC-32C of all that.
func (p *Profile) Encode() []byte {
	b := binary.LittleEndian.AppendUint32([]byte{schema}, p.edges.ID())
	for _, c := range p.counts {
		b = binary.AppendUvarint(b, uint64(c))
	}
	return binary.LittleEndian.AppendUint32(b, checksum(b))
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// Decode parses a profile that was counted with the given edges. It accepts
// what Encode writes and nothing else.
func Decode(data []byte, e *Edges) (*Profile, error) {
	if len(data) < 9+bins || len(data) > maxBytes {
		return nil, fmt.Errorf("decode profile: %d bytes", len(data))
	}
	body := data[:len(data)-4]
	switch {
	case checksum(body) != binary.LittleEndian.Uint32(data[len(body):]):
		return nil, errors.New("decode profile: wrong CRC")
	case body[0] != schema:
		return nil, fmt.Errorf("decode profile: schema %d, known %d", body[0], schema)
	case binary.LittleEndian.Uint32(body[1:]) != e.ID():
		return nil, fmt.Errorf("decode profile: %w", ErrEdges)
	}
	p := NewProfile(e)
	rest := body[5:]
	for i := range p.counts {
		v, n := binary.Uvarint(rest)
		if n <= 0 || v > math.MaxUint32 {
			return nil, fmt.Errorf("decode profile: bad count %d", i)
		}
		p.counts[i] = uint32(v)
		rest = rest[n:]
	}
	if !bytes.Equal(p.Encode(), data) {
		return nil, errors.New("decode profile: not in canonical form")
	}
	return p, nil
}
