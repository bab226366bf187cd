package livetrees

import (
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/board"
)

// A pwm is a channel with the kernel's rules (drivers/pwm/sysfs.c, pwm_apply):
// no high time above the period, and no run without a period.
type pwm struct {
	mu               sync.Mutex
	period, duty, on int64
	pulses           []int64 // high time whenever it changed while on
	since            time.Time
}

func (p *pwm) attr(v *int64, check func(n int64) bool) File {
	return File{
		Read: func() (string, syscall.Errno) {
			p.mu.Lock()
			defer p.mu.Unlock()
			return strconv.FormatInt(*v, 10) + "\n", 0
		},
		Write: func(s string) syscall.Errno {
			p.mu.Lock()
			defer p.mu.Unlock()
			if time.Since(p.since) < 100*time.Millisecond {
				return syscall.EACCES // udev has not given it its group yet
			}
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil || !check(n) {
				return syscall.EINVAL
			}
			*v = n
			if p.on == 1 {
				p.pulses = append(p.pulses, p.duty)
			}
			return 0
		},
	}
}

// TestPWM: the channel's files exist after its export only.
func TestPWM(t *testing.T) {
	tree, p := Mount(t), &pwm{}
	tree.Put("sys/class/pwm/pwmchip0/export", File{Write: func(s string) syscall.Errno {
		if s != "1" {
			return syscall.ENODEV
		}
		p.since = time.Now()
		dir := "sys/class/pwm/pwmchip0/pwm1/"
		tree.Put(dir+"period", p.attr(&p.period, func(n int64) bool { return n > 0 && n >= p.duty }))
		tree.Put(dir+"duty_cycle", p.attr(&p.duty, func(n int64) bool { return n >= 0 && p.period > 0 && n <= p.period }))
		tree.Put(dir+"enable", p.attr(&p.on, func(n int64) bool { return n == 0 || n == 1 && p.period > 0 }))
		return 0
	}})
	servo := board.PWMConfig{Root: tree.Root, Channel: "pwmchip0/1", Period: 20 * time.Millisecond, Low: time.Millisecond, High: 2 * time.Millisecond}
	m, err := board.OpenPWM(servo)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []float64{0, 0.5, 1, 7} {
		if err := m.Set(t.Context(), v); err != nil {
			t.Error(err)
		}
	}
	if err := m.Halt(); err != nil || p.on != 0 {
		t.Errorf("after Halt: on %d, %v", p.on, err)
	}
	if got := slices.Compact(p.pulses); !slices.Equal(got, []int64{1e6, 15e5, 2e6}) {
		t.Errorf("high for %v ns", got)
	}
	servo.Channel = "pwmchip0/2"
	if _, err := board.OpenPWM(servo); !errors.Is(err, hal.ErrAbsent) || !errors.Is(err, syscall.ENODEV) {
		t.Errorf("a channel that the chip has not: %v", err)
	}
}

// TestLED: it is taken from its trigger and given back, and what is written when
// it has gone is an error, not a lamp.
func TestLED(t *testing.T) {
	tree := Mount(t)
	var brightness, trigger atomic.Value
	trigger.Store("heartbeat")
	keep := func(v *atomic.Value) func(string) syscall.Errno {
		return func(s string) syscall.Errno { v.Store(s); return 0 }
	}
	dir := "sys/class/leds/ACT/"
	tree.Put(dir+"max_brightness", Text("255"))
	tree.Put(dir+"brightness", File{Write: keep(&brightness)})
	tree.Put(dir+"trigger", File{Read: Text("none timer [heartbeat] mmc0").Read, Write: keep(&trigger)})
	l, err := board.OpenLED(tree.Root, "ACT")
	if err != nil {
		t.Fatal(err)
	}
	if brightness.Load() != "0" || trigger.Load() != "none" {
		t.Errorf("taken: %v, %v", brightness.Load(), trigger.Load())
	}
	if err := l.Set(t.Context(), 1); err != nil || brightness.Load() != "255" {
		t.Errorf("on: %v, %v", brightness.Load(), err)
	}
	if err := l.Close(); err != nil || brightness.Load() != "0" || trigger.Load() != "heartbeat" {
		t.Errorf("given back: %v, %v, %v", brightness.Load(), trigger.Load(), err)
	}
	tree.Remove("sys/class/leds/ACT")
	if err := l.Set(t.Context(), 1); !errors.Is(err, hal.ErrAbsent) {
		t.Errorf("after it went: %v", err)
	}
}
