// Package proc reads the standard output of a program that is expected to run
// for ever: it notices when the program stalls or ends, and says why.
package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
)

// A Reader is a running program. One goroutine reads; Close may be called from
// any and is idempotent.
type Reader struct {
	name  string
	cmd   *exec.Cmd
	out   *os.File
	said  tail
	stall time.Duration
	once  sync.Once
	ended error // of the program, after Close
	ctx   context.Context
	leave func() bool
}

// Start runs args without a shell. line, which may be nil, gets each line of
// its standard error. A read that gets no byte for stall fails,
// and the first one for ten times that: devices take time to begin.
func Start(args []string, stall time.Duration, line func(string)) (*Reader, error) {
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	r := &Reader{name: args[0], cmd: exec.Command(args[0], args[1:]...), out: out, stall: stall}
	r.said.line = line
	r.cmd.Stdout, r.cmd.Stderr = in, &r.said
	// A group of its own: what it starts ends with it.
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r.cmd.WaitDelay = time.Second
	err = r.cmd.Start()
	in.Close()
	if err == nil {
		err = out.SetReadDeadline(time.Now().Add(10 * stall))
	}
	if errors.Is(err, exec.ErrNotFound) {
		out.Close()
		return nil, fmt.Errorf("%w: program %s is not installed", hal.ErrAbsent, args[0])
	}
	if err != nil {
		out.Close()
		return nil, fmt.Errorf("%w: start %s: %w", hal.ErrAbsent, args[0], err)
	}
	return r, nil
}

// Follow closes the reader when ctx ends. Calling it with the same one again
// costs nothing.
func (r *Reader) Follow(ctx context.Context) {
	if r.ctx == ctx {
		return
	}
	if r.leave != nil {
		r.leave()
	}
	r.ctx, r.leave = ctx, context.AfterFunc(ctx, func() { r.Close() })
}

// ReadFull fills b. Any error is final and tells what the program said last.
func (r *Reader) ReadFull(b []byte) error {
	for at := 0; at < len(b); {
		n, err := r.out.Read(b[at:])
		at += n
		if err != nil {
			return r.fail(err, at)
		}
		if err := r.out.SetReadDeadline(time.Now().Add(r.stall)); err != nil {
			return r.fail(err, at)
		}
	}
	return nil
}

// Read reads at least a byte; errors are those of ReadFull, without io.EOF.
func (r *Reader) Read(b []byte) (int, error) {
	n, err := r.out.Read(b)
	if err != nil {
		return n, r.fail(err, 0)
	}
	return n, r.out.SetReadDeadline(time.Now().Add(r.stall))
}

func (r *Reader) fail(err error, part int) error {
	what := ""
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		what = fmt.Sprintf("gave no data for %s", r.stall)
	case errors.Is(err, os.ErrClosed):
		if r.ctx != nil && r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		return hal.ErrHalted
	case errors.Is(err, io.EOF):
		what = "ended"
		if part > 0 {
			what = fmt.Sprintf("ended %d bytes into a frame", part)
		}
	default:
		what = err.Error()
	}
	r.Close()
	if r.ctx != nil && r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	if r.ended != nil && errors.Is(err, io.EOF) {
		what += " (" + r.ended.Error() + ")"
	}
	if said := r.said.last(); said != "" {
		what += ": " + said
	}
	return fmt.Errorf("%w: %s %s", hal.ErrAbsent, r.name, what)
}

// Close ends the program and what it started.
func (r *Reader) Close() error {
	r.once.Do(func() {
		// Whatever it wrote is not wanted any more, so it gets no time to finish.
		kill := func() { _ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL) }
		r.out.Close()
		done := make(chan error, 1)
		go func() { done <- r.cmd.Wait() }()
		_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGTERM) // cameras stop their sensor on it
		select {
		case r.ended = <-done:
			kill() // what it started and left behind
		case <-time.After(time.Second):
			kill()
			r.ended = <-done
		}
	})
	return nil
}

// tail keeps the end of what is written to it.
type tail struct {
	line func(string)
	part []byte // of a line that has not ended

	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.lines(b)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b[max(0, len(b)-2048):]...)
	t.buf = t.buf[max(0, len(t.buf)-2048):]
	return len(b), nil
}

// lines tells of complete lines, up to 1 KB of each.
func (t *tail) lines(b []byte) {
	if t.line == nil {
		return
	}
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		piece := b
		if end >= 0 {
			piece = b[:end]
		}
		t.part = append(t.part, piece[:min(len(piece), 1024-min(1024, len(t.part)))]...)
		if end < 0 {
			return
		}
		t.line(string(t.part))
		t.part, b = t.part[:0], b[end+1:]
	}
}

// last is the last line with something in it, fit for a log.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.FieldsFunc(strings.ToValidUTF8(string(t.buf), "?"), func(c rune) bool { return c == '\n' || c == '\r' })
	for i := len(lines) - 1; i >= 0; i-- {
		if s := strings.TrimSpace(lines[i]); s != "" {
			return s[:min(len(s), 300)]
		}
	}
	return ""
}
