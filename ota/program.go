package ota

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/minio/selfupdate"

	"github.com/dunlin-edge/dunlin/ota/disk"
	"github.com/dunlin-edge/dunlin/ota/guard"
)

// ProgramSlot is the slot of the agent's own program. What it goes back to is
// the guard's to choose.
const ProgramSlot = "agent"

// MaxProgram bounds a program of the agent in bytes: it is held whole in
// memory once.
const MaxProgram = 64 << 20

// backToGuard pins the active program and forgets it.
func (c *Client) backToGuard(j journal, reason string) error {
	j.pin(j.Active.SHA256, reason)
	j.State, j.Active, j.Previous, j.Candidate, j.Attempts, j.Reason = Reverted, nil, nil, nil, 0, reason
	if err := c.set(ProgramSlot, j); err != nil {
		return err
	}
	return c.collect()
}

// StageProgram puts a verified program of the agent where the guard finds it,
// durably. Nothing starts it until it is tried.
func StageProgram(d guard.Dir, v guard.Version, blob string) error {
	path, err := d.Place(v)
	if err != nil {
		return fmt.Errorf("stage program: %w", err)
	}
	if err := place(path, v, blob); err != nil {
		return fmt.Errorf("stage program %s: %w", v.Short(), err)
	}
	return nil
}

func place(path string, v guard.Version, blob string) error {
	sum, err := hex.DecodeString(v.SHA256)
	if err != nil {
		return err
	}
	src, err := os.Open(blob)
	if err != nil {
		return err
	}
	defer src.Close()
	// selfupdate gives a file its mode only where it makes it.
	next := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	opts := selfupdate.Options{TargetPath: path, TargetMode: 0o755, Checksum: sum}
	if err := selfupdate.PrepareAndCheckBinary(io.LimitReader(src, MaxProgram), opts); err != nil {
		return err
	}
	// What follows selfupdate does without a sync, and its own commit has a
	// moment with no program at all.
	f, err := os.Open(next)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return disk.Rename(next, path)
}
