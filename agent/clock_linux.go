package agent

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// bootClock tells telemetry the time. The time since boot includes sleep; how
// long the board slept is looked up with the wall time only, once a write,
// since asking the kernel for every record would cost more than keeping one.
type bootClock struct {
	start time.Time
	since atomic.Int64 // ns from boot to start, sleep included
}

func newBootClock() (*bootClock, error) {
	c := &bootClock{start: time.Now()}
	return c, c.look()
}

// look takes over the time that the kernel counts since boot.
func (c *bootClock) look() error {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return fmt.Errorf("time since boot: %w", err)
	}
	if since := ts.Nano() - int64(time.Since(c.start)); since > c.since.Load() {
		c.since.Store(since)
	}
	return nil
}

// Mono returns the time since boot.
func (c *bootClock) Mono() time.Duration {
	return time.Duration(c.since.Load()) + time.Since(c.start)
}

// Wall returns the wall time, and whether the kernel holds its clock for
// synchronized.
func (c *bootClock) Wall() (time.Time, bool) {
	_ = c.look() // worked once, and the last answer serves
	state, err := unix.Adjtimex(&unix.Timex{})
	return time.Now(), err == nil && state != unix.TIME_ERROR
}

// bootID returns the kernel's id of this boot.
func bootID() (id [16]byte, err error) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return id, fmt.Errorf("boot id: %w", err)
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(string(text)), "-", ""))
	if err != nil || len(raw) != len(id) {
		return id, fmt.Errorf("boot id: %q", text)
	}
	return [16]byte(raw), nil
}
