package board

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/dunlin-edge/dunlin/hal"
)

// TestLayout: the numbers of the requests hold the sizes of their structures.
func TestLayout(t *testing.T) {
	for request, size := range map[uint32]uintptr{
		gpioGetChipInfo: unsafe.Sizeof(chipInfo{}), gpioGetLineInfo: unsafe.Sizeof(lineInfo{}),
		gpioGetLine: unsafe.Sizeof(lineRequest{}), gpioSetValues: unsafe.Sizeof(lineValues{}),
	} {
		if want := uintptr(request >> 16 & 0x3fff); size != want {
			t.Errorf("request %#x: %d bytes, want %d", request, size, want)
		}
	}
	if o := unsafe.Offsetof(lineRequest{}.FD); o != 588 {
		t.Errorf("fd at %d", o)
	}
}

func pwmTree(t *testing.T) (root, dir string) {
	t.Helper()
	root = t.TempDir()
	dir = filepath.Join(root, "sys/class/pwm/pwmchip0/pwm1")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{"duty_cycle", "period", "enable"} {
		if err := os.WriteFile(filepath.Join(dir, a), []byte("0\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root, dir
}

func read(t *testing.T, dir, attr string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, attr))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

func TestServo(t *testing.T) {
	root, dir := pwmTree(t)
	p, err := OpenPWM(PWMConfig{Root: root, Channel: "pwmchip0/1", Period: 20 * time.Millisecond, Low: time.Millisecond, High: 2 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if read(t, dir, "period") != "20000000" || read(t, dir, "enable") != "0" {
		t.Error("it is not ready and off")
	}
	for value, want := range map[float64]string{0: "1000000", 0.25: "1250000", 1: "2000000", 7: "2000000", -3: "1000000"} {
		if err := p.Set(t.Context(), value); err != nil || read(t, dir, "duty_cycle") != want || read(t, dir, "enable") != "1" {
			t.Errorf("%v: %v, high for %s, want %s", value, err, read(t, dir, "duty_cycle"), want)
		}
	}
	if err := p.Set(t.Context(), math.NaN()); err == nil {
		t.Error("NaN was set")
	}
	if err := p.Halt(); err != nil || read(t, dir, "enable") != "0" {
		t.Errorf("halt: %v, enable %s", err, read(t, dir, "enable"))
	}
}

func TestBadActuators(t *testing.T) {
	root, _ := pwmTree(t)
	for _, c := range []string{"", "pwmchip0", "pwmchip0/x", "../pwmchip0/1", "pwmchip9/1"} {
		_, err := OpenPWM(PWMConfig{Root: root, Channel: c, Period: time.Millisecond, High: time.Millisecond})
		if err == nil || c == "pwmchip9/1" && !errors.Is(err, hal.ErrAbsent) {
			t.Errorf("%q: %v", c, err)
		}
	}
	if _, err := OpenPWM(PWMConfig{Root: root, Channel: "pwmchip0/1", Period: time.Millisecond, High: time.Second}); err == nil {
		t.Error("high for longer than the period")
	}
	for _, c := range []string{"", "GPIO17", "gpiochip0/17", "gpiochip0/x", "spi/3"} {
		if _, err := OpenLine(LineConfig{Root: root, Line: c}); err == nil {
			t.Errorf("line %q opened", c)
		}
	}
	if err := os.Mkdir(filepath.Join(root, "dev"), 0o700); err != nil {
		t.Fatal(err)
	}
	// A file that is no GPIO chip.
	if err := os.WriteFile(filepath.Join(root, "dev/gpiochip0"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLine(LineConfig{Root: root, Line: "gpiochip0/3"}); !errors.Is(err, hal.ErrAbsent) {
		t.Errorf("no chip: %v", err)
	}
}
