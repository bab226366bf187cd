package telemetry

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

// mountTmpfs mounts a small file system and returns its folder.
func mountTmpfs(t *testing.T, options string) string {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("mounting needs root")
		}
		t.Skip("mounting needs root")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
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

// feed takes n results whose classes count on from next, and writes.
func feed(l *Log, next *uint16, n int) error {
	for range n {
		*next++
		l.Result(Result{Class: *next})
	}
	return l.Flush()
}

// inOrder tells whether what waits has the classes up to last, but for gaps.
func inOrder(t *testing.T, l *Log, last uint16) (results, lost uint64) {
	t.Helper()
	class := uint16(0)
	for _, c := range chunks(t, l) {
		for _, r := range c.Results {
			if r.Class <= class || r.Class > last {
				t.Fatalf("class %d after %d", r.Class, class)
			}
			class = r.Class
			results++
		}
		for _, g := range c.Gaps {
			lost += g.Count
		}
	}
	return results, lost
}

// TestFullDisk: a disk that others fill stops writing and nothing else; when
// there is room again, every number is there or declared.
func TestFullDisk(t *testing.T) {
	dir := mountTmpfs(t, "size=1m")
	cfg := testConfig(t)
	cfg.Path, cfg.MaxBytes = filepath.Join(dir, "store"), 8<<20
	l, _ := mustLog(t, cfg)
	var next uint16
	for range 3 {
		if err := feed(l, &next, 100); err != nil {
			t.Fatal(err)
		}
	}
	hog := filepath.Join(dir, "hog")
	f, err := os.Create(hog)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	f.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	failed := 0
	for range 60 {
		if feed(l, &next, 500) != nil {
			failed++
		}
	}
	if failed == 0 {
		t.Fatal("the disk never was full")
	}
	if err := os.Remove(hog); err != nil {
		t.Fatal(err)
	}
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	results, lost := inOrder(t, l, next)
	if results+lost != uint64(next) || results < 300 {
		t.Errorf("%d results and %d lost of %d", results, lost, next)
	}
	t.Logf("%d writes failed; %d results kept, %d declared lost", failed, results, lost)
}

// TestReadOnlyRemount: what the kernel does to a file system it finds broken.
func TestReadOnlyRemount(t *testing.T) {
	dir := mountTmpfs(t, "size=4m")
	cfg := testConfig(t)
	cfg.Path, cfg.MaxBytes = filepath.Join(dir, "store"), 1<<20
	var next uint16
	l, _ := mustLog(t, cfg)
	if err := errors.Join(feed(l, &next, 100), l.Close()); err != nil {
		t.Fatal(err)
	}
	remount := func(flags uintptr) {
		t.Helper()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(syscall.MS_RDONLY)
	if _, err := New(cfg); err == nil || errors.Is(err, ErrDamaged) {
		t.Errorf("read-only store opens with %v", err)
	}
	remount(0)
	l, _ = mustLog(t, cfg)
	if results, lost := inOrder(t, l, next); results != 100 || lost != 0 {
		t.Errorf("%d results, %d lost", results, lost)
	}
}

// asNobody runs f with the file permissions of a user that owns nothing.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("changing the user needs root")
		}
		t.Skip("changing the user needs root")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const nobody = 65534
	if err := syscall.Setfsuid(nobody); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setfsuid(0); err != nil {
			panic(err) // the thread must not go on so
		}
	}()
	f()
}

// TestWrongPermissions: a store or folder that belongs to somebody else is an
// error, never damage: nothing is set aside, nothing is lost.
func TestWrongPermissions(t *testing.T) {
	cfg := filled(t)
	cfg.Check = Check // in this thread, which has no permissions
	before, err := os.ReadFile(cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string][2]os.FileMode{
		"file of another": {0o600, 0o755}, "file to read only": {0o644, 0o755}, "folder of another": {0o666, 0o700},
	} {
		if err := errors.Join(os.Chmod(cfg.Path, mode[0]), os.Chmod(filepath.Dir(cfg.Path), mode[1]), os.Chmod(filepath.Dir(filepath.Dir(cfg.Path)), 0o755)); err != nil {
			t.Fatal(err)
		}
		asNobody(t, func() {
			if l, err := New(cfg); !errors.Is(err, syscall.EACCES) || errors.Is(err, ErrDamaged) {
				t.Errorf("%s: %v, %v", name, l, err)
			}
		})
	}
	after, err := os.ReadFile(cfg.Path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the store changed: %v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(cfg.Path)); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
	l, _ := mustLog(t, cfg)
	if a, err := l.Account(); err != nil || a.Start != "clean" {
		t.Errorf("%+v, %v", a, err)
	}
}
