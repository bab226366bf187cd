package livetrees

import (
	"context"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// A node is a file of a tree.
type node struct {
	fs.Inode

	file File
	gone atomic.Bool
}

var (
	_ fs.NodeOpener    = (*node)(nil)
	_ fs.NodeReader    = (*node)(nil)
	_ fs.NodeWriter    = (*node)(nil)
	_ fs.NodeGetattrer = (*node)(nil)
	_ fs.NodeSetattrer = (*node)(nil)
)

// Getattr implements fs.NodeGetattrer: a page, as sysfs says of every attribute.
func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Size = 4096
	if n.file.Read != nil {
		out.Mode |= 0o444
	}
	if n.file.Write != nil {
		out.Mode |= 0o200
	}
	return 0
}

// Setattr implements fs.NodeSetattrer: opening with O_TRUNC asks for it, and
// sysfs ignores it.
func (n *node) Setattr(ctx context.Context, f fs.FileHandle, _ *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	return n.Getattr(ctx, f, out)
}

// Open implements fs.NodeOpener. The kernel's page cache is not asked.
func (n *node) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	if n.gone.Load() {
		return nil, 0, syscall.ENODEV
	}
	if flags&syscall.O_ACCMODE != syscall.O_RDONLY && n.file.Write == nil {
		return nil, 0, syscall.EACCES
	}
	return nil, fuse.FOPEN_DIRECT_IO, 0
}

// Read implements fs.NodeReader. As in sysfs, what is read at 0 asks the device
// anew and the rest belongs to that.
func (n *node) Read(_ context.Context, _ fs.FileHandle, _ []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	if n.gone.Load() {
		return nil, syscall.ENODEV
	}
	if off > 0 {
		return fuse.ReadResultData(nil), 0
	}
	if n.file.Read == nil {
		return nil, syscall.EIO
	}
	s, errno := n.file.Read()
	return fuse.ReadResultData([]byte(s)), errno
}

// Write implements fs.NodeWriter.
func (n *node) Write(_ context.Context, _ fs.FileHandle, data []byte, _ int64) (uint32, syscall.Errno) {
	if n.gone.Load() {
		return 0, syscall.ENODEV
	}
	if errno := n.file.Write(strings.TrimRight(string(data), "\n")); errno != 0 {
		return 0, errno
	}
	return uint32(len(data)), 0
}
