package serial

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/internal/tick"
)

// ModbusConfig describes registers of a Modbus device.
type ModbusConfig struct {
	Address   string     // TCP, host:port; empty: RTU over Port
	Port      PortConfig // RTU
	Unit      int        // address of the device, 0 to 247
	Input     bool       // input registers instead of holding registers
	Registers []Register // one a channel
	Stream    StreamConfig
	Clock     hal.Clock
}

// A Register is a number in one or two registers, high word first.
type Register struct {
	Address int
	Type    string // "i16", "u16", "i32", "u32" or "f32"
	Scale   float64
}

var registerTypes = map[string]string{"i16": "i16be", "u16": "u16be", "i32": "i32be", "u32": "u32be", "f32": "f32be"}

// Modbus is a sensor whose registers are read again and again.
type Modbus struct {
	cfg   ModbusConfig
	dev   device[talker]
	pace  *tick.Tick
	id    uint16
	first int // register
	count int
}

// talker is a connection or a port.
type talker interface {
	io.ReadWriteCloser
}

// OpenModbus returns a sensor; nothing is touched yet.
func OpenModbus(cfg ModbusConfig) (*Modbus, error) {
	if err := cfg.Stream.check(); err != nil {
		return nil, err
	}
	name, path := "Modbus device "+cfg.Address, ""
	if cfg.Address == "" {
		if err := cfg.Port.check(); err != nil {
			return nil, err
		}
		name, path = fmt.Sprintf("Modbus device %d on %s", cfg.Unit, cfg.Port.Device), cfg.Port.Device
	} else if _, _, err := net.SplitHostPort(cfg.Address); err != nil {
		return nil, fmt.Errorf("%s: want host:port, such as 192.168.1.20:502", name)
	}
	if cfg.Unit < 0 || cfg.Unit > 247 || len(cfg.Registers) != len(cfg.Stream.Names) || cfg.Stream.RateHz > 200 {
		return nil, fmt.Errorf("%s: unit %d, %d registers for %d channels at %v Hz: want units up to 247, 200 Hz at most", name, cfg.Unit, len(cfg.Registers), len(cfg.Stream.Names), cfg.Stream.RateHz)
	}
	s := &Modbus{cfg: cfg, pace: tick.New(cfg.Clock, cfg.Stream.RateHz)}
	last := -1
	for i, r := range cfg.Registers {
		t, ok := fieldTypes[registerTypes[r.Type]]
		if !ok || r.Address < 0 || r.Address > 0xffff {
			return nil, fmt.Errorf("%s: register %d as %.20q: want 0 to 65535 and i16, u16, i32, u32 or f32", name, r.Address, r.Type)
		}
		if i == 0 || r.Address < s.first {
			s.first = r.Address
		}
		last = max(last, r.Address+t.n/2-1)
	}
	if s.count = last - s.first + 1; s.count > 125 {
		return nil, fmt.Errorf("%s: registers %d to %d: one request reads 125", name, s.first, last)
	}
	s.dev = device[talker]{name: name, path: path, open: s.connect}
	return s, nil
}

func (s *Modbus) connect() (talker, error) {
	s.pace.Begin()
	if s.cfg.Address == "" {
		return openPort(s.cfg.Port, time.Second)
	}
	return net.DialTimeout("tcp", s.cfg.Address, 3*time.Second)
}

// Info implements hal.Sensor.
func (s *Modbus) Info() hal.StreamInfo { return s.cfg.Stream.info() }

// Halt implements hal.Sensor.
func (s *Modbus) Halt() error {
	s.pace.Halt()
	return s.dev.halt()
}

