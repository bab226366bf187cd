package camera

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
)

// program puts a shell script in the place of a camera program.
func program(t *testing.T, name, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

func open(t *testing.T, cfg CommandConfig) *Command {
	t.Helper()
	c, err := OpenCommand(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Halt() })
	return c
}

func TestRGB(t *testing.T) {
	program(t, "ffmpeg", `head -c 768 /dev/zero | tr '\000' '\007'; head -c 768 /dev/zero | tr '\000' '\010'; sleep 100`)
	c := open(t, CommandConfig{"usb", "/dev/video0", 16, 16, 30})
	var f hal.Frame
	for i, want := range []byte{7, 8} {
		if err := c.Capture(t.Context(), &f); err != nil {
			t.Fatal(err)
		}
		if f.Width != 16 || f.Height != 16 || f.Channels != 3 || f.Stride != 48 || len(f.Pix) != 768 || f.Pix[0] != want || f.Pix[767] != want || f.Seq != uint64(i) {
			t.Errorf("frame %d: %d x %d x %d, %d, first %d", i, f.Width, f.Height, f.Channels, f.Seq, f.Pix[0])
		}
	}
}

// TestI420 compares every colour with BT.601 in floating point.
func TestI420(t *testing.T) {
	for y := range int32(256) {
		for u := int32(0); u < 256; u += 5 {
			for v := int32(0); v < 256; v += 5 {
				r, g, b := rgb(y, u, v)
				l, cb, cr := 1.164384*float64(y-16), float64(u-128), float64(v-128)
				for i, want := range []float64{l + 1.596027*cr, l - 0.391762*cb - 0.812968*cr, l + 2.017232*cb} {
					if got := []byte{r, g, b}[i]; math.Abs(float64(got)-min(max(want, 0), 255)) > 0.52 {
						t.Fatalf("Y %d U %d V %d channel %d: %d, want %.2f", y, u, v, i, got, want)
					}
				}
			}
		}
	}
}

func TestI420Layout(t *testing.T) {
	src, dst := make([]byte, 64*2*3/2), make([]byte, 64*2*3)
	for i := range src {
		src[i] = 128
	}
	src[64] = 235         // first of the second row
	src[128+31] = 128 + 9 // U of the last two columns
	fromI420(dst, src, 64, 2)
	if dst[64*3] != 255 || dst[64*3+3] != 130 || dst[0] != 130 {
		t.Errorf("luma: %v %v", dst[:6], dst[64*3:64*3+6])
	}
	if dst[3*62+2] != 149 || dst[3*63+2] != 149 || dst[3*61+2] != 130 {
		t.Errorf("blue: %v", dst[3*60:3*64])
	}
}

func TestArguments(t *testing.T) {
	for _, c := range []struct {
		cfg     CommandConfig
		program string
		want    []string
	}{
		{CommandConfig{"rpicam", "1", 640, 480, 30}, "rpicam-vid", []string{"--camera 1", "--codec yuv420", "--width 640 --height 480 --framerate 30"}},
		{CommandConfig{"gstreamer", "nvarguscamerasrc sensor-id=0 ! nvvidconv", 224, 224, 15}, "gst-launch-1.0", []string{"-q nvarguscamerasrc sensor-id=0 ! nvvidconv ! videoconvert", "format=RGB,width=224,height=224,framerate=15/1"}},
		{CommandConfig{"usb", "/dev/video2", 640, 480, 30}, "ffmpeg", []string{"-f v4l2 -framerate 30 -video_size 640x480 -i /dev/video2"}},
		{CommandConfig{"rtsp", "rtsp://cam/1", 640, 480, 5}, "ffmpeg", []string{"-rtsp_transport tcp", "-i rtsp://cam/1", "fps=5,scale=640:480"}},
	} {
		program(t, c.program, `echo "$@" >&2; exit 1`)
		err := open(t, c.cfg).Capture(t.Context(), &hal.Frame{})
		for _, want := range c.want {
			if !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", c.cfg.Program, err, want)
			}
		}
	}
}

func TestPasswordsStaySecret(t *testing.T) {
	program(t, "ffmpeg", `echo "$@" >&2; exit 1`)
	err := open(t, CommandConfig{"rtsp", "rtsp://admin:hunter2@cam/1", 64, 64, 5}).Capture(t.Context(), &hal.Frame{})
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "***@cam/1") || !errors.Is(err, hal.ErrAbsent) {
		t.Errorf("%v", err)
	}
	if _, err := OpenCommand(CommandConfig{"rtsp", "rtsp://admin:hunter2@%zz", 64, 64, 5}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}

func TestBadPrograms(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"short image": {`head -c 700 /dev/zero`, "ended 700 bytes into a frame"},
		"no camera":   {`echo "ERROR: *** no cameras available ***" >&2; exit 255`, "no cameras available"},
		"stalls":      {`head -c 800 /dev/zero; sleep 100`, "gave no data for 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			program(t, "gst-launch-1.0", c.script)
			cam := open(t, CommandConfig{"gstreamer", "videotestsrc", 16, 16, 30})
			var err error
			for i := 0; err == nil && i < 3; i++ {
				err = cam.Capture(t.Context(), &hal.Frame{})
			}
			if !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	t.Setenv("PATH", t.TempDir())
	if err := open(t, CommandConfig{"rpicam", "", 64, 64, 5}).Capture(t.Context(), &hal.Frame{}); err == nil || !strings.Contains(err.Error(), "apt install rpicam-apps") {
		t.Errorf("not installed: %v", err)
	}
}

func TestHaltCommand(t *testing.T) {
	program(t, "gst-launch-1.0", `sleep 100`)
	c := open(t, CommandConfig{"gstreamer", "videotestsrc", 16, 16, 30})
	time.AfterFunc(50*time.Millisecond, func() { c.Halt() })
	if err := c.Capture(t.Context(), &hal.Frame{}); !errors.Is(err, hal.ErrHalted) {
		t.Errorf("%v", err)
	}
}

func TestCommandConfig(t *testing.T) {
	for _, c := range []CommandConfig{
		{"rpicam", "0", 650, 480, 30}, {"rpicam", "x", 640, 480, 30}, {"gstreamer", "", 64, 64, 30}, {"gstreamer", "v4l2src", 66, 64, 30},
		{"usb", "video0", 64, 64, 30}, {"rtsp", "http://x", 64, 64, 30}, {"usb", "/dev/video0", 64, 64, 0}, {"usb", "/dev/video0", 64, 9000, 30}, {"vlc", "", 64, 64, 1},
	} {
		if _, err := OpenCommand(c); err == nil {
			t.Errorf("%+v opened", c)
		}
	}
}

func BenchmarkI420(b *testing.B) {
	src, dst := make([]byte, 640*480*3/2), make([]byte, 640*480*3)
	for b.Loop() {
		fromI420(dst, src, 640, 480)
	}
}
