package telemetry

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// ErrDamaged marks a store whose pages do not hold together.
var ErrDamaged = errors.New("store damaged")

// CheckIn returns a check that runs a command with the path as its last
// argument. The command calls Check and exits with 0, with 1 for trouble that is
// no damage, and with any other code for ErrDamaged; dying of a panic or a signal
// counts as damage, taking more than five minutes does not.
func CheckIn(command string, args ...string) func(path string) error {
	return func(path string) error {
		var out strings.Builder
		ctx, cancel := context.WithTimeout(context.Background(), checkWait)
		defer cancel()
		cmd := exec.CommandContext(ctx, command, append(args[:len(args):len(args)], path)...)
		cmd.Stderr = &out
		err := cmd.Run()
		var exit *exec.ExitError
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("check store: no answer after %v", checkWait)
		case errors.As(err, &exit) && exit.ExitCode() != 1:
			line, _, _ := strings.Cut(out.String(), "\n")
			return fmt.Errorf("%w: %s: %s", ErrDamaged, err, line)
		}
		return fmt.Errorf("check store: %w: %s", err, strings.TrimSpace(out.String()))
	}
}

const checkWait = 5 * time.Minute

// Unused returns an error while a process has the store at path open, or when
// that cannot be found out; a store that does not exist is unused.
func Unused(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for a user of the store: %w", err)
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("the store is in use: %w", err)
	}
	return nil
}

// Check reads the whole store at path and returns ErrDamaged when its pages
// do not hold together. The store must not be open. A damaged page can panic
// in a goroutine of bbolt, which nothing recovers from: call it in a child
// process, see CheckIn.
func Check(path string) error {
	if info, err := os.Stat(path); err != nil {
		return fmt.Errorf("check store: %w", err)
	} else if info.Size() < 4*pageSize {
		return fmt.Errorf("check store: %w: %d bytes", ErrDamaged, info.Size())
	}
	if err := guard(func() error { return checkPages(path) }); err != nil {
		return fmt.Errorf("check store: %w", err)
	}
	return nil
}

func checkPages(path string) error {
	opt := (&Config{MaxBytes: minBytes}).options()
	opt.ReadOnly, opt.MaxSize = true, 0
	db, err := bolt.Open(path, 0o600, opt)
	if err != nil {
		return classify(err)
	}
	defer db.Close()
	return db.View(func(tx *bolt.Tx) error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if info.Size() < tx.Size() {
			return fmt.Errorf("%w: %d bytes of %d", ErrDamaged, info.Size(), tx.Size())
		}
		var first error
		for err := range tx.Check() {
			if first == nil {
				first = fmt.Errorf("%w: %v", ErrDamaged, err)
			}
		}
		if first != nil {
			return first
		}
		l, err := newLedger(tx)
		if err != nil {
			return err
		}
		return l.validate()
	})
}

// validate checks what the pages hold as far as the store relies on it.
func (l *ledger) validate() error {
	if v := l.meta.Get(keyFormat); len(v) != 1 || v[0] != format {
		return fmt.Errorf("format %v of the store is not known", v)
	}
	waiting := map[uint32]uint64{}
	for k := range stored {
		c := l.queue(Kind(k)).Cursor()
		for b, _ := c.First(); b != nil; b, _ = c.Next() {
			if len(b) != 16 || l.of(binary.BigEndian.Uint32(b)) == nil {
				return fmt.Errorf("%w: key %x", ErrDamaged, b)
			}
			waiting[parseKey(b).epoch] += parseKey(b).Count
		}
	}
	err := l.epochs.ForEach(func(k, _ []byte) error {
		if len(k) != 4 {
			return fmt.Errorf("%w: epoch %x", ErrDamaged, k)
		}
		epoch := binary.BigEndian.Uint32(k)
		if c := l.of(epoch); c == nil || c.Waiting != waiting[epoch] || !c.balanced() {
			return fmt.Errorf("%w: counters of epoch %d: %+v", ErrDamaged, epoch, c)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if l.of(l.current()) == nil {
		return fmt.Errorf("%w: no counters", ErrDamaged)
	}
	return nil
}

// classify tells damage from trouble with the disk or another process.
func classify(err error) error {
	var no syscall.Errno
	if errors.As(err, &no) || errors.Is(err, berrors.ErrTimeout) {
		return err
	}
	return fmt.Errorf("%w: %v", ErrDamaged, err)
}
