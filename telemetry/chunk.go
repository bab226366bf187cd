package telemetry

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// Chunk is a decoded chunk. Exactly the slice of its Kind is filled.
type Chunk struct {
	Kind   Kind
	Epoch  uint32
	First  uint64 // number of the first record; for gaps of the first gap
	Boot   [16]byte
	Offset time.Duration // Unix time minus time since boot, as known when sealed
	Synced bool          // whether Offset came from a synchronized clock

	Results  []Result
	Health   []Health
	Events   []Event
	Captures []Capture
	Gaps     []Gap
}

// Len returns the number of records, or of gaps.
func (c *Chunk) Len() int {
	return len(c.Results) + len(c.Health) + len(c.Events) + len(c.Captures) + len(c.Gaps)
}

// Wall returns the wall time of a record's time, as known when sealed.
func (c *Chunk) Wall(sinceBoot time.Duration) time.Time {
	return time.UnixMilli((c.Offset + sinceBoot).Milliseconds()).UTC()
}

// errSchema marks a chunk written by a newer version of this package.
var errSchema = errors.New("newer schema")

const (
	schema    = 1
	maxChunk  = 16 << 10 // bytes a decoder accepts
	maxOffset = 1 << 43  // ms: 278 years
)

// wire is the CBOR map of a chunk (RFC 8949 core deterministic encoding), which
// a CRC-32C, little endian, follows.
type wire struct {
	Schema  uint8    `cbor:"0,keyasint"`
	Kind    uint8    `cbor:"1,keyasint"`
	Epoch   uint32   `cbor:"2,keyasint"`
	First   uint64   `cbor:"3,keyasint"`
	N       uint16   `cbor:"4,keyasint"`
	Boot    []byte   `cbor:"5,keyasint"`
	Offset  int64    `cbor:"6,keyasint"` // ms
	Synced  bool     `cbor:"7,keyasint"`
	Names   [][]byte `cbor:"8,keyasint,omitempty"`
	Models  [][]byte `cbor:"9,keyasint,omitempty"`
	Columns [][]byte `cbor:"10,keyasint"`
}

// head is what a chunk says about all its records.
type head struct {
	epoch  uint32
	first  uint64
	boot   [16]byte
	offset int64 // ms
	synced bool
}

type modes struct {
	enc cbor.EncMode
	dec cbor.DecMode
}

var codec = sync.OnceValue(func() modes {
	enc, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic(err) // the options are constants
	}
	dec, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		MaxNestedLevels:   4,
		MaxArrayElements:  64,
		MaxMapPairs:       16,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return modes{enc, dec}
})

// seal returns the chunk's bytes.
func (b *builder) seal(h head) ([]byte, error) {
	w := wire{
		Schema: schema, Kind: uint8(b.kind), Epoch: h.epoch, First: h.first, N: uint16(b.n),
		Boot: h.boot[:], Offset: h.offset, Synced: h.synced,
	}
	for _, s := range b.sources {
		w.Names = append(w.Names, []byte(s.Pipeline))
		if b.kind == KindResult {
			w.Models = append(w.Models, s.Model[:])
		}
	}
	w.Columns = append(w.Columns, b.cols[:columnCount[b.kind]]...)
	if len(b.sources) == 1 {
		w.Columns[colSource] = []byte{}
	}
	data, err := codec().enc.Marshal(&w)
	if err != nil {
		return nil, fmt.Errorf("seal chunk: %w", err)
	}
	return binary.LittleEndian.AppendUint32(data, checksum(data)), nil
}

func checksum(data []byte) uint32 {
	return crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
}

// intact tells whether the chunk's CRC holds.
func intact(data []byte) bool {
	body := max(len(data)-4, 0)
	return body > 0 && checksum(data[:body]) == binary.LittleEndian.Uint32(data[body:])
}

// open checks the frame of a chunk and returns its map.
func open(data []byte) (*wire, error) {
	if len(data) < 5 || len(data) > maxChunk {
		return nil, fmt.Errorf("%d bytes, want 5 to %d", len(data), maxChunk)
	}
	body := data[:len(data)-4]
	if got, want := checksum(body), binary.LittleEndian.Uint32(data[len(body):]); got != want {
		return nil, fmt.Errorf("CRC %08x, want %08x", got, want)
	}
	var peek struct {
		Schema uint64 `cbor:"0,keyasint"`
	}
	if err := cbor.Unmarshal(body, &peek); err == nil && peek.Schema > schema {
		return nil, fmt.Errorf("%w: %d, known %d", errSchema, peek.Schema, schema)
	}
	w := new(wire)
	if err := codec().dec.Unmarshal(body, w); err != nil {
		return nil, err
	}
	return w, nil
}
