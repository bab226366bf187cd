//go:build kernel

package camera

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
)

// bars are the colours of vivid's first test pattern: 75 % bars.
var bars = [8][3]int{{191, 191, 191}, {191, 191, 0}, {0, 191, 191}, {0, 191, 0}, {191, 0, 191}, {191, 0, 0}, {0, 0, 191}, {0, 0, 0}}

// TestKernelVivid reads the kernel's own test camera in every format that it
// shares with this driver.
func TestKernelVivid(t *testing.T) {
	all := Devices("")
	if len(all) == 0 || all[0].Driver != "vivid" || !all[0].Captures {
		t.Fatalf("devices: %+v", all)
	}
	was := formats
	t.Cleanup(func() { formats = was })
	for _, name := range was {
		t.Run(name, func(t *testing.T) {
			for i := range formats {
				formats[i] = name
			}
			c, err := OpenV4L2(V4L2Config{Device: all[0].Path, Width: 640, Height: 360, RateHz: 25})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Halt()
			var f hal.Frame
			err = c.Capture(t.Context(), &f)
			if err != nil && strings.Contains(err.Error(), "it offers none") {
				t.Logf("not offered by this kernel")
				return
			}
			last, began := f.Seq, time.Now()
			for range 20 {
				if err == nil {
					err = c.Capture(t.Context(), &f)
				}
				if err != nil {
					t.Fatal(err)
				}
				if f.Seq != last+1 {
					t.Errorf("frame %d after %d", f.Seq, last)
				}
				last = f.Seq
			}
			rate := 20 / time.Since(began).Seconds()
			t.Logf("%d x %d, %d channels, %.1f images a second, %s old", f.Width, f.Height, f.Channels, rate, time.Since(f.Time).Round(time.Millisecond))
			if age := time.Since(f.Time); age < 0 || age > time.Second {
				t.Errorf("an image %s old", age)
			}
			checkBars(t, &f)
		})
	}
}

// checkBars looks at the middle of each bar, below the text.
func checkBars(t *testing.T, f *hal.Frame) {
	t.Helper()
	y := f.Height * 9 / 10
	for i, want := range bars {
		x := (2*i + 1) * f.Width / 16
		p := f.Pix[y*f.Stride+x*f.Channels:]
		if f.Channels == 1 {
			want = [3]int{(213*want[0] + 715*want[1] + 72*want[2]) / 1000} // BT.709
		}
		for k := range f.Channels {
			if d := int(p[k]) - want[k]; d > 14 || d < -14 {
				t.Errorf("bar %d: %v, want about %v", i, p[:f.Channels], want[:f.Channels])
				break
			}
		}
	}
}

// TestKernelBadCameras: what people get wrong, with the kernel's own answers.
func TestKernelBadCameras(t *testing.T) {
	open := func(device string) *V4L2 {
		c, err := OpenV4L2(V4L2Config{Device: device, Width: 640, Height: 360, RateHz: 25})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Halt() })
		return c
	}
	var f hal.Frame
	if err := open("/dev/video7").Capture(t.Context(), &f); !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), "here: /dev/video0 (vivid)") {
		t.Errorf("another: %v", err)
	}
	if err := open("/dev/null").Capture(t.Context(), &f); !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), "no camera") {
		t.Errorf("no camera: %v", err)
	}
	first := open("/dev/video0")
	if err := first.Capture(t.Context(), &f); err != nil {
		t.Fatal(err)
	}
	if err := open("/dev/video0").Capture(t.Context(), &f); !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), "used by") {
		t.Errorf("busy: %v", err)
	}
	time.AfterFunc(50*time.Millisecond, func() { first.Halt() })
	var err error
	for err == nil {
		err = first.Capture(t.Context(), &f)
	}
	if !errors.Is(err, hal.ErrHalted) {
		t.Errorf("halted: %v", err)
	}
	if err := open("/dev/video0").Capture(t.Context(), &f); err != nil {
		t.Errorf("free again: %v", err)
	}
}
