// Package camera reads cameras through the programs that know them: rpicam-vid
// on a Raspberry Pi, gst-launch-1.0 on a Jetson and elsewhere, ffmpeg for USB
// and for RTSP; and network cameras over HTTP.
//
// Start with [OpenCommand] and [OpenHTTP]. A camera is touched first when an
// image is wanted, and begun anew after an error.
package camera

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/internal/proc"
)

// Limits of a camera's images.
const (
	maxSide = 8192
	maxRate = 240
)

// CommandConfig describes a camera behind a program.
type CommandConfig struct {
	Program       string // "rpicam", "gstreamer", "usb" or "rtsp"
	Source        string // rpicam: number of the camera; gstreamer: elements up to the raw image; usb: device; rtsp: URL
	Width, Height int    // of the images that arrive
	RateHz        int
}

// A Command is a camera whose images a program writes to its standard output.
type Command struct {
	cfg    CommandConfig
	args   []string
	hint   string
	secret string // never shown
	raw    []byte // a planar image; nil where the program writes RGB
	seq    uint64

	mu     sync.Mutex
	run    *proc.Reader // nil while none runs
	halted bool
}

// OpenCommand returns a camera; nothing is started yet.
func OpenCommand(cfg CommandConfig) (*Command, error) {
	if cfg.Width < 16 || cfg.Height < 16 || cfg.Width > maxSide || cfg.Height > maxSide || cfg.RateHz < 1 || cfg.RateHz > maxRate {
		return nil, fmt.Errorf("camera: %d x %d at %d images a second: want 16 to %d on a side and 1 to %d", cfg.Width, cfg.Height, cfg.RateHz, maxSide, maxRate)
	}
	c := &Command{cfg: cfg}
	var err error
	switch cfg.Program {
	case "rpicam":
		err = c.rpicam()
	case "gstreamer":
		err = c.gstreamer()
	case "usb":
		err = c.usb()
	case "rtsp":
		err = c.rtsp()
	default:
		err = fmt.Errorf("camera program %.40q: want rpicam, gstreamer, usb or rtsp", cfg.Program)
	}
	return c, err
}

// rpicam-vid writes planes whose rows are padded to 64 bytes, 32 for colour
// (raspberrypi/rpicam-apps), so that only such widths are packed.
func (c *Command) rpicam() error {
	if c.cfg.Width%64 != 0 || c.cfg.Height%2 != 0 {
		return fmt.Errorf("camera: %d x %d: rpicam-vid wants a width in steps of 64 and an even height, such as %d x %d",
			c.cfg.Width, c.cfg.Height, (c.cfg.Width+63)/64*64, (c.cfg.Height+1)/2*2)
	}
	camera := c.cfg.Source
	if camera == "" {
		camera = "0"
	}
	if _, err := strconv.ParseUint(camera, 10, 8); err != nil {
		return fmt.Errorf("camera %.20q: want its number, as rpicam-hello --list-cameras prints it", camera)
	}
	c.hint = "apt install rpicam-apps"
	c.raw = make([]byte, c.cfg.Width*c.cfg.Height*3/2)
	c.args = []string{"rpicam-vid", "--camera", camera, "--nopreview", "--timeout", "0", "--codec", "yuv420", "--flush",
		"--width", strconv.Itoa(c.cfg.Width), "--height", strconv.Itoa(c.cfg.Height), "--framerate", strconv.Itoa(c.cfg.RateHz), "--output", "-"}
	return nil
}

// gst-launch-1.0 pads the rows of RGB images to 4 bytes.
func (c *Command) gstreamer() error {
	if c.cfg.Width%4 != 0 {
		return fmt.Errorf("camera: width %d: GStreamer wants steps of 4, such as %d", c.cfg.Width, (c.cfg.Width+3)/4*4)
	}
	source := strings.Fields(c.cfg.Source)
	if len(source) == 0 {
		return errors.New("camera: no GStreamer elements; a Jetson's camera is nvarguscamerasrc ! nvvidconv")
	}
	c.hint = "apt install gstreamer1.0-tools"
	caps := fmt.Sprintf("video/x-raw,format=RGB,width=%d,height=%d,framerate=%d/1", c.cfg.Width, c.cfg.Height, c.cfg.RateHz)
	c.args = slices.Concat([]string{"gst-launch-1.0", "-q"}, source,
		[]string{"!", "videoconvert", "!", "videoscale", "!", "videorate", "drop-only=true", "!", caps, "!", "fdsink", "fd=1", "sync=false"})
	return nil
}

