// Package board drives what hangs on a board's pins: lines of its GPIO chips and
// PWM channels.
//
// Start with [OpenLine] and [OpenPWM]. Lines go through the character device
// (include/uapi/linux/gpio.h, version 2), PWM through sysfs
// (Documentation/ABI/testing/sysfs-class-pwm): neither needs root where a udev
// rule gives a group access.
package board

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unsafe"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/internal/devfs"
)

// What gpio.h names.
const (
	gpioGetChipInfo  = 0x8044b401 // GPIO_GET_CHIPINFO_IOCTL
	gpioGetLineInfo  = 0xc100b405 // GPIO_V2_GET_LINEINFO_IOCTL
	gpioGetLine      = 0xc250b407 // GPIO_V2_GET_LINE_IOCTL
	gpioSetValues    = 0xc010b40f // GPIO_V2_LINE_SET_VALUES_IOCTL
	lineUsed         = 1 << 0
	lineActiveLow    = 1 << 1
	lineOutput       = 1 << 3
	attrOutputValues = 2
)

// chipInfo is struct gpiochip_info.
type chipInfo struct {
	Name, Label [32]byte
	Lines       uint32
}

// lineAttribute is struct gpio_v2_line_attribute.
type lineAttribute struct {
	ID, _  uint32
	Values uint64
}

// lineInfo is struct gpio_v2_line_info.
type lineInfo struct {
	Name, Consumer   [32]byte
	Offset, NumAttrs uint32
	Flags            uint64
	Attrs            [10]lineAttribute
	_                [4]uint32
}

// lineRequest is struct gpio_v2_line_request with its gpio_v2_line_config.
type lineRequest struct {
	Offsets  [64]uint32
	Consumer [32]byte
	Flags    uint64
	NumAttrs uint32
	_        [5]uint32
	Attrs    [10]struct {
		Attr lineAttribute
		Mask uint64
	}
	NumLines, EventBuffer uint32
	_                     [5]uint32
	FD                    int32
}

// lineValues is struct gpio_v2_line_values.
type lineValues struct{ Bits, Mask uint64 }

func ioctl(fd, request uintptr, arg unsafe.Pointer) error {
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(arg)); e != 0 {
		return e
	}
	return nil
}

// LineConfig names a line and its use.
type LineConfig struct {
	Root      string // folder that stands for "/"; "" in earnest
	Line      string // its name, such as GPIO17, its pin: header/11, or chip and number: gpiochip0/17
	ActiveLow bool   // on is low
}

// A Line is an output of a GPIO chip: off at first, on for values above 0.
type Line struct {
	mu sync.Mutex
	fd *os.File
}

// OpenLine takes a line for this process and switches it off.
func OpenLine(cfg LineConfig) (*Line, error) {
	req := lineRequest{NumLines: 1, Flags: lineOutput, NumAttrs: 1}
	if cfg.ActiveLow {
		req.Flags |= lineActiveLow
	}
	req.Attrs[0].Attr.ID, req.Attrs[0].Mask = attrOutputValues, 1 // off, from the first moment
	fd, err := requestLine(devfs.Root(cfg.Root), cfg.Line, req)
	if err != nil {
		return nil, err
	}
	return &Line{fd: fd}, nil
}

// requestLine takes a line by its name.
func requestLine(root devfs.Root, name string, req lineRequest) (*os.File, error) {
	chip, offset, err := findLine(root, name)
	if err != nil {
		return nil, err
	}
	defer chip.Close()
	req.Offsets[0] = offset
	copy(req.Consumer[:], "dunlin")
	if err := ioctl(chip.Fd(), gpioGetLine, unsafe.Pointer(&req)); err != nil {
		if errors.Is(err, syscall.EBUSY) {
			info, _ := infoOf(chip, offset)
			return nil, fmt.Errorf("%w: GPIO line %s: in use by %q", hal.ErrAbsent, name, text(info.Consumer[:]))
		}
		return nil, root.Explain("GPIO line "+name, chip.Name(), err)
	}
	return os.NewFile(uintptr(req.FD), name), nil
}

// Set implements hal.Actuator.
func (l *Line) Set(_ context.Context, value float64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.put(value > 0)
}

