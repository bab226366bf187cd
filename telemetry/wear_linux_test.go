package telemetry

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// wearDisk is an ext4 of its own on a loop device, whose counters tell all that
// reaches the medium, the journal included.
type wearDisk struct{ dir, stat string }

func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// loopDevice returns a loop device on a file of so many MiB.
func loopDevice(t testing.TB, mib int64) string {
	t.Helper()
	if _, err := os.Stat("/dev/loop-control"); err != nil || os.Getuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("loop devices need root")
		}
		t.Skip("loop devices need root")
	}
	image := filepath.Join(t.TempDir(), "image")
	f, err := os.Create(image)
	if err == nil {
		err = errors.Join(f.Truncate(mib<<20), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	dev := run(t, "losetup", "--find", "--show", image)
	t.Cleanup(func() { run(t, "losetup", "--detach", dev) })
	return dev
}

func mountExt4(t testing.TB, dev string) string {
	t.Helper()
	run(t, "mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", dev)
	dir := t.TempDir()
	if err := syscall.Mount(dev, dir, "ext4", syscall.MS_NOATIME, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func newWearDisk(t testing.TB) *wearDisk {
	t.Helper()
	dev := loopDevice(t, 256)
	return &wearDisk{mountExt4(t, dev), "/sys/block/" + filepath.Base(dev) + "/stat"}
}

// written returns the bytes that the device has taken. What is in memory only
// does not count; a commit leaves nothing there but what the kernel writes later
// together with others.
func (d *wearDisk) written(t testing.TB) int64 {
	t.Helper()
	data, err := os.ReadFile(d.stat)
	if err != nil {
		t.Fatal(err)
	}
	var n [7]int64
	if _, err := fmt.Sscan(string(data), &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6]); err != nil {
		t.Fatal(err)
	}
	return n[6] * 512
}

// day runs a day of two results a second and readings every five minutes, with
// the defaults. With a controller, what was sealed is acked a minute later.
func (d *wearDisk) day(t testing.TB, l *Log, online bool) int64 {
	t.Helper()
	clock := l.cfg.Clock.(*fakeClock)
	c, err := Decode(mustSeal(t, sample(KindResult, 100, 1)))
	if err != nil {
		t.Fatal(err)
	}
	syscall.Sync()
	before := d.written(t)
	for second := range 86400 {
		for i := range 2 {
			clock.mono += 500 * time.Millisecond
			l.Result(c.Results[(2*second+i)%100])
		}
		if second%300 == 0 {
			for _, name := range []string{"source.mic.lost", "pipeline.kws.windows_per_s", "pipeline.kws.p95_us", "pipeline.kws.lost"} {
				l.Health(Health{Name: name, Value: float32(second)})
			}
		}
		if second%60 != 59 {
			continue
		}
		if online {
			found, err := l.Pending(math.MaxInt, KindCapture, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				if err := l.Ack(Ack{Epoch: f.Epoch, Ranges: []Range{f.Range}}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := l.step(false); err != nil {
			t.Fatal(err)
		}
	}
	syscall.Sync()
	return d.written(t) - before
}

// wearLog opens a store on the disk that syncs as in earnest.
func (d *wearDisk) open(t testing.TB, name string, maxBytes int64) *Log {
	t.Helper()
	cfg := Config{Path: filepath.Join(d.dir, name), Identity: "dev-1", Clock: &fakeClock{}, MaxBytes: maxBytes, Check: Check}
	l, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// BenchmarkWear measures what a day costs the flash, and the first commit after
// a full store was drained. A day has to stay below 50 MB, that commit below
// 25 KB.
func BenchmarkWear(b *testing.B) {
	d := newWearDisk(b)
	for b.Loop() {
		l := d.open(b, "online", 0)
		online := d.day(b, l, true)
		offline := d.day(b, d.open(b, "offline", 0), false)
		b.ReportMetric(float64(online)/1e6, "online-MB/day")
		b.ReportMetric(float64(offline)/1e6, "offline-MB/day")
		if max(online, offline) > 50e6 {
			b.Errorf("a day writes %d bytes online, %d offline, want at most 50 MB", online, offline)
		}
		after := d.afterDraining(b)
		b.ReportMetric(float64(after)/1e3, "KB/commit-after-drain")
		if after > 25<<10 {
			b.Errorf("the commit after draining writes %d bytes, want at most 25 KB", after)
		}
	}
	b.ReportMetric(0, "ns/op")
}

// afterDraining fills a store to its cap, drains it, and returns what the next
// commit writes.
func (d *wearDisk) afterDraining(t testing.TB) int64 {
	t.Helper()
	l := d.open(t, "full", 64<<20)
	l.store.db.NoSync = true // filling is not what is measured
	var full batch
	for i := range 12 {
		full.chunks = append(full.chunks, sample(KindResult, 480, uint64(i)))
	}
	var c Counters
	for c.Dropped[reasonFull] == 0 {
		if err := l.store.write(full); err != nil {
			t.Fatal(err)
		}
		a, err := l.Account()
		if err != nil {
			t.Fatal(err)
		}
		c = a.Epochs[a.Epoch]
	}
	if err := errors.Join(l.Ack(Ack{Epoch: l.store.epoch, Hi: c.Next}), l.Flush()); err != nil {
		t.Fatal(err)
	}
	l.store.db.NoSync = false
	commit := func() int64 {
		syscall.Sync()
		before := d.written(t)
		l.Event(Event{Code: EventAgent})
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
		syscall.Sync() // what the kernel put off counts too
		return d.written(t) - before
	}
	first := commit()
	t.Logf("commits after draining: %d bytes, then %d, %d", first, commit(), commit())
	return first
}
