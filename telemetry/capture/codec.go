package capture

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// Capture is one window of a pipeline: what it decided, and all it takes to
// decide it again.
type Capture struct {
	Time     time.Time // stored in ms
	Synced   bool      // the clock was true
	Device   string
	Pipeline string
	Subject  string // whom or what it is about, by configuration; may be empty
	Bundle   [32]byte
	Numerics int // rules of the engine that computed it
	Why      Reason
	Class    int
	Label    string
	Score    float32

	State  []byte // of the pipeline before the window
	Input  []byte // of the model
	Output []byte // of the model
}

// Reason is the policy that asked for a capture.
type Reason uint8

// The reasons.
const (
	Every    Reason = iota + 1 // one of so many
	Score                      // the score was low
	Label                      // a class that was asked for
	Drift                      // the pipeline's drift is above quiet
	Disagree                   // a candidate decided otherwise than the bundle in use
	Asked                      // somebody asked for the next window
)

var reasonNames = [...]string{"", "every", "score", "label", "drift", "disagree", "asked"}

// String returns the word for the reason.
func (r Reason) String() string {
	if r == 0 || int(r) >= len(reasonNames) {
		return "unknown"
	}
	return reasonNames[r]
}

// Limits of a file.
const (
	maxBytes = 16 << 20
	maxText  = 256
)

// magic begins a file; the last byte is the version.
const magic = "DUNLINC\x01"

// ErrVersion marks a file of a later version of this package.
var ErrVersion = errors.New("newer version")

// wire is the CBOR map (RFC 8949 core deterministic encoding) between magic and
// a CRC-32C, little endian.
type wire struct {
	Time     int64   `cbor:"0,keyasint"` // Unix ms
	Synced   bool    `cbor:"1,keyasint"`
	Device   string  `cbor:"2,keyasint"`
	Pipeline string  `cbor:"3,keyasint"`
	Subject  string  `cbor:"4,keyasint"`
	Bundle   []byte  `cbor:"5,keyasint"`
	Numerics int     `cbor:"6,keyasint"`
	Why      uint8   `cbor:"7,keyasint"`
	Class    int     `cbor:"8,keyasint"`
	Label    string  `cbor:"9,keyasint"`
	Score    float32 `cbor:"10,keyasint"`
	State    []byte  `cbor:"11,keyasint"`
	Input    []byte  `cbor:"12,keyasint"`
	Output   []byte  `cbor:"13,keyasint"`
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
		MaxArrayElements:  16,
		MaxMapPairs:       16,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return modes{enc, dec}
})

// Encode returns the capture's file.
func (c *Capture) Encode() ([]byte, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("encode capture: %w", err)
	}
	body, err := codec().enc.Marshal(&wire{
		c.Time.UnixMilli(), c.Synced, c.Device, c.Pipeline, c.Subject, c.Bundle[:], c.Numerics, uint8(c.Why),
		c.Class, c.Label, c.Score, c.State, c.Input, c.Output,
	})
	if err != nil {
		return nil, fmt.Errorf("encode capture: %w", err)
	}
	data := append([]byte(magic), body...)
	if len(data) > maxBytes-4 {
		return nil, fmt.Errorf("encode capture: %d bytes, at most %d", len(data), maxBytes-4)
	}
	return binary.LittleEndian.AppendUint32(data, checksum(data)), nil
}

func checksum(data []byte) uint32 {
	return crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
}

func (c *Capture) validate() error {
	for what, s := range map[string]string{"device": c.Device, "pipeline": c.Pipeline, "subject": c.Subject, "label": c.Label} {
		if len(s) > maxText {
			return fmt.Errorf("%s of %d bytes, at most %d", what, len(s), maxText)
		}
	}
	switch {
	case c.Time.UnixMilli() < 0 || c.Time.UnixMilli() > maxMillis:
		return fmt.Errorf("time %v", c.Time)
	case c.Class < 0 || c.Numerics < 0:
		return fmt.Errorf("class %d, numerics %d", c.Class, c.Numerics)
	case len(c.State) == 0 || len(c.Input) == 0 || len(c.Output) == 0:
		return errors.New("state, input or output is missing")
	}
	return nil
}

// maxMillis is the year 2286, the last of thirteen digits.
const maxMillis = 9_999_999_999_999

// Decode parses a file of at most 16 MiB that is not encrypted. It accepts
// exactly the bytes that Encode gives; a file of a later version gives
// ErrVersion.
func Decode(data []byte) (*Capture, error) {
	c, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("decode capture: %w", err)
	}
	again, err := c.Encode()
	if err != nil {
		return nil, fmt.Errorf("decode capture: %w", err)
	}
	if !bytes.Equal(again, data) {
		return nil, errors.New("decode capture: not in canonical form")
	}
	return c, nil
}

func decode(data []byte) (*Capture, error) {
	head := len(magic) - 1
	switch {
	case len(data) > maxBytes:
		return nil, fmt.Errorf("%d bytes, at most %d", len(data), maxBytes)
	case bytes.HasPrefix(data, []byte(sealedMagic)):
		return nil, ErrSealed
	case len(data) < len(magic)+4 || string(data[:head]) != magic[:head]:
		return nil, errors.New("not a capture")
	case data[head] > magic[head]:
		return nil, fmt.Errorf("%w: %d, known %d", ErrVersion, data[head], magic[head])
	}
	body := data[:len(data)-4]
	if got, want := checksum(body), binary.LittleEndian.Uint32(data[len(body):]); got != want {
		return nil, fmt.Errorf("CRC %08x, want %08x: the file is damaged", got, want)
	}
	var w wire
	if err := codec().dec.Unmarshal(body[len(magic):], &w); err != nil {
		return nil, err
	}
	if len(w.Bundle) != 32 {
		return nil, fmt.Errorf("bundle digest of %d bytes", len(w.Bundle))
	}
	return &Capture{
		time.UnixMilli(w.Time).UTC(), w.Synced, w.Device, w.Pipeline, w.Subject, [32]byte(w.Bundle), w.Numerics, Reason(w.Why),
		w.Class, w.Label, w.Score, w.State, w.Input, w.Output,
	}, nil
}

// ID is the name of a file that is not encrypted: its SHA-256 in hex.
func ID(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
