package iio

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
)

// tree writes attributes of iio:device0, as the ABI's documentation has them.
func tree(t *testing.T, attrs map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range attrs {
		path := filepath.Join(root, "sys/bus/iio/devices/iio:device0", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(root, "dev"), 0o700); err != nil {
		t.Fatal(err)
	}
	return root
}

// adxl is an accelerometer with 13 bits in 16, little-endian, and timestamps.
func adxl(t *testing.T) string {
	return tree(t, map[string]string{
		"name": "adxl345", "in_accel_scale": "0.038245935", "sampling_frequency": "100", "sampling_frequency_available": "100 200 400 800 1600 3200",
		"in_accel_x_raw": "0", "in_accel_y_raw": "0", "in_accel_z_raw": "256",
		"scan_elements/in_accel_x_en": "0", "scan_elements/in_accel_x_index": "0", "scan_elements/in_accel_x_type": "le:s13/16>>0",
		"scan_elements/in_accel_y_en": "1", "scan_elements/in_accel_y_index": "1", "scan_elements/in_accel_y_type": "le:s13/16>>0",
		"scan_elements/in_accel_z_en": "0", "scan_elements/in_accel_z_index": "2", "scan_elements/in_accel_z_type": "le:s13/16>>0",
		"scan_elements/in_timestamp_en": "0", "scan_elements/in_timestamp_index": "3", "scan_elements/in_timestamp_type": "le:s64/64>>0",
		"buffer/enable": "0", "buffer/length": "2", "buffer/watermark": "1", "trigger/current_trigger": "",
	})
}

func attr(t *testing.T, root, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "sys/bus/iio/devices/iio:device0", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

// node makes the device's buffer a pipe and returns its other end.
func node(t *testing.T, root string) *os.File {
	t.Helper()
	path := filepath.Join(root, "dev/iio:device0")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func open(t *testing.T, cfg Config) *Sensor {
	t.Helper()
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Halt() })
	return s
}

// xz is a record of x and z: 2 + 2 bytes, padding to 8, the timestamp.
func xz(x, z int16, at int64) []byte {
	b := make([]byte, 16)
	binary.LittleEndian.PutUint16(b, uint16(x)&0x1fff)
	binary.LittleEndian.PutUint16(b[2:], uint16(z)&0x1fff)
	binary.LittleEndian.PutUint64(b[8:], uint64(at))
	return b
}

func TestBuffered(t *testing.T) {
	root := adxl(t)
	w := node(t, root)
	s := open(t, Config{Root: root, Device: "adxl345", Channels: []string{"accel_z", "accel_x"}, RateHz: 400, Buffered: true, Trigger: "hrtimer0"})
	if i := s.Info(); i.Kind != hal.KindVibration || i.Unit != "g" || i.Channels != 2 || i.RateHz != 400 {
		t.Errorf("info %+v", i)
	}
	const ms = 2500000 // period, ns
	data := slices.Concat(xz(-256, 256, 1*ms), xz(128, -4096, 2*ms), xz(0, 0, 6*ms), xz(0, 1, 7*ms))
	if _, err := w.Write(data[:40]); err != nil { // two and a half
		t.Fatal(err)
	}
	buf := make([]float32, 20)
	b, err := s.Read(t.Context(), buf)
	if err != nil || b.Frames != 2 || b.Lost != 0 {
		t.Fatalf("%+v, %v", b, err)
	}
	for i, raw := range []float64{256, -256, -4096, 128} {
		if want := raw * 0.038245935 / 9.80665; math.Abs(float64(buf[i])-want) > 1e-6 {
			t.Errorf("value %d is %v, want %v", i, buf[i], want)
		}
	}
	if _, err := w.Write(data[40:]); err != nil {
		t.Fatal(err)
	}
	if b, err = s.Read(t.Context(), buf); err != nil || b.Frames != 2 || b.Lost != 3 {
		t.Errorf("behind a gap of three: %+v, %v", b, err)
	}
	for name, want := range map[string]string{
		"sampling_frequency": "400", "scan_elements/in_accel_x_en": "1", "scan_elements/in_accel_y_en": "0", "scan_elements/in_accel_z_en": "1",
		"scan_elements/in_timestamp_en": "1", "buffer/length": "512", "buffer/watermark": "8", "buffer/enable": "1", "trigger/current_trigger": "hrtimer0",
	} {
		if got := attr(t, root, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	s.Halt()
	if attr(t, root, "buffer/enable") != "0" {
		t.Error("the buffer stays on after Halt")
	}
}

// TestGapInside: a block ends where samples are missing.
func TestGapInside(t *testing.T) {
	root := adxl(t)
	w := node(t, root)
	s := open(t, Config{Root: root, Device: "iio:device0", Channels: []string{"accel_x", "accel_z"}, RateHz: 400, Buffered: true})
	const ms = 2500000
	if _, err := w.Write(slices.Concat(xz(1, 1, 1*ms), xz(2, 2, 2*ms), xz(3, 3, 12*ms), xz(4, 4, 13*ms))); err != nil {
		t.Fatal(err)
	}
	for _, want := range []hal.Block{{Frames: 2}, {Frames: 2, Lost: 9}} {
		b, err := s.Read(t.Context(), make([]float32, 40))
		if err != nil || b.Frames != want.Frames || b.Lost != want.Lost {
			t.Errorf("%+v, %v, want %+v", b, err, want)
		}
	}
}

func TestPolled(t *testing.T) {
	root := tree(t, map[string]string{
		"name": "bmp280", "in_temp_input": "23125", "in_pressure_raw": "-98", "in_pressure_scale": "0.5", "in_pressure_offset": "300",
		"in_voltage0_raw": "1024", "in_voltage_scale": "1.5",
	})
	s := open(t, Config{Root: root, Device: "bmp280", Channels: []string{"temp", "pressure", "voltage0"}, RateHz: 100})
	buf := make([]float32, 9)
	began := time.Now()
	for range 5 {
		b, err := s.Read(t.Context(), buf)
		if err != nil || b.Frames != 1 {
			t.Fatalf("%+v, %v", b, err)
		}
	}
	if d := time.Since(began); d < 40*time.Millisecond {
		t.Errorf("five readings at 100 Hz took %s", d)
	}
	for i, want := range []float64{23.125, 101, 1.536} {
		if math.Abs(float64(buf[i])-want) > 1e-5 {
			t.Errorf("value %d is %v, want %v", i, buf[i], want)
		}
	}
	if i := s.Info(); i.Kind != hal.KindSamples || i.Unit != "" {
		t.Errorf("info %+v", i)
	}
}

func TestBadDevices(t *testing.T) {
	base := Config{Device: "adxl345", Channels: []string{"accel_x"}, RateHz: 400, Buffered: true}
	for name, c := range map[string]struct {
		change func(t *testing.T, root string, c *Config)
		want   string
	}{
		"another":         {func(_ *testing.T, _ string, c *Config) { c.Device = "mpu6050" }, `no IIO device "mpu6050"; here: adxl345 (iio:device0)`},
		"none":            {func(t *testing.T, root string, _ *Config) { os.RemoveAll(filepath.Join(root, "sys")) }, "here: none"},
		"impossible rate": {func(_ *testing.T, _ string, c *Config) { c.RateHz = 1000 }, "the nearest is 800"},
		"no channel":      {func(_ *testing.T, _ string, c *Config) { c.Channels = []string{"anglvel_x"} }, "it has [accel_x accel_y accel_z]"},
		"polled, none":    {func(_ *testing.T, _ string, c *Config) { c.Channels, c.Buffered = []string{"temp"}, false }, "it has [accel_x accel_y accel_z]"},
		"strange type": {func(t *testing.T, root string, _ *Config) {
			if err := os.WriteFile(filepath.Join(root, "sys/bus/iio/devices/iio:device0/scan_elements/in_accel_x_type"), []byte("le:s99/16>>0"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "element type"},
		"silent": {func(t *testing.T, root string, _ *Config) { node(t, root) }, "no sample within 1s"},
		"unplugged": {func(t *testing.T, root string, _ *Config) {
			w := node(t, root)
			time.AfterFunc(500*time.Millisecond, func() { w.Close() }) // it has been opened by then, or that waits for ever
		}, "it is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			root, cfg := adxl(t), base
			c.change(t, root, &cfg)
			cfg.Root = root
			_, err := open(t, cfg).Read(t.Context(), make([]float32, 30))
			if !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// TestReplugged: after an error the next Read begins anew.
func TestReplugged(t *testing.T) {
	root := adxl(t)
	gone := filepath.Join(root, "gone")
	dir := filepath.Join(root, "sys/bus/iio/devices/iio:device0")
	s := open(t, Config{Root: root, Device: "adxl345", Channels: []string{"accel_z"}, RateHz: 100})
	buf := make([]float32, 1)
	if _, err := s.Read(t.Context(), buf); err != nil || math.Abs(float64(buf[0])-0.99842) > 1e-4 {
		t.Fatalf("%v, %v", buf, err)
	}
	if err := os.Rename(dir, gone); err != nil {
		t.Fatal(err)
	}
	s.close() // the kernel fails reads of a device that went
	if _, err := s.Read(t.Context(), buf); !errors.Is(err, hal.ErrAbsent) {
		t.Fatalf("%v", err)
	}
	if err := os.Rename(gone, dir); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(t.Context(), buf); err != nil {
		t.Errorf("back again: %v", err)
	}
}

func TestHaltAndCancel(t *testing.T) {
	root := adxl(t)
	node(t, root)
	s := open(t, Config{Root: root, Device: "adxl345", Channels: []string{"accel_x"}, RateHz: 400, Buffered: true})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := s.Read(ctx, make([]float32, 30)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("cancelled: %v", err)
	}
	time.AfterFunc(30*time.Millisecond, func() { s.Halt() })
	for range 2 {
		if _, err := s.Read(t.Context(), make([]float32, 30)); !errors.Is(err, hal.ErrHalted) {
			t.Errorf("halted: %v", err)
		}
	}
}

// TestElements: every layout the documentation allows, against numbers made by
// hand.
func TestElements(t *testing.T) {
	for _, c := range []struct {
		text string
		data []byte
		want int64
	}{
		{"le:s12/16>>4", []byte{0xf0, 0xff}, -1},
		{"le:s12/16>>4", []byte{0x0f, 0x80}, -2048},
		{"be:u12/16>>4", []byte{0xff, 0xf3}, 4095},
		{"be:s16/16>>0", []byte{0x80, 0x00}, -32768},
		{"le:u24/32>>8", []byte{0x99, 1, 2, 3}, 0x030201},
		{"be:s24/32>>0", []byte{0x77, 0xff, 0xff, 0xfe}, -2},
		{"le:u8/8", []byte{200}, 200},
		{"le:s64/64>>0", []byte{1, 0, 0, 0, 0, 0, 0, 0x80}, math.MinInt64 + 1},
		{"le:u64/64X1>>0", []byte{1, 0, 0, 0, 0, 0, 0, 0}, 1},
	} {
		e, err := parseElement(c.text)
		if err != nil {
			t.Fatal(err)
		}
		layout([]*element{&e})
		if got := e.value(c.data); got != c.want {
			t.Errorf("%s of %x is %d, want %d", c.text, c.data, got, c.want)
		}
	}
	for _, bad := range []string{"", "le:s12/12>>0", "xe:s8/8>>0", "le:s16/16>>1", "le:s0/8>>0", "le:s8/8X2>>0", "le:f32/32>>0", "le:s12/16>>4 "} {
		if e, err := parseElement(bad); err == nil {
			t.Errorf("%q is %+v", bad, e)
		}
	}
	var es []*element
	for _, n := range []int{2, 1, 4, 8, 2} {
		es = append(es, &element{bytes: n})
	}
	if size := layout(es); size != 24 || es[1].offset != 2 || es[2].offset != 4 || es[3].offset != 8 || es[4].offset != 16 {
		t.Errorf("%d bytes, %+v %+v %+v", size, es[1], es[2], es[4])
	}
}

func FuzzElement(f *testing.F) {
	f.Add("le:s12/16>>4", []byte{1, 2, 3, 4, 5, 6, 7, 8})
	f.Fuzz(func(t *testing.T, text string, data []byte) {
		e, err := parseElement(text)
		if err != nil || len(data) < 8 {
			return
		}
		layout([]*element{&e})
		v := e.value(data)
		if e.bits < 64 && (e.signed && (v < -1<<(e.bits-1) || v >= 1<<(e.bits-1)) || !e.signed && (v < 0 || v >= 1<<e.bits)) {
			t.Errorf("%s gives %d", text, v)
		}
	})
}

func TestNoAllocation(t *testing.T) {
	root := adxl(t)
	w := node(t, root)
	s := open(t, Config{Root: root, Device: "adxl345", Channels: []string{"accel_x", "accel_z"}, RateHz: 3200, Buffered: true})
	data, buf, ctx := xz(1, 2, 0), make([]float32, 128), t.Context()
	at := uint64(0)
	if n := testing.AllocsPerRun(500, func() {
		at += 312500
		binary.LittleEndian.PutUint64(data[8:], at)
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		if b, err := s.Read(ctx, buf); err != nil || b.Lost > 0 {
			t.Fatal(b, err)
		}
	}); n > 0 {
		t.Errorf("%v allocations a sample", n)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{
		{Device: "x", RateHz: 1}, {Device: "x", Channels: []string{"a", "a"}, RateHz: 1}, {Device: "x", Channels: []string{"../a"}, RateHz: 1},
		{Channels: []string{"a"}, RateHz: 1}, {Device: "x", Channels: []string{"a"}}, {Device: "x", Channels: []string{"a"}, RateHz: 1000},
	} {
		if _, err := Open(c); err == nil {
			t.Errorf("%+v opened", c)
		}
	}
}

// TestNotANumber: what ParseFloat takes and no sensor means.
func TestNotANumber(t *testing.T) {
	for _, says := range []string{"nan", "-inf", "1e999", ""} {
		root := tree(t, map[string]string{"name": "adc", "in_voltage0_raw": says})
		s := open(t, Config{Root: root, Device: "adc", Channels: []string{"voltage0"}, RateHz: 100})
		if b, err := s.Read(t.Context(), make([]float32, 1)); !errors.Is(err, hal.ErrAbsent) {
			t.Errorf("%q: %+v, %v", says, b, err)
		}
	}
}