func (c *Command) usb() error {
	if !strings.HasPrefix(c.cfg.Source, "/dev/") {
		return fmt.Errorf("camera %.100q: want a device such as /dev/video0", c.cfg.Source)
	}
	c.ffmpeg("-f", "v4l2", "-framerate", strconv.Itoa(c.cfg.RateHz), "-video_size", fmt.Sprintf("%dx%d", c.cfg.Width, c.cfg.Height), "-i", c.cfg.Source)
	return nil
}

func (c *Command) rtsp() error {
	u, err := url.Parse(c.cfg.Source)
	if err != nil || u.Scheme != "rtsp" && u.Scheme != "rtsps" || u.Host == "" {
		return errors.New("camera: want a URL such as rtsp://camera.local/stream") // not the text: it may hold a password
	}
	if u.User != nil {
		c.secret = u.User.String()
	}
	c.ffmpeg("-rtsp_transport", "tcp", "-timeout", "5000000", "-i", c.cfg.Source)
	return nil
}

func (c *Command) ffmpeg(source ...string) {
	c.hint = "apt install ffmpeg"
	filter := fmt.Sprintf("fps=%d,scale=%d:%d", c.cfg.RateHz, c.cfg.Width, c.cfg.Height)
	c.args = slices.Concat([]string{"ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-fflags", "nobuffer"}, source,
		[]string{"-an", "-vf", filter, "-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1"})
}

// Info implements hal.Camera.
func (c *Command) Info() hal.FrameInfo {
	return hal.FrameInfo{Width: c.cfg.Width, Height: c.cfg.Height, RateHz: float64(c.cfg.RateHz)}
}

// Capture implements hal.Camera. An image's time is that of its arrival.
func (c *Command) Capture(ctx context.Context, f *hal.Frame) error {
	run, err := c.running()
	if err != nil {
		return c.redact(err)
	}
	run.Follow(ctx)
	w, h := c.cfg.Width, c.cfg.Height
	if cap(f.Pix) < w*h*3 {
		f.Pix = make([]byte, w*h*3)
	}
	f.Pix = f.Pix[:w*h*3]
	into := f.Pix
	if c.raw != nil {
		into = c.raw
	}
	if err := run.ReadFull(into); err != nil {
		c.forget()
		return c.redact(err)
	}
	if c.raw != nil {
		fromI420(f.Pix, c.raw, w, h)
	}
	f.Width, f.Height, f.Channels, f.Stride = w, h, 3, 3*w
	f.Time, f.Seq, f.Item = time.Now(), c.seq, ""
	c.seq++
	return nil
}

// redact takes a password out of what a program said.
func (c *Command) redact(err error) error {
	if c.secret == "" || !strings.Contains(err.Error(), c.secret) {
		return err
	}
	return fmt.Errorf("%w: %s", hal.ErrAbsent, strings.ReplaceAll(err.Error(), c.secret, "***"))
}

func (c *Command) running() (*proc.Reader, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.halted {
		return nil, hal.ErrHalted
	}
	if c.run == nil {
		var err error
		// Three images late is a stall; slow ones get a second.
		stall := max(time.Second, 3*time.Second/time.Duration(c.cfg.RateHz))
		if c.run, err = proc.Start(c.args, stall, nil); err != nil {
			return nil, errors.Join(err, errors.New(c.hint))
		}
	}
	return c.run, nil
}

func (c *Command) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run != nil {
		c.run.Close()
		c.run = nil
	}
}

// Halt implements hal.Camera.
func (c *Command) Halt() error {
	c.mu.Lock()
	c.halted = true
	run := c.run
	c.mu.Unlock()
	if run != nil {
		run.Close()
	}
	return nil
}
