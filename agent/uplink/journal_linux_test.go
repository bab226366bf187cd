package uplink

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// mountTmpfs mounts a file system of memory and returns its folder.
func mountTmpfs(t *testing.T, flags uintptr, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
		if os.Getenv("CI") == "" && errors.Is(err, syscall.EPERM) {
			t.Skip("mounting is not permitted here")
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestFullDisk: what a disk without room left half written costs no command its
// place, and one that could not be written down does not run.
func TestFullDisk(t *testing.T) {
	dir := mountTmpfs(t, 0, "size=64k")
	j := open(t, dir, noon)
	var began []string
	if err := os.WriteFile(filepath.Join(dir, "fill"), make([]byte, 40<<10), 0o600); err != nil { // leaves some
		t.Fatal(err)
	}
	for n := range 400 {
		id := fmt.Sprintf("%097d", n)
		if _, err := j.begin(cmd(id), noon); err == nil {
			began = append(began, id)
		} else if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	if len(began) == 0 || len(began) == 400 {
		t.Fatalf("%d of 400 began", len(began))
	}
	if err := os.Remove(filepath.Join(dir, "fill")); err != nil {
		t.Fatal(err)
	}
	if known, err := j.begin(cmd("after"), noon); known != nil || err != nil {
		t.Fatalf("with room again: %v, %v", known, err)
	}
	j = open(t, dir, noon)
	for _, id := range append(began, "after") {
		if known, err := j.begin(cmd(id), noon); known == nil || err != nil {
			t.Fatalf("%s would run again: %v", id, err)
		}
	}
}

// TestReadOnly: the agent starts without a journal that can be written, and runs
// no command.
func TestReadOnly(t *testing.T) {
	dir := mountTmpfs(t, syscall.MS_RDONLY, "")
	j, err := openJournal(dir, noon)
	if !errors.Is(err, syscall.EROFS) {
		t.Errorf("opened: %v", err)
	}
	if _, err := j.begin(cmd("a"), noon); !errors.Is(err, syscall.EROFS) {
		t.Errorf("began: %v", err)
	}
	j.close()
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := j.begin(cmd("a"), noon); err != nil {
		t.Errorf("writable again: %v", err)
	}
}
