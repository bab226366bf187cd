package serial

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
)

// maxLine bounds a line in bytes.
const maxLine = 4096

// LinesConfig describes a sensor that sends lines of numbers.
type LinesConfig struct {
	Port   PortConfig
	Stream StreamConfig
	// Prefix is how a line begins that is wanted, such as $GPRMC; others are
	// passed over. Lines that begin with $ have NMEA 0183's checksum.
	Prefix  string
	Columns []int // where each channel's number stands, from 0
}

// Lines is a sensor of lines: fields between commas, semicolons, tabs or
// blanks.
type Lines struct {
	cfg  LinesConfig
	dev  device[*port]
	raw  [512]byte
	line []byte
	rest []byte
	skip bool // what is left of a line whose beginning was not seen
}

// OpenLines returns a sensor; nothing is touched yet.
func OpenLines(cfg LinesConfig) (*Lines, error) {
	if err := cfg.Port.check(); err != nil {
		return nil, err
	}
	if err := cfg.Stream.check(); err != nil {
		return nil, err
	}
	if len(cfg.Columns) != len(cfg.Stream.Names) {
		return nil, fmt.Errorf("serial sensor: %d columns for %d channels", len(cfg.Columns), len(cfg.Stream.Names))
	}
	for _, c := range cfg.Columns {
		if c < 0 || c > 1000 {
			return nil, fmt.Errorf("serial sensor: column %d", c)
		}
	}
	s := &Lines{cfg: cfg}
	s.dev = device[*port]{name: "serial port " + cfg.Port.Device, path: cfg.Port.Device, open: func() (*port, error) {
		s.line, s.rest, s.skip = s.line[:0], nil, true // it may be in the middle of a line
		return openPort(cfg.Port, cfg.Stream.stall())
	}}
	return s, nil
}

// Info implements hal.Sensor.
func (s *Lines) Info() hal.StreamInfo { return s.cfg.Stream.info() }

// Halt implements hal.Sensor.
func (s *Lines) Halt() error { return s.dev.halt() }

// Read implements hal.Sensor: one reading a block.
func (s *Lines) Read(ctx context.Context, buf []float32) (hal.Block, error) {
	p, err := s.dev.get(ctx)
	if err != nil {
		return hal.Block{}, err
	}
	lost := uint64(0)
	for end := time.Now().Add(s.cfg.Stream.stall()); ; {
		line, err := s.next(p)
		if err != nil {
			return hal.Block{}, s.dev.fail(ctx, err)
		}
		switch s.parse(line, buf) {
		case wanted:
			return hal.Block{Frames: 1, Time: time.Now(), Lost: lost}, nil
		case garbled:
			lost++
		}
		if time.Now().After(end) { // it talks, and says nothing that is wanted
			return hal.Block{}, s.dev.fail(ctx, fmt.Errorf("no line as configured for %s; the last was %.60q", s.cfg.Stream.stall(), line))
		}
	}
}

// next returns the next line, without its end.
func (s *Lines) next(p *port) ([]byte, error) {
	s.line = s.line[:0]
	for {
		if i := bytes.IndexByte(s.rest, '\n'); i >= 0 {
			s.line = append(s.line, s.rest[:i]...)
			s.rest = s.rest[i+1:]
			if s.skip {
				s.skip, s.line = false, s.line[:0]
				continue
			}
			return bytes.TrimRight(s.line, "\r"), nil
		}
		s.line = append(s.line, s.rest...)
		if len(s.line) > maxLine {
			s.line, s.skip = s.line[:0], true
		}
		n, err := p.Read(s.raw[:])
		if err != nil {
			return nil, err
		}
		s.rest = s.raw[:n]
	}
}

// What a line is.
const (
	other = iota
	wanted
	garbled
)

// parse puts the numbers of a line into buf.
func (s *Lines) parse(line []byte, buf []float32) int {
	if len(line) > 0 && line[0] == '$' {
		body, ok := checkNMEA(line)
		if !ok {
			return garbled
		}
		line = body
	}
	if len(line) == 0 || !bytes.HasPrefix(line, []byte(s.cfg.Prefix)) {
		return other
	}
	for i, c := range s.cfg.Columns {
		v, err := strconv.ParseFloat(string(field(line, c)), 32)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return garbled
		}
		buf[i] = float32(v)
	}
	return wanted
}

// field returns the n-th field of a line.
func field(line []byte, n int) []byte {
	for ; n >= 0; n-- {
		line = bytes.TrimLeft(line, " ")
		i := bytes.IndexAny(line, ",;\t ")
		if i < 0 {
			i = len(line)
		}
		if n == 0 {
			return line[:i]
		}
		line = bytes.TrimLeft(line[i:], " ")
		if len(line) == 0 {
			return nil
		}
		if line[0] == ',' || line[0] == ';' || line[0] == '\t' {
			line = line[1:]
		}
	}
	return nil
}

// checkNMEA checks the exclusive-or of what stands between $ and *, and returns
// the line without it (NMEA 0183, 5.2.2.4).
func checkNMEA(line []byte) ([]byte, bool) {
	i := bytes.LastIndexByte(line, '*')
	if i < 0 || i+3 != len(line) {
		return nil, false
	}
	want, err := strconv.ParseUint(string(line[i+1:]), 16, 8)
	sum := byte(0)
	for _, c := range line[1:i] {
		sum ^= c
	}
	return line[:i], err == nil && sum == byte(want)
}
