package powercut

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// flash is what a power cut may leave: what was synced, any part of the other
// bytes, and of the other names a prefix of their changes.
type flash struct {
	files map[int][]byte
	modes map[int]os.FileMode
	leads map[int]string // symbolic links: where they lead
	names map[string]int // -1: a folder
	loose []Op
	links []Op
}

// apply moves the disk on by one operation.
func (d *flash) apply(o Op, skip func(Op) bool) {
	switch o.What {
	case "write", "truncate":
		d.loose = append(d.loose, o)
	case "create", "symlink", "rename", "mkdir", "remove":
		d.modes[o.File] |= os.FileMode(o.Mode)
		if o.What == "symlink" {
			d.leads[o.File] = string(o.Data) // it is in the inode
		}
		d.links = append(d.links, o)
	case "sync":
		if skip(o) {
			return
		}
		if o.File == 0 {
			d.syncDir(o.Path)
			return
		}
		var rest []Op
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

func (d *flash) syncDir(dir string) {
	var rest []Op
	gone := map[string]bool{} // names whose file was renamed into dir
	for _, l := range d.links {
		gone[l.From] = gone[l.From] || filepath.Dir(l.Path) == dir
	}
	for _, l := range d.links {
		if l.What == "create" && gone[l.Path] && filepath.Dir(l.Path) != dir {
			continue
		}
		if filepath.Dir(l.Path) == dir || l.From != "" && filepath.Dir(l.From) == dir {
			link(d.names, l)
		} else {
			rest = append(rest, l)
		}
	}
	d.links = rest
}

func link(names map[string]int, o Op) {
	switch o.What {
	case "create", "symlink":
		names[o.Path] = o.File
	case "mkdir":
		names[o.Path] = -1
	case "remove":
		delete(names, o.Path)
	case "rename":
		names[o.Path] = o.File
		delete(names, o.From)
	}
}

// change applies a write or truncation to a copy of a file's bytes.
func change(data []byte, o Op) []byte {
	size := max(len(data), int(o.Off)+len(o.Data))
	if o.What == "truncate" {
		size = int(o.Off)
	}
	next := make([]byte, size)
	copy(next, data)
	copy(next[o.Off:], o.Data)
	return next
}

// leave writes one possible state: those loose writes that mask names, and the
// first links.
func (d *flash) leave(t *testing.T, from, to string, mask uint64, links int) {
	t.Helper()
	files, names := map[int][]byte{}, map[string]int{}
	for n, data := range d.files {
		files[n] = data
	}
	for p, n := range d.names {
		names[p] = n
	}
	for _, o := range d.links[:links] {
		link(names, o)
	}
	for i, o := range d.loose {
		if mask>>(i%64)&1 == 1 {
			files[o.File] = change(files[o.File], o)
		}
	}
	// A name whose folder was lost is lost with it.
	for p, n := range names {
		whole := true
		for dir := filepath.Dir(p); strings.HasPrefix(dir, from); dir = filepath.Dir(dir) {
			whole = whole && (dir == filepath.Dir(from) || names[dir] == -1)
		}
		local := filepath.Join(to, strings.TrimPrefix(p, from))
		if p == from || n == -1 || !whole {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(local), 0o700); err != nil {
			t.Fatal(err)
		}
		if lead, ok := d.leads[n]; ok {
			if err := os.Symlink(lead, local); err != nil {
				t.Fatal(err)
			}
		} else if err := os.WriteFile(local, files[n], d.modes[n]); err != nil {
			t.Fatal(err)
		}
	}
}

// Cuts cuts the power at every operation below from, and returns how many
// states it tried and the first that broken calls broken. It gets a folder in
// such a state and how many marks the program had printed. Syncs that skip
// names have no effect.
func Cuts(t *testing.T, from string, ops []Op, skip func(Op) bool, broken func(dir string, marks int) error) (int, error) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	d := &flash{files: map[int][]byte{}, modes: map[int]os.FileMode{}, leads: map[int]string{}, names: map[string]int{from: -1}} // the folder itself is there
	n, tried := 0, 0
	base := t.TempDir()
	for i, o := range ops {
		if d.apply(o, skip); o.What == "mark" {
			n++
		}
		masks := []uint64{0, ^uint64(0), r.Uint64()}
		for k, mask := range masks {
			links := []int{0, len(d.links), r.IntN(len(d.links) + 1)}[k]
			if k == 0 && r.IntN(2) == 0 { // names without their bytes
				links = len(d.links)
			}
			to := filepath.Join(base, fmt.Sprint(tried))
			d.leave(t, from, to, mask, links)
			tried++
			if err := broken(to, n); err != nil {
				return tried, fmt.Errorf("power cut after operation %d of %d (%s %s): %w", i, len(ops), o.What, filepath.Base(o.Path), err)
			}
			if err := os.RemoveAll(to); err != nil {
				t.Fatal(err)
			}
		}
	}
	return tried, nil
}

// Marks counts the marks that a program printed.
func Marks(ops []Op) int {
	n := 0
	for _, o := range ops {
		if o.What == "mark" {
			n++
		}
	}
	return n
}
