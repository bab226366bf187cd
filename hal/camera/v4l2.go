package camera

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/internal/devfs"
	"github.com/dunlin-edge/dunlin/hal/internal/pixels"
)

// V4L2Config describes a camera that the kernel's Video4Linux knows.
type V4L2Config struct {
	Root          string // folder that stands for "/"; "" in earnest
	Device        string // /dev/video0
	Width, Height int    // wanted; the driver gives the nearest that it has
	RateHz        int
}

// A V4L2 camera is opened by the first Capture, and again after an error.
type V4L2 struct {
	cfg  V4L2Config
	root devfs.Root

	mu     sync.Mutex
	dev    *capture // nil while none is open
	halted bool
	ctx    context.Context // that closes it
	leave  func() bool
}

// OpenV4L2 returns a camera; nothing is touched yet.
func OpenV4L2(cfg V4L2Config) (*V4L2, error) {
	if !strings.HasPrefix(cfg.Device, "/dev/") || strings.Contains(cfg.Device, "..") {
		return nil, fmt.Errorf("camera %.100q: want a device such as /dev/video0", cfg.Device)
	}
	if cfg.Width < 16 || cfg.Height < 16 || cfg.Width > maxSide || cfg.Height > maxSide || cfg.RateHz < 1 || cfg.RateHz > maxRate {
		return nil, fmt.Errorf("camera: %d x %d at %d images a second: want 16 to %d on a side and 1 to %d", cfg.Width, cfg.Height, cfg.RateHz, maxSide, maxRate)
	}
	return &V4L2{cfg: cfg, root: devfs.Root(cfg.Root)}, nil
}

// Info implements hal.Camera. The size is that of the images once they come.
func (c *V4L2) Info() hal.FrameInfo {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := hal.FrameInfo{Width: c.cfg.Width, Height: c.cfg.Height, RateHz: float64(c.cfg.RateHz)}
	if c.dev != nil {
		i.Width, i.Height = c.dev.width, c.dev.height
	}
	return i
}

// Capture implements hal.Camera. An image's time is the driver's, of its start
// or end; its number is the driver's too, so that a jump tells of lost ones.
func (c *V4L2) Capture(ctx context.Context, f *hal.Frame) error {
	d, err := c.open(ctx)
	if err != nil {
		return err
	}
	err = d.next(f)
	if err == nil || errors.Is(err, hal.ErrNoData) {
		return err
	}
	c.close()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.halted:
		return hal.ErrHalted
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return c.root.Explain("camera "+c.cfg.Device, c.root.Path(c.cfg.Device), err)
}

func (c *V4L2) open(ctx context.Context) (*capture, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.halted {
		return nil, hal.ErrHalted
	}
	if c.ctx != ctx {
		if c.leave != nil {
			c.leave()
		}
		c.ctx, c.leave = ctx, context.AfterFunc(ctx, c.close)
	}
	if c.dev != nil {
		return c.dev, nil
	}
	path := c.root.Path(c.cfg.Device)
	d, err := startCapture(path, c.cfg)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: no camera %s; here: %s", hal.ErrAbsent, c.cfg.Device, list(c.cfg.Root))
	}
	if err != nil {
		return nil, c.root.Explain("camera "+c.cfg.Device, path, err)
	}
	c.dev = d
	return d, nil
}

