package board

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
	"github.com/dunlin-edge/dunlin/hal/internal/devfs"
)

// PWMConfig names a PWM channel and its use.
type PWMConfig struct {
	Root    string // folder that stands for "/"; "" in earnest
	Channel string // chip and channel: pwmchip0/1
	Period  time.Duration
	Low     time.Duration // high time for the value 0
	High    time.Duration // and for 1
}

// A PWM is a channel whose high time follows a value from 0 to 1: a servo's
// 1 ms to 2 ms of 20, a motor's or a lamp's 0 to all.
type PWM struct {
	cfg  PWMConfig
	root devfs.Root
	dir  string
	mu   sync.Mutex
}

// OpenPWM exports the channel and leaves it off.
func OpenPWM(cfg PWMConfig) (*PWM, error) {
	chip, number, ok := strings.Cut(cfg.Channel, "/")
	n, err := strconv.ParseUint(number, 10, 8)
	if !ok || err != nil || !strings.HasPrefix(chip, "pwmchip") || strings.ContainsAny(chip, "./") {
		return nil, fmt.Errorf("PWM %.60q: want one such as pwmchip0/1", cfg.Channel)
	}
	if cfg.Period < time.Microsecond || cfg.Period > 10*time.Second || cfg.Low < 0 || cfg.High < 0 || cfg.Low > cfg.Period || cfg.High > cfg.Period {
		return nil, fmt.Errorf("PWM %s: period %s, high for %s to %s: want a period from 1 µs to 10 s and high times within it", cfg.Channel, cfg.Period, cfg.Low, cfg.High)
	}
	p := &PWM{cfg: cfg, root: devfs.Root(cfg.Root), dir: fmt.Sprintf("/sys/class/pwm/%s/pwm%d", chip, n)}
	if _, err := os.Stat(p.root.Path(p.dir)); errors.Is(err, fs.ErrNotExist) {
		err := p.root.SetAttr(strconv.FormatUint(n, 10), "/sys/class/pwm", chip, "export")
		if err != nil && !errors.Is(err, syscall.EBUSY) { // exported just now by another
			return nil, p.root.Explain("PWM "+cfg.Channel, p.root.Path("/sys/class/pwm", chip, "export"), err)
		}
	}
	if err := p.prepare(); err != nil {
		return nil, p.root.Explain("PWM "+cfg.Channel, p.root.Path(p.dir, "enable"), err)
	}
	return p, nil
}

// prepare sets the period. udev may give the new files their group only after
// a moment, so a refusal is tried again for half a second.
func (p *PWM) prepare() error {
	end := time.Now().Add(500 * time.Millisecond)
	for {
		err := p.set("duty_cycle", 0) // no period may be shorter than it
		if err == nil {
			err = p.set("period", p.cfg.Period)
		}
		if err == nil {
			return p.root.SetAttr("0", p.dir, "enable")
		}
		if errors.Is(err, syscall.EINVAL) && p.set("period", p.cfg.Period) == nil { // a channel without a period takes no high time
			return p.root.SetAttr("0", p.dir, "enable")
		}
		if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist) || time.Now().After(end) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (p *PWM) set(attr string, d time.Duration) error {
	return p.root.SetAttr(strconv.FormatInt(d.Nanoseconds(), 10), p.dir, attr)
}

// Set implements hal.Actuator; values are limited to 0 to 1.
func (p *PWM) Set(_ context.Context, value float64) error {
	if math.IsNaN(value) {
		return fmt.Errorf("PWM %s: not a number", p.cfg.Channel)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	high := p.cfg.Low + time.Duration(min(max(value, 0), 1)*float64(p.cfg.High-p.cfg.Low))
	if err := p.set("duty_cycle", high); err != nil {
		return fmt.Errorf("PWM %s: %w", p.cfg.Channel, err)
	}
	if err := p.root.SetAttr("1", p.dir, "enable"); err != nil {
		return fmt.Errorf("PWM %s: %w", p.cfg.Channel, err)
	}
	return nil
}

// Halt implements hal.Actuator: no pulses.
func (p *PWM) Halt() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.root.SetAttr("0", p.dir, "enable"); err != nil {
		return fmt.Errorf("PWM %s: %w", p.cfg.Channel, err)
	}
	return nil
}

// Close is Halt: the channel stays exported for the next start.
func (p *PWM) Close() error { return p.Halt() }

// Actuators of this package.
var (
	_ hal.Actuator = (*Line)(nil)
	_ hal.Actuator = (*PWM)(nil)
)
