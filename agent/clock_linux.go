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

// bootClock tells telemetry the time. The time since boot includes sleep, which
// the clock of time.Since leaves out. Asking the kernel for every record would
// cost more than keeping one, so it is asked when the wall clock has run away
// from that clock, as it does over a sleep, and once a write.
type bootClock struct {
	wall  func() time.Duration          // since start
	awake func() time.Duration          // since start
	boot  func() (time.Duration, error) // since boot, sleep included

	since  atomic.Int64 // ns from boot to start, sleep included
	ahead  atomic.Int64 // ns that the wall clock has gained on awake since start
	looked atomic.Int64 // ns awake, when that was last looked at
}

// lookEvery is the time awake between two looks at the wall clock. Of records
// that come faster, those of so long may miss a sleep.
const lookEvery = 20 * time.Millisecond

// ranAway is how far the wall clock runs away before the kernel is asked.
const ranAway = 100 * time.Millisecond

func newBootClock() (*bootClock, error) {
	start := time.Now()
	c := &bootClock{
		boot:  sinceBoot,
		wall:  func() time.Duration { return time.Duration(time.Now().UnixNano() - start.UnixNano()) },
		awake: func() time.Duration { return time.Since(start) },
	}
	c.looked.Store(-int64(lookEvery))
	return c, c.look()
}

func sinceBoot() (time.Duration, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0, fmt.Errorf("time since boot: %w", err)
	}
	return time.Duration(ts.Nano()), nil
}

// look takes over the time that the kernel counts since boot.
func (c *bootClock) look() error {
	boot, err := c.boot()
	if err != nil {
		return err
	}
	if since := int64(boot - c.awake()); since > c.since.Load() {
		c.since.Store(since)
	}
	return nil
}

// Mono returns the time since boot.
func (c *bootClock) Mono() time.Duration {
	awake := c.awake()
	if awake-time.Duration(c.looked.Load()) >= lookEvery {
		c.looked.Store(int64(awake))
		c.mindSleep(awake)
	}
	return time.Duration(c.since.Load()) + awake
}

// mindSleep asks the kernel where the wall clock has run away.
func (c *bootClock) mindSleep(awake time.Duration) {
	ahead := int64(c.wall() - awake)
	if d := time.Duration(ahead - c.ahead.Load()); d > ranAway || d < -ranAway {
		c.ahead.Store(ahead)
		_ = c.look() // worked once, and the last answer serves
	}
}

// Wall returns the wall time, and whether the kernel holds its clock for
// synchronized.
func (c *bootClock) Wall() (time.Time, bool) {
	_ = c.look() // worked once, and the last answer serves
	return time.Now(), synchronized()
}

func synchronized() bool {
	state, err := unix.Adjtimex(&unix.Timex{})
	return err == nil && state != unix.TIME_ERROR
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
