//go:build kernel

package board

import (
	"errors"
	"strings"
	"testing"
	"unsafe"

	"github.com/dunlin-edge/dunlin/hal"
)

func (l *Line) level(t *testing.T) uint64 {
	t.Helper()
	v := lineValues{Mask: 1}
	if err := ioctl(l.fd.Fd(), gpioGetLevels, unsafe.Pointer(&v)); err != nil {
		t.Fatal(err)
	}
	return v.Bits & 1
}

// TestKernelLine drives lines of the machine's GPIO chip (PL061).
func TestKernelLine(t *testing.T) {
	all := Chips("")
	if len(all) == 0 || len(all[0].Lines) != 8 {
		t.Fatalf("chips: %+v", all)
	}
	t.Logf("%+v", all)
	for _, low := range []bool{false, true} {
		l, err := OpenLine(LineConfig{Line: all[0].ID + "/5", ActiveLow: low})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			do   func() error
			want uint64
		}{
			{func() error { return nil }, 0},
			{func() error { return l.Set(t.Context(), 1) }, 1},
			{func() error { return l.Set(t.Context(), 0) }, 0},
			{func() error { return l.Set(t.Context(), 0.5) }, 1},
			{l.Halt, 0}, {l.Halt, 0},
		} {
			if err := c.do(); err != nil || l.level(t) != c.want {
				t.Errorf("active low %v: level %d, want %d, %v", low, l.level(t), c.want, err)
			}
		}
		if c := Chips("")[0].Lines[5]; c.Consumer != "dunlin" || !c.Used {
			t.Errorf("the kernel says %+v", c)
		}
		if _, err := OpenLine(LineConfig{Line: all[0].ID + "/5"}); !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), `in use by "dunlin"`) {
			t.Errorf("busy: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if c := Chips("")[0].Lines[5]; c.Used {
		t.Errorf("it was not given back: %+v", c)
	}
	for _, bad := range []string{all[0].ID + "/99", "gpiochip7/1", "GPIO17"} {
		if _, err := OpenLine(LineConfig{Line: bad}); err == nil {
			t.Errorf("line %s was opened", bad)
		} else {
			t.Log(err)
		}
	}
}

// TestKernelInput reads lines; one that is driven is somebody's. Line 3 is the
// power button where the kernel has its driver built in.
func TestKernelInput(t *testing.T) {
	chip := Chips("")[0].ID
	in, err := openInput("", chip+"/2")
	if err != nil {
		t.Fatal(err)
	}
	if high, err := in.level(); err != nil || high {
		t.Errorf("a line that nobody drives: %v, %v", high, err)
	}
	if _, err := openWires("", chip+"/4", chip+"/2"); !errors.Is(err, hal.ErrAbsent) || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a line in use: %v", err)
	}
	if err := in.fd.Close(); err != nil {
		t.Fatal(err)
	}
	w, err := openWires("", chip+"/4", chip+"/2")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Clock(true), w.Clock(false), w.Close()); err != nil {
		t.Error(err)
	}
}