func list(root string) string {
	var all []string
	for _, d := range Devices(root) {
		if d.Captures {
			all = append(all, d.Path+" ("+d.Name+")")
		}
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

func (c *V4L2) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dev != nil {
		c.dev.stop()
		c.dev = nil
	}
}

// Halt implements hal.Camera.
func (c *V4L2) Halt() error {
	c.mu.Lock()
	c.halted = true
	c.mu.Unlock()
	c.close()
	return nil
}

// fourcc is a pixel format of videodev2.h.
func fourcc(s string) uint32 {
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// Pixel formats in the order of preference: what needs least work first.
var formats = [...]string{"RGB3", "YUYV", "NV12", "YU12", "GREY", "MJPG", "JPEG"}

// capture is a camera that streams.
type capture struct {
	mu sync.Mutex // stop against an ioctl
	// fd is no os.File: registering it with Go's poller is a poll, which makes
	// the kernel start a stream of its own that keeps ours away (vb2_poll).
	fd            int
	buffers       [][]byte
	format        string
	width, height int
	stride, size  int
	stall         time.Duration
	stopped       bool
}

// startCapture opens a device, agrees on a format and begins.
func startCapture(path string, cfg V4L2Config) (*capture, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	c := &capture{fd: fd, stall: max(time.Second, 3*time.Second/time.Duration(cfg.RateHz))}
	if err := c.begin(cfg); err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

func (c *capture) begin(cfg V4L2Config) error {
	var have capability
	if err := c.ioctl(vidiocQueryCap, unsafe.Pointer(&have)); err != nil {
		return fmt.Errorf("it is no camera: %w", err)
	}
	if caps := have.caps(); caps&capCapture == 0 || caps&capStreaming == 0 {
		return errors.New("it does not deliver images; a camera often has several devices")
	}
	if err := c.agree(cfg); err != nil {
		return err
	}
	var p streamParm
	p.Type, p.Numerator, p.Denominator = bufCapture, 1, uint32(cfg.RateHz)
	_ = c.ioctl(vidiocSetParm, unsafe.Pointer(&p)) // many cameras have one rate
	if err := c.mapBuffers(); err != nil {
		return err
	}
	kind := uint32(bufCapture)
	if err := c.ioctl(vidiocStreamOn, unsafe.Pointer(&kind)); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	return nil
}

// agree asks for the formats in turn, until the driver takes one as it is.
func (c *capture) agree(cfg V4L2Config) error {
	for _, want := range formats {
		var f format
		f.Type = bufCapture
		p := f.pix()
		p.Width, p.Height, p.PixelFormat, p.Field = uint32(cfg.Width), uint32(cfg.Height), fourcc(want), fieldNone
		if err := c.ioctl(vidiocSetFormat, unsafe.Pointer(&f)); err != nil {
			if errors.Is(err, syscall.EINVAL) {
				continue
			}
			return fmt.Errorf("format: %w", err)
		}
		if p.PixelFormat != fourcc(want) {
			continue
		}
		c.format, c.width, c.height = want, int(p.Width), int(p.Height)
		c.stride, c.size = int(p.BytesPerLine), int(p.SizeImage)
		return c.plausible()
	}
	return fmt.Errorf("it offers none of %s", strings.Join(formats[:], ", "))
}

// plausible refuses what a driver's own numbers contradict.
func (c *capture) plausible() error {
	least, need := 0, 0
	switch c.format {
	case "RGB3":
		least, need = 3*c.width, c.stride*c.height
	case "YUYV":
		least, need = 2*c.width, c.stride*c.height
	case "NV12", "YU12":
		least, need = c.width, c.stride*c.height*3/2
	case "GREY":
		least, need = c.width, c.stride*c.height
	}
	halved := c.format == "YUYV" || c.format == "NV12" || c.format == "YU12" // two pixels share their colour
	if halved && (c.width%2 != 0 || c.height%2 != 0) || c.width < 1 || c.height < 1 || c.width > maxSide || c.height > maxSide || c.stride < least && least > 0 || c.size < need || c.size > 256<<20 {
		return fmt.Errorf("format %s of %d x %d, %d bytes a line, %d in all: implausible", c.format, c.width, c.height, c.stride, c.size)
	}
	return nil
}

// mapBuffers shares four images with the driver.
func (c *capture) mapBuffers() error {
	r := requestBuffers{Count: 4, Type: bufCapture, Memory: memoryMmap}
	if err := c.ioctl(vidiocReqBufs, unsafe.Pointer(&r)); err != nil {
		return fmt.Errorf("buffers: %w", err)
	}
	if r.Count < 2 || r.Count > 32 {
		return fmt.Errorf("it gives %d buffers", r.Count)
	}
	for i := range r.Count {
		b := buffer{Index: i, Type: bufCapture, Memory: memoryMmap}
		if err := c.ioctl(vidiocQueryBuf, unsafe.Pointer(&b)); err != nil {
			return fmt.Errorf("buffer: %w", err)
		}
		m, err := unix.Mmap(c.fd, int64(b.offset()), int(b.Length), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			return fmt.Errorf("map buffer: %w", err)
		}
		c.buffers = append(c.buffers, m)
		if err := c.ioctl(vidiocQBuf, unsafe.Pointer(&b)); err != nil {
			return fmt.Errorf("queue buffer: %w", err)
		}
	}
	return nil
}

// next waits for an image.
func (c *capture) next(f *hal.Frame) error {
	end := time.Now().Add(c.stall)
	for {
		b := buffer{Type: bufCapture, Memory: memoryMmap}
		err := c.ioctl(vidiocDQBuf, unsafe.Pointer(&b))
		if err == nil {
			return c.take(f, &b)
		}
		if !errors.Is(err, syscall.EAGAIN) {
			return err
		}
		if err := c.wait(end); err != nil {
			return err
		}
	}
}

// wait sleeps until the driver has something, in steps that let stop through.
func (c *capture) wait(end time.Time) error {
	left := time.Until(end)
	if left <= 0 {
		return fmt.Errorf("no image within %s", c.stall)
	}
	c.mu.Lock()
	stopped, fd := c.stopped, int32(-1)
	if !stopped {
		fd = int32(c.fd)
	}
	c.mu.Unlock()
	if stopped {
		return os.ErrClosed
	}
	p := []unix.PollFd{{Fd: fd, Events: unix.POLLIN}}
	_, err := unix.Poll(p, int(min(left, 50*time.Millisecond).Milliseconds())+1)
	if err != nil && !errors.Is(err, syscall.EINTR) {
		return err
	}
	return nil
}

// take converts an image and gives its buffer back.
func (c *capture) take(f *hal.Frame, b *buffer) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped || int(b.Index) >= len(c.buffers) {
		return os.ErrClosed
	}
	m := c.buffers[b.Index]
	err := error(nil)
	if used := min(int(b.BytesUsed), len(m)); b.Flags&bufError != 0 {
		err = hal.ErrNoData // damaged on its way, as USB may do: the next one
	} else {
		err = c.convert(f, m[:used])
	}
	f.Seq, f.Item, f.Time = uint64(b.Sequence), "", b.time()
	if e := c.locked(vidiocQBuf, unsafe.Pointer(b)); err == nil {
		err = e
	}
	return err
}

// convert makes RGB, or gray, of what the camera sends.
func (c *capture) convert(f *hal.Frame, data []byte) error {
	if c.format == "MJPG" || c.format == "JPEG" {
		img, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			return hal.ErrNoData // cameras send a damaged one now and then
		}
		pixels.Fill(f, img)
		return nil
	}
	w, h, channels := c.width, c.height, 3
	if c.format == "GREY" {
		channels = 1
	}
	if need := w * h * channels; cap(f.Pix) < need {
		f.Pix = make([]byte, need)
	} else {
		f.Pix = f.Pix[:need]
	}
	f.Width, f.Height, f.Channels, f.Stride = w, h, channels, w*channels
	if len(data) < minimum(c.format, c.stride, w, h) {
		return hal.ErrNoData // a part of an image
	}
	switch c.format {
	case "RGB3", "GREY":
		for y := range h {
			copy(f.Pix[y*f.Stride:][:f.Stride], data[y*c.stride:])
		}
	case "YUYV":
		fromYUYV(f.Pix, data, w, h, c.stride)
	case "NV12":
		fromNV12(f.Pix, data, w, h, c.stride)
	case "YU12":
		fromPlanes(f.Pix, data, w, h, c.stride)
	}
	return nil
}

// minimum is how many bytes a whole image has.
func minimum(format string, stride, w, h int) int {
	switch format {
	case "RGB3":
		return stride*(h-1) + 3*w
	case "YUYV":
		return stride*(h-1) + 2*w
	case "GREY":
		return stride*(h-1) + w
	}
	return stride * h * 3 / 2
}

// stop ends the stream and gives everything back. It is idempotent.
func (c *capture) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return
	}
	c.stopped = true
	kind := uint32(bufCapture)
	_ = c.locked(vidiocStreamOff, unsafe.Pointer(&kind)) // it may be gone
	for _, m := range c.buffers {
		_ = unix.Munmap(m)
	}
	unix.Close(c.fd)
}

func (c *capture) ioctl(request uint, arg unsafe.Pointer) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stopped {
		return os.ErrClosed
	}
	return c.locked(request, arg)
}

func (c *capture) locked(request uint, arg unsafe.Pointer) error {
	for {
		_, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(c.fd), uintptr(request), uintptr(arg))
		if e == 0 {
			return nil
		}
		if e != syscall.EINTR {
			return e
		}
	}
}

// A Device is a V4L2 device.
type Device struct {
	Path, Name, Driver string
	Captures           bool // it delivers images
}

// Devices lists the V4L2 devices that this process may open.
func Devices(root string) []Device {
	r := devfs.Root(root)
	paths, _ := filepath.Glob(r.Path("dev/video*"))
	var all []Device
	for _, p := range paths {
		fd, err := unix.Open(p, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		c := capture{fd: fd}
		var have capability
		if c.locked(vidiocQueryCap, unsafe.Pointer(&have)) == nil {
			all = append(all, Device{strings.TrimPrefix(p, strings.TrimSuffix(r.Path(), "/")), cText(have.Card[:]), cText(have.Driver[:]), have.caps()&capCapture != 0})
		}
		unix.Close(fd)
	}
	return all
}

func cText(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return strings.ToValidUTF8(string(b), "?")
}
