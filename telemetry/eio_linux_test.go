package telemetry

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestDiskErrors: a medium that stops taking writes gives EIO for good, as a
// worn card does. Nothing crashes or is taken for damage, what is not kept is
// counted to the record, and a good disk in its place takes it all down.
func TestDiskErrors(t *testing.T) {
	dir := mountExt4(t, loopDevice(t, 64))
	cfg := testConfig(t)
	cfg.Path, cfg.MaxBytes = filepath.Join(dir, "store"), 32<<20
	l, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var next uint16
	broken := feed(l, &next, 200)
	taken := 200 // by the disk
	goDown(t, dir)
	for range 41 {
		if broken = feed(l, &next, 200); broken == nil {
			t.Fatal("a write succeeds on a broken disk")
		}
	}
	if !errors.Is(broken, syscall.EIO) || errors.Is(broken, ErrDamaged) {
		t.Fatalf("a medium that fails: %v", broken)
	}
	t.Logf("after %d results: %v", taken, broken)
	if got, want := l.Unsaved(), uint64(int(next)-taken); got != want {
		t.Errorf("%d records not saved, want %d", got, want)
	}
	if err := l.Close(); err == nil {
		t.Error("close says nothing")
	}
	if _, err := New(cfg); err == nil || errors.Is(err, ErrDamaged) {
		t.Errorf("opens again with %v", err)
	}
	lost := l.Unsaved()
	good := testConfig(t)
	g, _ := mustLog(t, good)
	g.Lost(lost)
	if err := g.Flush(); err != nil {
		t.Fatal(err)
	}
	a, err := g.Account()
	if err != nil || a.Epochs[a.Epoch].Dropped[reasonOverrun] != lost {
		t.Errorf("%+v, %v; want %d declared", a, err, lost)
	}
}

// goDown makes every access to an ext4 from now on fail with EIO.
func goDown(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const shutdown, noLogFlush = 0x8004587D, 2 // EXT4_IOC_SHUTDOWN
	flags := uint32(noLogFlush)
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), shutdown, uintptr(unsafe.Pointer(&flags))); errno != 0 {
		t.Fatal(errno)
	}
}

// TestUnreadablePages: pages of the mapped file that the medium cannot read any
// more, which the kernel tells by SIGBUS, are damage and no crash, and opening the
// store again goes on with a new one or says why not.
func TestUnreadablePages(t *testing.T) {
	read := func(l *Log) error { _, err := l.Pending(1<<20, KindCapture, nil); return err }
	write := func(l *Log) error {
		l.Event(Event{Code: EventAgent})
		return l.step(true)
	}
	for name, steps := range map[string][]func(*Log) error{"reading": {read, write}, "writing": {write, read}} {
		t.Run(name, func(t *testing.T) { unreadable(t, steps) })
	}
}

func unreadable(t *testing.T, steps []func(*Log) error) {
	dev := loopDevice(t, 64)
	image, err := os.ReadFile("/sys/block/" + filepath.Base(dev) + "/loop/backing_file")
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig(t)
	cfg.Path, cfg.MaxBytes = filepath.Join(mountExt4(t, dev), "store"), 4<<20
	l, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var next uint16
	for range 60 {
		if err := feed(l, &next, 500); err != nil {
			t.Fatal(err)
		}
	}
	syscall.Sync()
	if err := os.Truncate(strings.TrimSpace(string(image)), 64<<10); err != nil {
		t.Fatal(err)
	}
	forget(t, l, cfg.Path)
	for i, step := range steps {
		if err := step(l); !errors.Is(err, ErrDamaged) {
			t.Errorf("step %d with pages that cannot be read: %v", i, err)
		}
	}
	l.Close() // what it says is no matter, that it returns is
	if err := Unused(cfg.Path); err != nil {
		t.Errorf("the lock stays: %v", err)
	}
	if again, err := New(cfg); err == nil {
		again.Close()
	} else {
		t.Logf("opens again with: %v", err)
	}
}

// forget makes the kernel drop the pages of a file, so that it has to read them.
func forget(t *testing.T, l *Log, path string) {
	t.Helper()
	l.store.release()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
}
