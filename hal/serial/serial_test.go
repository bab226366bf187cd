package serial

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dunlin-edge/dunlin/hal"
)

// pty is a serial port that this test talks through from the other end.
func pty(t *testing.T) (far *os.File, path string) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	far = os.NewFile(uintptr(fd), "ptmx")
	t.Cleanup(func() { far.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetUint32(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	path = fmt.Sprint("/dev/pts/", n)
	// Raw from the first moment, and open on this side, as a cable is.
	near, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	tio, err := unix.IoctlGetTermios(int(near.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	tio.Iflag, tio.Oflag, tio.Lflag = 0, 0, 0
	if err := unix.IoctlSetTermios(int(near.Fd()), unix.TCSETS, tio); err != nil {
		t.Fatal(err)
	}
	return far, path
}

func portAt(path string) PortConfig { return PortConfig{path, 115200, "none", 1} }

func xyz(rate float64) StreamConfig {
	return StreamConfig{RateHz: rate, Unit: "g", Names: []string{"x", "y", "z"}}
}

// say writes once the port is open: what came before is thrown away by drivers.
func say(t *testing.T, far *os.File, text string) {
	t.Helper()
	if _, err := far.WriteString(text); err != nil {
		t.Error(err)
	}
}

func TestLines(t *testing.T) {
	far, path := pty(t)
	s, err := OpenLines(LinesConfig{Port: portAt(path), Stream: xyz(100), Columns: []int{1, 2, 0}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Halt()
	time.AfterFunc(100*time.Millisecond, func() {
		say(t, far, ".5,9,9\n1.5, -2,3e2\r\n# a comment\n1;2;3\nx,1,2\n1,2\n4\t5\t6\n7 8   9\n")
	})
	buf := make([]float32, 3)
	for i, want := range []struct {
		v    [3]float32
		lost uint64
	}{{[3]float32{-2, 300, 1.5}, 0}, {[3]float32{2, 3, 1}, 1}, {[3]float32{5, 6, 4}, 2}, {[3]float32{8, 9, 7}, 0}} {
		b, err := s.Read(t.Context(), buf)
		if err != nil || b.Frames != 1 || b.Lost != want.lost || [3]float32(buf) != want.v {
			t.Errorf("%d: %v %+v %v, want %+v", i, buf, b, err, want)
		}
	}
	if i := s.Info(); i.Unit != "g" || i.Kind != hal.KindSamples || i.Channels != 3 {
		t.Errorf("%+v", i)
	}
}

func TestNMEA(t *testing.T) {
	far, path := pty(t)
	s, err := OpenLines(LinesConfig{Port: portAt(path), Stream: StreamConfig{RateHz: 1, Unit: "kn", Names: []string{"speed"}}, Prefix: "$GPRMC", Columns: []int{7}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Halt()
	time.AfterFunc(100*time.Millisecond, func() {
		say(t, far, "\n$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n"+
			"$GPRMC,123519,A,4807.038,N,01131.000,E,922.4,084.4,230394,003.1,W*6A\r\n"+ // a digit flipped
			"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n")
	})
	buf := make([]float32, 1)
	if b, err := s.Read(t.Context(), buf); err != nil || buf[0] != 22.4 || b.Lost != 1 {
		t.Errorf("%v %+v %v", buf, b, err)
	}
}

// frame is aa55, three int16 little-endian, crc16.
func frame(x, y, z int16) []byte {
	b := []byte{0xaa, 0x55}
	for _, v := range []int16{x, y, z} {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	return binary.LittleEndian.AppendUint16(b, crc16(b))
}

func framesConfig(path string) FramesConfig {
	return FramesConfig{Port: portAt(path), Stream: xyz(100), Sync: "aa55", Length: 10, Check: "crc16",
		Fields: []Field{{2, "i16le", 0.01}, {4, "i16le", 0.01}, {6, "i16le", 0.01}}}
}

func TestFrames(t *testing.T) {
	far, path := pty(t)
	s, err := OpenFrames(framesConfig(path))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Halt()
	bad := frame(1, 2, 3)
	bad[4] ^= 0x10
	sent := [][]byte{frame(1, 2, 3)[5:], frame(100, -200, 32767), {0xaa}, frame(4, 5, 6), bad, {0xaa, 0x55, 0xaa}, frame(-1, 0, 0)}
	time.AfterFunc(100*time.Millisecond, func() {
		for _, p := range sent {
			for _, half := range [][]byte{p[:len(p)/2], p[len(p)/2:]} { // as they come: in pieces
				say(t, far, string(half))
				time.Sleep(2 * time.Millisecond)
			}
		}
	})
	buf := make([]float32, 3)
	for i, want := range []struct {
		v    [3]float32
		lost uint64
	}{{[3]float32{1, -2, 327.67}, 1}, {[3]float32{0.04, 0.05, 0.06}, 1}, {[3]float32{-0.01, 0, 0}, 2}} {
		b, err := s.Read(t.Context(), buf)
		if err != nil || b.Lost != want.lost {
			t.Fatalf("%d: %v %+v %v, want %+v", i, buf, b, err, want)
		}
		for k := range buf {
			if math.Abs(float64(buf[k]-want.v[k])) > 1e-4 {
				t.Errorf("%d: %v, want %v", i, buf, want.v)
			}
		}
	}
}

func TestNumbers(t *testing.T) {
	b := []byte{0x80, 0x01, 0x02, 0xff}
	for kind, want := range map[string]float64{
		"i8": -128, "u8": 128, "i16le": 0x0180, "i16be": -0x7fff, "u16be": 0x8001, "u24le": 0x020180, "i24be": -0x7ffefe, "u32le": 0xff020180, "i32le": -0xfdfe80,
		"i32be": float64(int32(-0x7ffefd01)), "u32be": 0x800102ff, "u16le": 0x0180, "i24le": 0x020180, "u24be": 0x800102,
		"f32be": float64(math.Float32frombits(0x800102ff)), "f32le": float64(math.Float32frombits(0xff020180)),
	} {
		if got := number(b, kind); got != want {
			t.Errorf("%s is %v, want %v", kind, got, want)
		}
	}
	if len(fieldTypes) != 16 || number([]byte{0xff, 0xff, 0xff, 0xff}, "f32le") != 0 {
		t.Error("a type without a test, or NaN passed")
	}
	if got := crc16([]byte("123456789")); got != 0x4b37 { // the check value of CRC-16/MODBUS
		t.Errorf("crc %#x", got)
	}
}

// modbusPeer answers requests on a wire; mode says how badly.
func modbusPeer(t *testing.T, rw io.ReadWriter, tcp bool, mode func(n int) string) {
	for n := 0; ; n++ {
		head := make([]byte, map[bool]int{true: 12, false: 8}[tcp])
		if _, err := io.ReadFull(rw, head); err != nil {
			return
		}
		pdu := head[1:6]
		if tcp {
			pdu = head[7:12]
		}
		count := int(binary.BigEndian.Uint16(pdu[3:]))
		answer := []byte{pdu[0], byte(2 * count)}
		for i := range count {
			answer = binary.BigEndian.AppendUint16(answer, uint16(0x4000+int(binary.BigEndian.Uint16(pdu[1:]))+i))
		}
		switch mode(n) {
		case "exception":
			answer = []byte{pdu[0] | 0x80, 2}
		case "short":
			answer[1] -= 2
			answer = answer[:len(answer)-2]
		case "silent":
			continue
		}
		var out []byte
		if tcp {
			out = append(out, head[:4]...)
			if mode(n) == "late" {
				out[1]--
			}
			out = binary.BigEndian.AppendUint16(out, uint16(len(answer)+1))
			out = append(append(out, head[6]), answer...)
			if mode(n) == "late" { // the answer to an earlier request, then the right one
				right := append([]byte{}, out...)
				right[1]++
				out = append(out, right...)
			}
		} else {
			out = append([]byte{head[0]}, answer...)
			out = binary.LittleEndian.AppendUint16(out, crc16(out))
		}
		if mode(n) == "garbled" {
			out[len(out)-3] ^= 1
		}
		if _, err := rw.Write(out); err != nil {
			return
		}
	}
}

func registers(c ModbusConfig) ModbusConfig {
	c.Unit, c.Stream = 17, StreamConfig{RateHz: 100, Names: []string{"a", "b"}}
	c.Registers = []Register{{100, "u16", 0.5}, {102, "u32", 1}}
	return c
}

func checkModbus(t *testing.T, s *Modbus) {
	t.Helper()
	buf := make([]float32, 2)
	b, err := s.Read(t.Context(), buf)
	if err != nil || b.Frames != 1 || buf[0] != (0x4000+100)/2 || buf[1] != float32(0x40664067) {
		t.Fatalf("%v %+v %v", buf, b, err)
	}
}

func TestModbusRTU(t *testing.T) {
	far, path := pty(t)
	bad := map[int]string{1: "garbled", 3: "exception", 5: "silent"}
	go modbusPeer(t, far, false, func(n int) string { return bad[n] })
	s, err := OpenModbus(registers(ModbusConfig{Port: portAt(path)}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Halt()
	checkModbus(t, s)
	for _, want := range []string{"garbled", "illegal address", "silent for 1s"} {
		if _, err := s.Read(t.Context(), make([]float32, 2)); !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		checkModbus(t, s) // it recovers
	}
}

func TestModbusTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	bad := []string{"late", "exception", "short", "silent"}
	var n atomic.Int32
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				modbusPeer(t, c, true, func(int) string {
					if i := int(n.Load()); i < len(bad) {
						return bad[i]
					}
					return ""
				})
			}()
		}
	}()
	s, err := OpenModbus(registers(ModbusConfig{Address: l.Addr().String(), Input: true}))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Halt()
	checkModbus(t, s) // behind an answer that came late
	for _, want := range []string{"illegal address", "something else", "timeout"} {
		n.Add(1)
		if _, err := s.Read(t.Context(), make([]float32, 2)); !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	n.Add(1)
	checkModbus(t, s)
}

// TestBadPeers: what a port may do instead of sending what was configured.
func TestBadPeers(t *testing.T) {
	for name, c := range map[string]struct {
		peer func(far *os.File)
		want string
	}{
		"silent":  {func(*os.File) {}, "silent for 1s"},
		"noise":   {func(f *os.File) { f.Write(make([]byte, 64<<10)) }, "no line as configured"},
		"endless": {func(f *os.File) { f.WriteString(strings.Repeat("9", 3*maxLine)) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			far, path := pty(t)
			s, err := OpenLines(LinesConfig{Port: portAt(path), Stream: xyz(100), Columns: []int{0, 1, 2}})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Halt()
			stop := make(chan struct{})
			defer close(stop)
			go func() {
				for {
					select {
					case <-stop:
						return
					case <-time.After(50 * time.Millisecond):
						c.peer(far)
						if name == "noise" {
							far.WriteString("\nnothing\n")
						}
					}
				}
			}()
			if name == "endless" {
				time.AfterFunc(300*time.Millisecond, func() { s.Halt() })
			}
			_, err = s.Read(t.Context(), make([]float32, 3))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	s, err := OpenLines(LinesConfig{Port: portAt("/dev/ttyNONE"), Stream: xyz(1), Columns: []int{0, 1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(t.Context(), make([]float32, 3)); !errors.Is(err, hal.ErrAbsent) {
		t.Errorf("absent: %v", err)
	}
}

// TestUnplugged: the other end goes, and the next Read says so.
func TestUnplugged(t *testing.T) {
	far, path := pty(t)
	s, err := OpenFrames(framesConfig(path))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Halt()
	time.AfterFunc(100*time.Millisecond, func() {
		say(t, far, string(frame(1, 2, 3)))
		time.Sleep(50 * time.Millisecond)
		far.Close()
	})
	buf := make([]float32, 3)
	if _, err := s.Read(t.Context(), buf); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := s.Read(t.Context(), buf); !errors.Is(err, hal.ErrAbsent) || time.Since(began) > 3*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
	s.Halt()
	if _, err := s.Read(t.Context(), buf); !errors.Is(err, hal.ErrHalted) {
		t.Errorf("halted: %v", err)
	}
}

func TestConfigs(t *testing.T) {
	p, three := portAt("/dev/ttyUSB0"), []int{0, 1, 2}
	for _, c := range []LinesConfig{
		{Port: PortConfig{"ttyUSB0", 9600, "none", 1}, Stream: xyz(1), Columns: three}, {Port: PortConfig{"/dev/x", 1, "none", 1}, Stream: xyz(1), Columns: three},
		{Port: PortConfig{"/dev/x", 9600, "mark", 1}, Stream: xyz(1), Columns: three}, {Port: PortConfig{"/dev/x", 9600, "none", 3}, Stream: xyz(1), Columns: three},
		{Port: p, Stream: xyz(0), Columns: three}, {Port: p, Stream: xyz(1), Columns: three[:2]}, {Port: p, Stream: xyz(1), Columns: []int{-1, 0, 1}},
	} {
		if _, err := OpenLines(c); err == nil {
			t.Errorf("%+v opened", c)
		}
	}
	for _, change := range []func(*FramesConfig){
		func(c *FramesConfig) { c.Sync = "" }, func(c *FramesConfig) { c.Sync = "xy" }, func(c *FramesConfig) { c.Check = "md5" }, func(c *FramesConfig) { c.Length = 3 },
		func(c *FramesConfig) { c.Fields[0].Offset = 7 }, func(c *FramesConfig) { c.Fields[0].Type = "i12" }, func(c *FramesConfig) { c.Fields = c.Fields[:1] },
	} {
		c := framesConfig("/dev/ttyUSB0")
		if change(&c); c.Port.Device != "" {
			if _, err := OpenFrames(c); err == nil {
				t.Errorf("%+v opened", c)
			}
		}
	}
	for _, change := range []func(*ModbusConfig){
		func(c *ModbusConfig) { c.Address = "nohost" }, func(c *ModbusConfig) { c.Unit = 300 }, func(c *ModbusConfig) { c.Registers[1].Address = 400 },
		func(c *ModbusConfig) { c.Registers[0].Type = "u8" }, func(c *ModbusConfig) { c.Stream.RateHz = 1000 }, func(c *ModbusConfig) { c.Registers = nil },
	} {
		c := registers(ModbusConfig{Port: p})
		change(&c)
		if _, err := OpenModbus(c); err == nil {
			t.Errorf("%+v opened", c)
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(append(frame(1, 2, 3), frame(4, 5, 6)...))
	f.Add([]byte{0xaa, 0x55, 0xaa, 0x55})
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := OpenFrames(framesConfig("/dev/null"))
		if err != nil {
			t.Fatal(err)
		}
		junk, got := 0, 0
		for rest := data; len(rest) > 0 || s.have > 0; {
			n := copy(s.raw[s.have:], rest)
			s.have += n
			rest = rest[n:]
			if s.find(&junk) {
				s.take(make([]float32, 3))
				got++
				continue
			}
			if n == 0 {
				break
			}
		}
		if s.have+junk+got*10 != len(data) {
			t.Errorf("%d bytes: %d frames, %d other bytes, %d wait", len(data), got, junk, s.have)
		}
	})
}

func FuzzLine(f *testing.F) {
	f.Add([]byte("$GPRMC,1,2*6A"))
	f.Add([]byte("1, 2;3\t4  5"))
	f.Fuzz(func(t *testing.T, line []byte) {
		s := &Lines{cfg: LinesConfig{Columns: []int{0, 3}}}
		buf := []float32{0, 0}
		if s.parse(line, buf) == wanted && (buf[0] != buf[0] || buf[1] != buf[1]) {
			t.Error("not a number")
		}
	})
}
