package ota

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// smallDisk is a file system of its own for a device's state.
func (w *world) smallDisk(options string) {
	w.t.Helper()
	if os.Getuid() != 0 && os.Getenv("CI") == "" {
		w.t.Skip("mounting needs root")
	}
	w.state = filepath.Join(w.t.TempDir(), "disk")
	w.must(os.Mkdir(w.state, 0o700))
	w.must(syscall.Mount("tmpfs", w.state, "tmpfs", 0, options))
	w.t.Cleanup(func() { w.must(syscall.Unmount(w.state, syscall.MNT_DETACH)) })
}

// full is what others write onto a disk until there is no room.
func (w *world) full() (free func()) {
	w.t.Helper()
	var files []string
	for i := range 100_000 {
		f := filepath.Join(w.state, fmt.Sprint("others-", i))
		err := os.WriteFile(f, bytes.Repeat([]byte("x"), 8<<10), 0o600)
		files = append(files, f)
		if err != nil {
			break
		}
	}
	return func() {
		for _, f := range files {
			if err := os.Remove(f); err != nil && !errors.Is(err, os.ErrNotExist) {
				w.t.Error(err)
			}
		}
	}
}

// TestInstallOnFullDisk: without bytes and without inodes an install ends with
// an error, what is active stays, also over a restart, and the same order brings
// the new one when there is room.
func TestInstallOnFullDisk(t *testing.T) {
	big := string(bytes.Repeat([]byte("model"), 20_000))
	for name, options := range map[string]string{"no bytes": "size=1m", "no inodes": "size=64m,nr_inodes=64"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.smallDisk(options)
			one, two := w.publish("1.0.0", "one", 0), w.publish("2.0.0", big, 0)
			client := w.open()
			w.must(client.Install(t.Context(), one))
			mend := w.full()
			if err := client.Install(t.Context(), two); err == nil {
				t.Error("installed on a disk without room")
			} else {
				t.Log(err)
			}
			w.runs(client, "one")
			mend()
			w.must(client.Close())
			client = w.open()
			w.runs(client, "one")
			w.must(client.Install(t.Context(), two))
			w.runs(client, big)
		})
	}
}
