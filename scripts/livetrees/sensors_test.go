package livetrees

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/hwmon"
	"github.com/dunlin-edge/dunlin/hal/iio"
)

// An adc answers each reading with the next number. What it does at a reading is
// set by number.
type adc struct {
	last  atomic.Int64
	fails map[int64]syscall.Errno
	says  map[int64]string
	waits map[int64]time.Duration
}

func (a *adc) file() File {
	return File{Read: func() (string, syscall.Errno) {
		n := a.last.Add(1)
		time.Sleep(a.waits[n])
		if e := a.fails[n]; e != 0 {
			return "", e
		}
		if s, ok := a.says[n]; ok {
			return s, 0
		}
		return fmt.Sprintln(n), 0
	}}
}

func putADC(tree *Tree, id string, a *adc) {
	dir := "sys/bus/iio/devices/" + id + "/"
	tree.Put(dir+"name", Text("ads1015"))
	tree.Put(dir+"in_voltage0_scale", Text("1000")) // mV
	tree.Put(dir+"in_voltage0_raw", a.file())
}

// ask reads one value.
func ask(t *testing.T, s hal.Sensor) (float32, hal.Block, error) {
	t.Helper()
	buf := make([]float32, 1)
	b, err := s.Read(t.Context(), buf)
	return buf[0], b, err
}

func openADC(t *testing.T, tree *Tree, rateHz float64) hal.Sensor {
	t.Helper()
	s, err := iio.Open(iio.Config{Root: tree.Root, Device: "ads1015", Channels: []string{"voltage0"}, RateHz: rateHz})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Halt() })
	return s
}

// TestEachOnce: a polled channel is asked once a sample, and never for a page.
func TestEachOnce(t *testing.T) {
	tree, a := Mount(t), &adc{}
	putADC(tree, "iio:device0", a)
	s := openADC(t, tree, 200)
	for want := range 100 {
		if v, b, err := ask(t, s); err != nil || v != float32(want+1) || b.Frames != 1 {
			t.Fatalf("reading %d: %v, %+v, %v", want+1, v, b, err)
		}
	}
	if n := a.last.Load(); n != 100 {
		t.Errorf("asked %d times for 100 samples", n)
	}
}

// TestSlowBus: a bus that was held up costs readings, which are counted, and no
// more than those.
func TestSlowBus(t *testing.T) {
	tree, a := Mount(t), &adc{waits: map[int64]time.Duration{10: 300 * time.Millisecond}}
	putADC(tree, "iio:device0", a)
	s := openADC(t, tree, 100)
	var lost uint64
	var first, last time.Time
	for n := range 40 {
		_, b, err := ask(t, s)
		if err != nil {
			t.Fatal(err)
		}
		if lost += b.Lost; n == 0 {
			first = b.Time
		}
		last = b.Time
	}
	if lost < 29 {
		t.Errorf("%d lost in 300 ms of 100 Hz", lost)
	}
	if periods := last.Sub(first).Seconds() * 100; math.Abs(periods-float64(39+lost)) > 3 {
		t.Errorf("39 read and %d lost in %.1f periods", lost, periods)
	}
}

// TestLooseWire: what a chip says now and then when its wire is loose is said
// and forgotten.
func TestLooseWire(t *testing.T) {
	tree := Mount(t)
	a := &adc{fails: map[int64]syscall.Errno{5: syscall.EIO, 6: syscall.ETIMEDOUT, 9: syscall.EAGAIN}, says: map[int64]string{12: "", 14: "<garbage>\n", 16: "nan\n"}}
	putADC(tree, "iio:device0", a)
	s := openADC(t, tree, 200)
	for n := int64(1); n <= 20; n++ {
		v, _, err := ask(t, s)
		switch _, strange := a.says[n]; {
		case a.fails[n] != 0 && (!errors.Is(err, hal.ErrAbsent) || !errors.Is(err, a.fails[n])):
			t.Errorf("reading %d: %v, want %v", n, err, a.fails[n])
		case strange && err == nil:
			t.Errorf("reading %d, %q, is %v", n, a.says[n], v)
		case a.fails[n] == 0 && !strange && (err != nil || v != float32(n)):
			t.Errorf("reading %d is %v, %v", n, v, err)
		}
	}
}