// Read implements hal.Sensor: one request a block.
func (s *Modbus) Read(ctx context.Context, buf []float32) (hal.Block, error) {
	t, err := s.dev.get(ctx)
	if err != nil {
		return hal.Block{}, err
	}
	at, lost, err := s.pace.Wait(ctx)
	if err != nil {
		return hal.Block{}, err
	}
	data, err := s.ask(t)
	if err != nil {
		return hal.Block{}, s.dev.fail(ctx, err)
	}
	for i, r := range s.cfg.Registers {
		buf[i] = float32(number(data[2*(r.Address-s.first):], registerTypes[r.Type]) * r.Scale)
	}
	return hal.Block{Frames: 1, Time: at, Lost: lost}, nil
}

// ask sends the request and returns the registers' bytes.
func (s *Modbus) ask(t talker) ([]byte, error) {
	pdu := []byte{3, 0, 0, 0, 0} // read holding registers
	if s.cfg.Input {
		pdu[0] = 4
	}
	binary.BigEndian.PutUint16(pdu[1:], uint16(s.first))
	binary.BigEndian.PutUint16(pdu[3:], uint16(s.count))
	var answer []byte
	var err error
	if c, ok := t.(net.Conn); ok {
		answer, err = s.askTCP(c, pdu)
	} else {
		answer, err = s.askRTU(t, pdu)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case len(answer) == 2 && answer[0] == pdu[0]|0x80:
		return nil, fmt.Errorf("it refuses the registers %d to %d: %s", s.first, s.first+s.count-1, exception(answer[1]))
	case len(answer) != 2+2*s.count || answer[0] != pdu[0] || int(answer[1]) != 2*s.count:
		return nil, errors.New("it answers something else")
	}
	return answer[2:], nil
}

// exception names a code (Modbus application protocol V1.1b3, 7).
func exception(code byte) string {
	switch code {
	case 1:
		return "illegal function; try the other kind of register"
	case 2:
		return "illegal address"
	case 3:
		return "illegal count"
	case 4:
		return "device failure"
	}
	return fmt.Sprint("code ", code)
}

func (s *Modbus) askTCP(c net.Conn, pdu []byte) ([]byte, error) {
	if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return nil, err
	}
	s.id++
	head := []byte{0, 0, 0, 0, 0, byte(len(pdu) + 1), byte(s.cfg.Unit)}
	binary.BigEndian.PutUint16(head, s.id)
	if _, err := c.Write(append(head, pdu...)); err != nil {
		return nil, err
	}
	for {
		if _, err := io.ReadFull(c, head); err != nil {
			return nil, err
		}
		n := int(binary.BigEndian.Uint16(head[4:])) - 1
		if n < 2 || n > 253 || binary.BigEndian.Uint16(head[2:]) != 0 {
			return nil, errors.New("it does not speak Modbus")
		}
		answer := make([]byte, n)
		if _, err := io.ReadFull(c, answer); err != nil {
			return nil, err
		}
		if binary.BigEndian.Uint16(head) == s.id { // others answer what was given up
			return answer, nil
		}
	}
}

func (s *Modbus) askRTU(t talker, pdu []byte) ([]byte, error) {
	if p, ok := t.(*port); ok {
		_ = p.ResetInputBuffer() // what came late
	}
	frame := append([]byte{byte(s.cfg.Unit)}, pdu...)
	frame = binary.LittleEndian.AppendUint16(frame, crc16(frame))
	if _, err := t.Write(frame); err != nil {
		return nil, err
	}
	answer := make([]byte, 5) // the shortest: an exception
	if _, err := io.ReadFull(t, answer); err != nil {
		return nil, err
	}
	if answer[1]&0x80 == 0 {
		rest := make([]byte, 2*s.count)
		if _, err := io.ReadFull(t, rest); err != nil {
			return nil, err
		}
		answer = append(answer, rest...)
	}
	n := len(answer) - 2
	if crc16(answer[:n]) != binary.LittleEndian.Uint16(answer[n:]) || answer[0] != byte(s.cfg.Unit) {
		return nil, errors.New("its answer is garbled: check baud, parity and wiring")
	}
	return answer[1:n], nil
}
