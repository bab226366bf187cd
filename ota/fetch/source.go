// Package fetch brings the files of a release repository onto the device:
// small ones into memory, large ones into a content-addressed store.
//
// Start with [Web] or [Dir], then [Small] or [Blobs.Fetch]. Nothing here trusts
// a server: lengths are capped, rates have a minimum, and a large file has no
// name in the store before its hash, read back from the disk, is the wanted one.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// A Source opens files of a repository by their slash-separated names.
type Source interface {
	// Open returns the file from an offset on, or from its start where the
	// source cannot do that or the file is not the one of the tag any more.
	// An error that wraps fs.ErrNotExist means that the file is absent.
	Open(ctx context.Context, name string, from int64, tag string) (*Part, error)
}

// A Part is a file from an offset on. The caller closes Body.
type Part struct {
	Body io.ReadCloser
	From int64  // offset of the first byte of Body
	Size int64  // of the whole file; -1: not told
	Tag  string // changes with the file; may be empty
}

// Small returns a whole file of at most limit bytes.
func Small(ctx context.Context, s Source, name string, limit int64) ([]byte, error) {
	p, err := s.Open(ctx, name, 0, "")
	if err != nil {
		return nil, err
	}
	defer p.Body.Close()
	data, err := io.ReadAll(io.LimitReader(p.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("read %s: longer than %d bytes", name, limit)
	}
	return data, nil
}

// Dir is a Source in a folder, such as a USB stick's.
type Dir struct{ root *os.Root }

// OpenDir returns the repository in a folder. Links out of it are refused.
func OpenDir(path string) (*Dir, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	return &Dir{root}, nil
}

// Open implements Source.
func (d *Dir) Open(_ context.Context, name string, from int64, _ string) (*Part, error) {
	if !fs.ValidPath(name) {
		return nil, fmt.Errorf("open %q: not a path in the repository", name)
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("open %s: not a regular file", name)
	}
	if err == nil {
		_, err = f.Seek(from, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Part{Body: f, From: from, Size: st.Size()}, nil
}

// Close closes the folder.
func (d *Dir) Close() error { return d.root.Close() }
