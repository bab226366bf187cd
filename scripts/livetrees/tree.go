// Package livetrees is a /sys whose files answer as chips do: values that move,
// reads that fail or take their time, folders that come and go. It is served by
// FUSE, so that drivers meet it through the same system calls as the kernel's.
//
// Start with Mount. It needs /dev/fuse and root.
package livetrees

import (
	"context"
	"path"
	"strings"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// A File is an attribute. Its functions run once for each read and write of a
// driver, on FUSE's goroutines; nil ones refuse as the kernel does.
type File struct {
	Read  func() (string, syscall.Errno)
	Write func(string) syscall.Errno
}

// Text is an attribute that does not change.
func Text(s string) File {
	return File{Read: func() (string, syscall.Errno) { return s + "\n", 0 }}
}

// A Tree is mounted until the test ends.
type Tree struct {
	Root string // for the drivers' Root
	top  *fs.Inode
}

// Mount serves an empty tree.
func Mount(t *testing.T) *Tree {
	t.Helper()
	dir, root := t.TempDir(), &fs.Inode{}
	server, err := fs.Mount(dir, root, &fs.Options{
		MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "livetree"},
		// Nothing is remembered: a folder that went is gone at once.
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Unmount(); err != nil {
			t.Error(err)
		}
	})
	return &Tree{dir, root}
}

// Put adds or replaces a file and the folders above it.
func (t *Tree) Put(name string, f File) {
	ctx, dir := context.Background(), t.top
	folder, base := path.Split(strings.Trim(name, "/"))
	for elem := range strings.SplitSeq(strings.Trim(folder, "/"), "/") {
		next := dir.GetChild(elem)
		if next == nil {
			next = dir.NewPersistentInode(ctx, &fs.Inode{}, fs.StableAttr{Mode: syscall.S_IFDIR})
			dir.AddChild(elem, next, true)
		}
		dir = next
	}
	dir.AddChild(base, dir.NewPersistentInode(ctx, &node{file: f}, fs.StableAttr{Mode: syscall.S_IFREG}), true)
}

// Remove takes a file or folder away, as an unplugged device's.
func (t *Tree) Remove(name string) {
	dir := t.top
	folder, base := path.Split(strings.Trim(name, "/"))
	for elem := range strings.SplitSeq(strings.Trim(folder, "/"), "/") {
		dir = dir.GetChild(elem)
	}
	gone := dir.GetChild(base)
	dir.RmChild(base)
	dir.NotifyEntry(base)
	mark(gone)
}

// mark lets files that are still open fail as those of a device that went.
func mark(n *fs.Inode) {
	if f, ok := n.Operations().(*node); ok {
		f.gone.Store(true)
	}
	for _, c := range n.Children() {
		mark(c)
	}
}
