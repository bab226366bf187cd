package telemetry

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"
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
