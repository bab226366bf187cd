//go:build !linux

package agent

import (
	"crypto/rand"
	"time"
)

// bootClock stands in where only the tools run: its boot is the program's
// start, and nobody says that the wall clock is synchronized.
type bootClock struct{ start time.Time }

func newBootClock() (*bootClock, error) { return &bootClock{time.Now()}, nil }

// Mono returns the time since the program's start.
func (c *bootClock) Mono() time.Duration { return time.Since(c.start) }

// Wall returns the wall time, of which nothing is known.
func (c *bootClock) Wall() (time.Time, bool) { return time.Now(), false }

// bootID is another one each time.
func bootID() (id [16]byte, err error) {
	_, err = rand.Read(id[:])
	return id, err
}

// synchronized is told by nobody.
func synchronized() bool { return false }
