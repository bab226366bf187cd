package telemetry

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/dunlin-edge/dunlin/ota/powercut"
)

// disk is what a power cut may leave: what was synced, and any part of the
// rest. Names in a folder change in order, so a prefix of their changes holds.
type disk struct {
	files map[int][]byte // synced
	names map[string]int // synced
	loose []powercut.Op  // writes and truncations since their file was synced
	links []powercut.Op  // changes of names since the folder was synced
}

// apply moves the disk on by one operation. A sync that skip names is ignored.
func (d *disk) apply(o powercut.Op, skip func(powercut.Op) bool) {
	switch o.What {
	case "write", "truncate":
		d.loose = append(d.loose, o)
	case "create", "rename":
		d.links = append(d.links, o)
	case "sync":
		if skip(o) {
			return
		}
		if o.File == 0 {
			for _, l := range d.links {
				link(d.names, l)
			}
			d.links = nil
			return
		}
		var rest []powercut.Op
		for _, w := range d.loose {
			if w.File == o.File {
				d.files[w.File] = change(d.files[w.File], w)
			} else {
				rest = append(rest, w)
			}
		}
		d.loose = rest
	}
}

func link(names map[string]int, o powercut.Op) {
	if o.What == "create" {
		names[o.Path] = o.File
		return
	}
	names[o.Path] = names[o.From]
	delete(names, o.From)
}

// change applies a write or truncation to a copy of a file's bytes.
func change(data []byte, o powercut.Op) []byte {
	size := max(len(data), int(o.Off)+len(o.Data))
	if o.What == "truncate" {
		size = int(o.Off)
	}
	next := make([]byte, size)
	copy(next, data)
	copy(next[o.Off:], o.Data)
	return next
}

// leave writes one possible state into dir: those loose operations that keep
// names, torn after torn bytes if that is not negative, and the first links.
func (d *disk) leave(t *testing.T, dir string, keep func(int) bool, torn, links int) {
	t.Helper()
	files, names := map[int][]byte{}, map[string]int{}
	for n, data := range d.files {
		files[n] = data
	}
	for path, n := range d.names {
		names[path] = n
	}
	for _, o := range d.links[:links] {
		link(names, o)
	}
	for i, o := range d.loose {
		if keep(i) {
			if torn >= 0 && o.What == "write" {
				o.Data = o.Data[:min(torn, len(o.Data))]
			}
			files[o.File] = change(files[o.File], o)
		}
	}
	for path, n := range names {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), files[n], 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// promise is what the process had been told by a moment.
type promise struct {
	epoch    uint32
	next, hi uint64
}

// broken opens what a power cut left, and tells how it breaks the promise.
// Acks below laterHi may or may not have been applied.
func broken(t *testing.T, dir string, p promise, laterHi uint64) error {
	t.Helper()
	cfg := Config{Path: filepath.Join(dir, "t.db"), Identity: "dev-1", MaxBytes: minBytes, Check: CheckIn("/proc/self/exe", "check")}
	s, err := openStore(cfg)
	if err != nil {
		return err
	}
	defer s.close()
	s.db.NoSync = true
	if s.start == "damaged" {
		return errors.New("damaged")
	}
	a, err := s.account()
	if err != nil {
		return err
	}
	if got := a.Epochs[p.epoch]; got.Next < p.next {
		return fmt.Errorf("%d numbers of %d sealed (%s)", got.Next, p.next, s.start)
	}
	waiting, _ := scan(t, s)
	for n := range p.next {
		_, waits := waiting[number{p.epoch, n}]
		if n < p.hi && waits {
			return fmt.Errorf("number %d was acked and waits again", n)
		}
		if n >= laterHi && !waits {
			return fmt.Errorf("number %d was sealed and is gone", n)
		}
	}
	return nil
}

// cuts cuts the power at every operation of the trace, in the states that
// the subsets of unsynced writes give. It returns how many it tried and the
// first that breaks a promise.
func cuts(t *testing.T, ops []powercut.Op, skip func(powercut.Op) bool) (int, error) {
	r := rand.New(rand.NewPCG(1, 2))
	d := &disk{files: map[int][]byte{}, names: map[string]int{}}
	var p promise
	tried := 0
	for i, o := range ops {
		if o.What == "mark" {
			if _, err := fmt.Sscan(o.Path, &p.epoch, &p.next, &p.hi); err != nil {
				t.Fatal(err)
			}
			if i+1 < len(ops) {
				continue
			}
		}
		d.apply(o, skip)
		later := promise{hi: p.hi}
		for _, o := range ops[i+1:] {
			if o.What == "mark" {
				fmt.Sscan(o.Path, &later.epoch, &later.next, &later.hi)
				break
			}
		}
		n := len(d.loose)
		masks := map[uint64]bool{0: true, 1<<n - 1: true}
		for k := range n {
			masks[1<<k] = true
			masks[(1<<n-1)&^(1<<k)] = true
		}
		for range 6 {
			masks[r.Uint64()&(1<<n-1)] = true
		}
		for mask := range masks {
			torn := -1
			if r.IntN(4) == 0 {
				torn = 512 * r.IntN(9)
			}
			dir := t.TempDir()
			links := r.IntN(len(d.links) + 1)
			d.leave(t, dir, func(k int) bool { return mask>>k&1 == 1 }, torn, links)
			tried++
			if err := broken(t, dir, p, later.hi); err != nil {
				return tried, fmt.Errorf("power cut after operation %d of %d (%s), writes %b of %d, torn at %d: %w", i, len(ops), o.What, mask, n, torn, err)
			}
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	return tried, nil
}

// TestPowerCut: no promise is broken by a power cut at any moment, whatever
// subset of unsynced writes reached the disk; and without any one of the
// syncs of a commit or of a rename some cut breaks one.
func TestPowerCut(t *testing.T) {
	dir := t.TempDir()
	ops, _ := powercut.Trace(t, dir, 0, "work", filepath.Join(dir, "t.db"))
	tried, err := cuts(t, ops, func(powercut.Op) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d operations, %d states after a power cut", len(ops), tried)
	if tried < 500 {
		t.Error("hardly any state was tried")
	}
	meta := metaSyncs(ops)
	for name, skip := range map[string]func(powercut.Op) bool{
		"pages before the meta page": func(o powercut.Op) bool { return o.File != 0 && !o.All && !meta[o.Off] },
		"meta page":                  func(o powercut.Op) bool { return o.File != 0 && meta[o.Off] },
		"folder after the rename":    func(o powercut.Op) bool { return o.File == 0 },
	} {
		tried, err := cuts(t, ops, skip)
		if err == nil {
			t.Errorf("without the sync of the %s no promise is broken in %d states", name, tried)
		} else {
			t.Logf("without the sync of the %s: %v", name, err)
		}
	}
}

// metaSyncs numbers the syncs in their field off, and returns those that
// follow the write of a meta page.
func metaSyncs(ops []powercut.Op) map[int64]bool {
	meta, last := map[int64]bool{}, map[int]int64{}
	for i := range ops {
		o := &ops[i]
		switch o.What {
		case "write":
			last[o.File] = o.Off
		case "sync":
			o.Off = int64(i)
			meta[o.Off] = o.File != 0 && last[o.File] < 2*pageSize
		}
	}
	return meta
}
