package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
)

// entry is where a file's bytes stand in the tar.
type entry struct {
	file   File
	offset int64
}

// scanner reads the tar once, front to back, hashing what passes.
type scanner struct {
	r      io.Reader
	offset int64
	sum    hash.Hash
}

// scan checks the whole tar of size bytes and fills the bundle.
func (b *Bundle) scan(r io.Reader, size int64) error {
	s := &scanner{sum: sha256.New()}
	s.r = io.TeeReader(r, s.sum)
	if err := b.scanManifest(s); err != nil {
		return err
	}
	b.entries = make(map[string]entry, len(b.manifest.Files))
	for _, f := range b.manifest.Files {
		e, err := s.file(f)
		if err != nil {
			return err
		}
		b.entries[f.Name] = e
	}
	if err := s.end(size); err != nil {
		return fmt.Errorf("end of archive: %w", err)
	}
	copy(b.digest[:], s.sum.Sum(nil))
	return nil
}

func (b *Bundle) scanManifest(s *scanner) error {
	h, err := s.header()
	if err != nil {
		return fmt.Errorf("first entry: %w", err)
	}
	size, err := firstSize(&h)
	if err != nil {
		return err
	}
	b.raw = make([]byte, size)
	if err := s.full(b.raw); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	if err := s.zeros(padding(size)); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	m, err := ParseManifest(b.raw)
	if err != nil {
		return err
	}
	b.manifest = *m
	return nil
}

// end checks that two zero blocks are all that is left of size bytes.
func (s *scanner) end(size int64) error {
	left := size - s.offset
	if left > 2*blockSize {
		if h, err := s.header(); err == nil && h != [blockSize]byte{} {
			return fmt.Errorf("an entry the manifest does not list: %s", explain(&h, File{Size: -1}))
		}
		return fmt.Errorf("%d bytes follow it", left-2*blockSize)
	}
	return s.zeros(2 * blockSize)
}

func (s *scanner) file(f File) (entry, error) {
	h, err := s.header()
	if err != nil {
		return entry{}, fmt.Errorf("file %q: %w", f.Name, err)
	}
	if h != header(f.Name, f.Size) {
		return entry{}, fmt.Errorf("archive entry: %s", explain(&h, f))
	}
	e := entry{file: f, offset: s.offset}
	sum := sha256.New()
	n, err := io.CopyN(sum, s.r, f.Size)
	s.offset += n
	if err != nil {
		return entry{}, fmt.Errorf("file %q: %w", f.Name, early(err))
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != f.SHA256 {
		return entry{}, fmt.Errorf("file %q: contents have sha256 %s, the manifest lists %s", f.Name, got, f.SHA256)
	}
	if err := s.zeros(padding(f.Size)); err != nil {
		return entry{}, fmt.Errorf("file %q: %w", f.Name, err)
	}
	return e, nil
}

func (s *scanner) header() (h [blockSize]byte, err error) {
	err = s.full(h[:])
	return h, err
}

func (s *scanner) full(p []byte) error {
	n, err := io.ReadFull(s.r, p)
	s.offset += int64(n)
	return early(err)
}

// zeros reads n bytes, n <= 1024, that must all be zero.
func (s *scanner) zeros(n int64) error {
	var b [2 * blockSize]byte
	if err := s.full(b[:n]); err != nil {
		return err
	}
	if b != [2 * blockSize]byte{} {
		return errors.New("padding is not zero")
	}
	return nil
}

func early(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file ends early")
	}
	return err
}