// TestUnplugged: a device that goes while it is read, and comes back under
// another number, is found by its name.
func TestUnplugged(t *testing.T) {
	tree, a := Mount(t), &adc{}
	putADC(tree, "iio:device0", a)
	s := openADC(t, tree, 200)
	if _, _, err := ask(t, s); err != nil {
		t.Fatal(err)
	}
	tree.Remove("sys/bus/iio/devices/iio:device0")
	if _, _, err := ask(t, s); !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), "unplugged") {
		t.Errorf("unplugged: %v", err)
	}
	if _, _, err := ask(t, s); !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), "here: none") {
		t.Errorf("still away: %v", err)
	}
	putADC(tree, "iio:device3", a)
	if v, _, err := ask(t, s); err != nil || v != 2 {
		t.Errorf("back: %v, %v", v, err)
	}
}

// TestBusyBuffer: settings that the chip takes in its own way, and a buffer that
// another program has.
func TestBusyBuffer(t *testing.T) {
	tree := Mount(t)
	dir := "sys/bus/iio/devices/iio:device0/"
	takes := func(errno syscall.Errno) File {
		return File{Read: Text("0").Read, Write: func(string) syscall.Errno { return errno }}
	}
	tree.Put(dir+"name", Text("adxl345"))
	tree.Put("dev/iio:device0", takes(0))
	for _, f := range []string{"buffer/enable", "buffer/length", "scan_elements/in_accel_x_en"} {
		tree.Put(dir+f, takes(0))
	}
	tree.Put(dir+"scan_elements/in_accel_x_index", Text("0"))
	tree.Put(dir+"scan_elements/in_accel_x_type", Text("le:s13/16>>0"))
	tree.Put(dir+"in_accel_scale", Text("0.038"))
	tree.Put(dir+"sampling_frequency", File{Read: Text("416").Read, Write: func(string) syscall.Errno { return 0 }})
	read := func() error {
		s, err := iio.Open(iio.Config{Root: tree.Root, Device: "adxl345", Channels: []string{"accel_x"}, RateHz: 400, Buffered: true})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Halt()
		_, _, err = ask(t, s)
		return err
	}
	if err := read(); err == nil || !strings.Contains(err.Error(), "asked for 400 Hz it took 416") {
		t.Errorf("a chip with rates of its own: %v", err)
	}
	tree.Put(dir+"sampling_frequency", File{Read: Text("400").Read, Write: func(string) syscall.Errno { return 0 }})
	tree.Put(dir+"buffer/enable", takes(syscall.EBUSY))
	if err := read(); !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), "another program or driver uses it") {
		t.Errorf("a buffer in use: %v", err)
	}
}

// TestTemperature follows a DS18B20 whose checksum fails once, which the kernel
// answers with EIO.
func TestTemperature(t *testing.T) {
	tree := Mount(t)
	var n atomic.Int64
	dir := "sys/class/hwmon/hwmon2/"
	tree.Put(dir+"name", Text("w1_slave_temp"))
	tree.Put(dir+"temp1_input", File{Read: func() (string, syscall.Errno) {
		i := n.Add(1)
		if i == 3 {
			return "", syscall.EIO
		}
		return fmt.Sprintln(20000 + 62*i), 0
	}})
	s, err := hwmon.Open(hwmon.Config{Root: tree.Root, Device: "w1_slave_temp", Channels: []string{"temp1"}, RateHz: 50})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Halt()
	for i := 1; i <= 6; i++ {
		v, _, err := ask(t, s)
		if i == 3 {
			if !errors.Is(err, hal.ErrAbsent) || !errors.Is(err, syscall.EIO) {
				t.Errorf("reading 3: %v", err)
			}
			continue
		}
		if want := float32(20000+62*i) / 1000; err != nil || math.Abs(float64(v-want)) > 1e-4 {
			t.Errorf("reading %d: %v, %v, want %v", i, v, err, want)
		}
	}
}
