package serial

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
)

// FramesConfig describes a sensor that sends binary frames of one length.
type FramesConfig struct {
	Port   PortConfig
	Stream StreamConfig
	Sync   string  // how a frame begins, in hexadecimal: "aa55"
	Length int     // of a whole frame in bytes, sync and checksum included
	Fields []Field // one a channel
	Check  string  // the end of a frame: "none", "sum8", "xor8" or "crc16" (Modbus, little-endian)
}

// A Field is a number in a frame.
type Field struct {
	Offset int    // from the beginning of the frame, in bytes
	Type   string // "i8", "u8", "i16le", "u16be", "i24le", "i32be", "f32le", ...
	Scale  float64
}

// fieldTypes: bytes, signed, big-endian, floating point.
var fieldTypes = map[string]struct {
	n                  int
	signed, big, float bool
}{
	"i8": {1, true, false, false}, "u8": {1, false, false, false},
	"i16le": {2, true, false, false}, "i16be": {2, true, true, false}, "u16le": {2, false, false, false}, "u16be": {2, false, true, false},
	"i24le": {3, true, false, false}, "i24be": {3, true, true, false}, "u24le": {3, false, false, false}, "u24be": {3, false, true, false},
	"i32le": {4, true, false, false}, "i32be": {4, true, true, false}, "u32le": {4, false, false, false}, "u32be": {4, false, true, false},
	"f32le": {4, true, false, true}, "f32be": {4, true, true, true},
}

var checkBytes = map[string]int{"none": 0, "sum8": 1, "xor8": 1, "crc16": 2}

// Frames is a sensor of binary frames.
type Frames struct {
	cfg  FramesConfig
	sync []byte
	dev  device[*port]
	raw  []byte
	have int
}

// OpenFrames returns a sensor; nothing is touched yet.
func OpenFrames(cfg FramesConfig) (*Frames, error) {
	if err := cfg.Port.check(); err != nil {
		return nil, err
	}
	if err := cfg.Stream.check(); err != nil {
		return nil, err
	}
	sync, err := hex.DecodeString(cfg.Sync)
	if err != nil || len(sync) == 0 || len(sync) > 16 {
		return nil, fmt.Errorf("serial sensor: sync %.40q: want 1 to 16 bytes in hexadecimal, such as aa55", cfg.Sync)
	}
	sum, ok := checkBytes[cfg.Check]
	if !ok {
		return nil, fmt.Errorf("serial sensor: check %.20q: want none, sum8, xor8 or crc16", cfg.Check)
	}
	if cfg.Length <= len(sync)+sum || cfg.Length > 4096 || len(cfg.Fields) != len(cfg.Stream.Names) {
		return nil, fmt.Errorf("serial sensor: frames of %d bytes with %d fields for %d channels", cfg.Length, len(cfg.Fields), len(cfg.Stream.Names))
	}
	for _, f := range cfg.Fields {
		t, ok := fieldTypes[f.Type]
		if !ok || f.Offset < 0 || f.Offset+t.n > cfg.Length-sum {
			return nil, fmt.Errorf("serial sensor: field %.20q at %d of %d bytes: want types such as i16le within the frame", f.Type, f.Offset, cfg.Length)
		}
	}
	s := &Frames{cfg: cfg, sync: sync, raw: make([]byte, 8*cfg.Length)}
	s.dev = device[*port]{name: "serial port " + cfg.Port.Device, path: cfg.Port.Device, open: func() (*port, error) {
		s.have = 0
		return openPort(cfg.Port, cfg.Stream.stall())
	}}
	return s, nil
}

// Info implements hal.Sensor.
func (s *Frames) Info() hal.StreamInfo { return s.cfg.Stream.info() }

// Halt implements hal.Sensor.
func (s *Frames) Halt() error { return s.dev.halt() }

// Read implements hal.Sensor: one frame a block. Bytes that belong to no whole
// frame count as lost frames, a begun one as one.
func (s *Frames) Read(ctx context.Context, buf []float32) (hal.Block, error) {
	p, err := s.dev.get(ctx)
	if err != nil {
		return hal.Block{}, err
	}
	junk := 0
	for end := time.Now().Add(s.cfg.Stream.stall()); ; {
		if n := s.find(&junk); n {
			s.take(buf)
			return hal.Block{Frames: 1, Time: time.Now(), Lost: uint64((junk + s.cfg.Length - 1) / s.cfg.Length)}, nil
		}
		if time.Now().After(end) {
			return hal.Block{}, s.dev.fail(ctx, fmt.Errorf("no frame as configured for %s, but %d other bytes", s.cfg.Stream.stall(), junk))
		}
		n, err := p.Read(s.raw[s.have:])
		if err != nil {
			return hal.Block{}, s.dev.fail(ctx, err)
		}
		s.have += n
	}
}

// find moves the next whole and right frame to the front; false wants more
// bytes, for which there is room then.
func (s *Frames) find(junk *int) bool {
	at := 0
	defer func() { s.have = copy(s.raw, s.raw[at:s.have]) }()
	for {
		i := bytes.Index(s.raw[at:s.have], s.sync)
		if i < 0 {
			skip := max(0, s.have-at-len(s.sync)+1) // its beginning may be there
			*junk += skip
			at += skip
			return false
		}
		*junk += i
		at += i
		if s.have-at < s.cfg.Length {
			return false
		}
		if s.right(s.raw[at:][:s.cfg.Length]) {
			return true
		}
		*junk++
		at++
	}
}

// right checks a frame's checksum.
func (s *Frames) right(f []byte) bool {
	body := f[:len(f)-checkBytes[s.cfg.Check]]
	switch s.cfg.Check {
	case "sum8":
		sum := byte(0)
		for _, b := range body {
			sum += b
		}
		return sum == f[len(f)-1]
	case "xor8":
		sum := byte(0)
		for _, b := range body {
			sum ^= b
		}
		return sum == f[len(f)-1]
	case "crc16":
		return crc16(body) == binary.LittleEndian.Uint16(f[len(f)-2:])
	}
	return true
}

// take converts the frame in front and drops it.
func (s *Frames) take(buf []float32) {
	for i, f := range s.cfg.Fields {
		buf[i] = float32(number(s.raw[f.Offset:], f.Type) * f.Scale)
	}
	s.have = copy(s.raw, s.raw[s.cfg.Length:s.have])
}

// number reads a field; what is no number is 0.
func number(b []byte, kind string) float64 {
	t := fieldTypes[kind]
	var v uint32
	for i := range t.n {
		k := i
		if t.big {
			k = t.n - 1 - i
		}
		v |= uint32(b[k]) << (8 * i)
	}
	if t.float {
		f := float64(math.Float32frombits(v))
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return 0
		}
		return f
	}
	if !t.signed {
		return float64(v)
	}
	shift := 32 - 8*t.n
	return float64(int32(v<<shift) >> shift)
}

// crc16 is Modbus' checksum (Modbus over serial line V1.02, 6.2.2).
func crc16(data []byte) uint16 {
	crc := uint16(0xffff)
	for _, b := range data {
		crc ^= uint16(b)
		for range 8 {
			low := crc & 1
			crc >>= 1
			if low == 1 {
				crc ^= 0xa001
			}
		}
	}
	return crc
}