func (l *Line) put(on bool) error {
	v := lineValues{Mask: 1}
	if on {
		v.Bits = 1
	}
	if err := ioctl(l.fd.Fd(), gpioSetValues, unsafe.Pointer(&v)); err != nil {
		return fmt.Errorf("GPIO line %s: %w", l.fd.Name(), err)
	}
	return nil
}

// Halt implements hal.Actuator: off.
func (l *Line) Halt() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.put(false)
}

// Close switches the line off and gives it back.
func (l *Line) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.put(false), l.fd.Close())
}

// findLine finds a line by name, by its pin, or by chip and number.
func findLine(root devfs.Root, name string) (*os.File, uint32, error) {
	if chip, number, ok := strings.Cut(name, "/"); ok && chip != "header" {
		offset, err := strconv.ParseUint(number, 10, 16)
		if err != nil || !strings.HasPrefix(chip, "gpiochip") {
			return nil, 0, fmt.Errorf("GPIO line %.60q: want its name or one such as gpiochip0/17", name)
		}
		path := root.Path("dev", chip)
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return nil, 0, root.Explain("GPIO chip "+chip, path, err)
		}
		return f, uint32(offset), nil
	}
	h, pin, err := pinOf(root, name)
	if err != nil {
		return nil, 0, err
	}
	names := []string{name}
	if pin != nil {
		names = append(names, pin.names...)
	}
	f, offset, err := searchLine(root, func(_ string, all []lineInfo) int {
		return slices.IndexFunc(all, func(l lineInfo) bool { return slices.Contains(names, text(l.Name[:])) })
	})
	if f == nil && err == nil && pin != nil && pin.number >= 0 {
		f, offset, err = searchLine(root, func(label string, all []lineInfo) int {
			if slices.Contains(h.chips, label) && pin.number < len(all) {
				return pin.number
			}
			return -1
		})
	}
	if f == nil && err == nil {
		err = fmt.Errorf("%w: no GPIO line is named %.60q; dunlin sensors scan lists them", hal.ErrAbsent, name)
	}
	return f, offset, err
}

// searchLine asks every chip; where none has the line, the error is that of a
// chip that could not be asked.
func searchLine(root devfs.Root, find func(label string, all []lineInfo) int) (*os.File, uint32, error) {
	var denied error
	for _, path := range chips(root) {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			denied = root.Explain("GPIO chip "+filepath.Base(path), path, err)
			continue
		}
		var info chipInfo
		_ = ioctl(f.Fd(), gpioGetChipInfo, unsafe.Pointer(&info))
		if i := find(text(info.Label[:]), lines(f)); i >= 0 {
			return f, uint32(i), nil
		}
		f.Close()
	}
	return nil, 0, denied
}

func chips(root devfs.Root) []string {
	all, _ := filepath.Glob(root.Path("dev/gpiochip*"))
	return all
}

func infoOf(chip *os.File, offset uint32) (lineInfo, error) {
	info := lineInfo{Offset: offset}
	return info, ioctl(chip.Fd(), gpioGetLineInfo, unsafe.Pointer(&info))
}

func lines(chip *os.File) []lineInfo {
	var c chipInfo
	if ioctl(chip.Fd(), gpioGetChipInfo, unsafe.Pointer(&c)) != nil {
		return nil
	}
	var all []lineInfo
	for i := range min(c.Lines, 1024) {
		info, err := infoOf(chip, i)
		if err != nil {
			break
		}
		all = append(all, info)
	}
	return all
}

// text reads a C string.
func text(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	return strings.ToValidUTF8(string(b), "?")
}

// A Chip is a GPIO chip and its lines.
type Chip struct {
	ID    string // gpiochipN
	Label string
	Lines []LineState
}

// LineState is a line as the kernel tells of it.
type LineState struct {
	Name     string
	Consumer string // who uses it; empty for nobody
	Used     bool
}

// Chips lists the GPIO chips that this process may open.
func Chips(root string) []Chip {
	var all []Chip
	for _, path := range chips(devfs.Root(root)) {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			continue
		}
		var info chipInfo
		if ioctl(f.Fd(), gpioGetChipInfo, unsafe.Pointer(&info)) == nil {
			c := Chip{ID: filepath.Base(path), Label: text(info.Label[:])}
			for _, l := range lines(f) {
				c.Lines = append(c.Lines, LineState{text(l.Name[:]), text(l.Consumer[:]), l.Flags&lineUsed != 0})
			}
			all = append(all, c)
		}
		f.Close()
	}
	return all
}
