package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dunlin-edge/dunlin/ota/disk"
)

// BlobsConfig configures a store.
type BlobsConfig struct {
	Dir  string // made if absent
	Free int64  // bytes that stay free on the disk; 0: 16 MiB
	// Wait sleeps between tries; nil: time, cut short by the context. Tests
	// pass their own.
	Wait func(ctx context.Context, d time.Duration) error
	// Note is told what happens to a download; nil: nobody. It must not block.
	Note func(Progress)
}

// Progress is the state of one download.
type Progress struct {
	Name       string
	Have, Size int64 // bytes
	Err        error // of the last try, which is followed by another
}

// Blobs is a folder of immutable files, named by their SHA-256. What is not
// verified yet stands in .unverified. One goroutine uses a store at a time.
type Blobs struct{ cfg BlobsConfig }

// OpenBlobs returns the store in a folder.
func OpenBlobs(cfg BlobsConfig) (*Blobs, error) {
	if cfg.Free == 0 {
		cfg.Free = 16 << 20
	}
	if cfg.Wait == nil {
		cfg.Wait = wait
	}
	if cfg.Note == nil {
		cfg.Note = func(Progress) {}
	}
	b := &Blobs{cfg}
	for _, dir := range []string{"sha256", ".unverified"} {
		if err := disk.MakeDir(filepath.Join(cfg.Dir, dir)); err != nil {
			return nil, fmt.Errorf("blobs: %w", err)
		}
	}
	return b, nil
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Want is a file to have.
type Want struct {
	Name   string
	Length int64
	SHA256 [sha256.Size]byte
	// Optional is a file that there is another way around: Fetch gives up
	// where it is absent, and after a few tries that bring nothing.
	Optional bool
}

// optionalTries is how often nothing comes of an optional file.
const optionalTries = 3

// Path returns where a blob stands, whether it does or not.
func (b *Blobs) Path(sum [sha256.Size]byte) string {
	return filepath.Join(b.cfg.Dir, "sha256", hex.EncodeToString(sum[:]))
}

// Has tells whether a blob of the right size stands. Its bytes were verified
// before it got its name; flash may have changed them since.
func (b *Blobs) Has(w Want) bool {
	st, err := os.Stat(b.Path(w.SHA256))
	return err == nil && st.Mode().IsRegular() && st.Size() == w.Length
}

// Check tells whether a blob stands and still has its bytes, reading all of it.
func (b *Blobs) Check(w Want) bool {
	if !b.Has(w) {
		return false
	}
	f, err := os.Open(b.Path(w.SHA256))
	if err != nil {
		return false
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return err == nil && [sha256.Size]byte(h.Sum(nil)) == w.SHA256
}

// ErrWrongBytes is wrapped where a source went on sending other bytes than
// those wanted.
var ErrWrongBytes = errors.New("not the wanted bytes")

// wrongTries is how often wrong bytes are fetched before that is an error.
const wrongTries = 3

// Fetch makes the blob stand, resuming what an earlier try left. It goes on
// until it has it, the disk is full, the bytes are wrong again and again, or
// ctx is done; between tries it waits, up to 5 minutes.
func (b *Blobs) Fetch(ctx context.Context, src Source, w Want) (string, error) {
	if b.Check(w) {
		return b.Path(w.SHA256), nil
	}
	wrong, idle := 0, 0
	for {
		before := b.have(w)
		err := b.try(ctx, src, w)
		if err == nil {
			return b.Path(w.SHA256), nil
		}
		err = fmt.Errorf("fetch %s: %w", w.Name, err)
		var full *FullError
		if errors.Is(err, ErrWrongBytes) {
			wrong++
		}
		if wrong == wrongTries || errors.As(err, &full) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EROFS) {
			return "", err
		}
		if ctx.Err() != nil {
			return "", errors.Join(context.Cause(ctx), err)
		}
		have := b.have(w)
		b.cfg.Note(Progress{w.Name, have, w.Length, err})
		idle++
		if have > before {
			idle = 0
		}
		if w.Optional && (idle == optionalTries || errors.Is(err, fs.ErrNotExist)) {
			return "", err
		}
		if err := b.cfg.Wait(ctx, pause(idle)); err != nil {
			return "", err
		}
	}
}

// pause grows from half a second to 5 minutes, with jitter: a fleet that lost
// its server comes back spread out.
func pause(idle int) time.Duration {
	d := min(500*time.Millisecond<<min(idle, 10), 5*time.Minute)
	return d/2 + rand.N(d/2)
}

func (b *Blobs) part(w Want) string {
	return filepath.Join(b.cfg.Dir, ".unverified", hex.EncodeToString(w.SHA256[:]))
}

// Begun tells whether a part of a download stands, which Fetch goes on with.
func (b *Blobs) Begun(w Want) bool { return b.have(w) > 0 }

func (b *Blobs) have(w Want) int64 {
	st, err := os.Stat(b.part(w))
	if err != nil {
		return 0
	}
	return st.Size()
}

// A FullError tells that the disk has no room.
type FullError struct{ Need, Free int64 } // bytes

func (e *FullError) Error() string {
	return fmt.Sprintf("needs %d bytes and some in reserve, the disk has %d free", e.Need, e.Free)
}

// room tells whether n more bytes leave the reserve, and a tenth of n.
func (b *Blobs) room(n int64) error {
	var st unix.Statfs_t
	if err := unix.Statfs(b.cfg.Dir, &st); err != nil {
		return fmt.Errorf("free space: %w", err)
	}
	if free := int64(st.Bavail) * int64(st.Bsize); free < n+n/10+b.cfg.Free {
		return &FullError{n, free}
	}
	return nil
}

// try makes one request and, where the part is complete, verifies it.
func (b *Blobs) try(ctx context.Context, src Source, w Want) error {
	f, err := os.OpenFile(b.part(w), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if have := st.Size(); have < w.Length {
		if err := b.room(w.Length - have); err != nil {
			return err
		}
		if err := b.pull(ctx, src, w, f, have); err != nil {
			return err
		}
	}
	if err := b.seal(f, w); err != nil {
		return err
	}
	if err := os.Remove(b.part(w) + ".tag"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// pull appends to the part what one request gives.
func (b *Blobs) pull(ctx context.Context, src Source, w Want, f *os.File, have int64) error {
	tagFile := b.part(w) + ".tag"
	tag, err := disk.Read(tagFile, 256)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		tag = nil
	}
	p, err := src.Open(ctx, w.Name, have, string(tag))
	if errors.Is(err, errChanged) {
		return errors.Join(err, f.Truncate(0))
	} else if err != nil {
		return err
	}
	defer p.Body.Close()
	if p.Size >= 0 && p.Size != w.Length {
		return fmt.Errorf("the server's file has %d bytes, want %d", p.Size, w.Length)
	}
	if p.From != have { // it starts over
		have = 0
		if err := f.Truncate(0); err != nil {
			return err
		}
	}
	if have == 0 {
		if err := writeTag(tagFile, p.Tag); err != nil {
			return err
		}
	}
	return b.copy(f, p.Body, w, have)
}

// writeTag notes which file a part belongs to. It is not synced: with a
// wrong tag, the bytes turn out wrong and are fetched again.
func writeTag(path, tag string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(tag), 0)
	return errors.Join(err, f.Close())
}

// copy writes the rest of the file from an offset on. It reads no byte past the length.
func (b *Blobs) copy(f *os.File, body io.Reader, w Want, at int64) error {
	buf := make([]byte, 64<<10)
	noted := at
	for at < w.Length {
		n, err := body.Read(buf[:min(int64(len(buf)), w.Length-at)])
		if _, err := f.WriteAt(buf[:n], at); err != nil {
			return err
		}
		at += int64(n)
		if at-noted >= 1<<20 {
			noted = at
			b.cfg.Note(Progress{w.Name, at, w.Length, nil})
		}
		if at < w.Length && err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("%d of %d bytes: %w", at, w.Length, err)
		}
	}
	return nil
}

// seal verifies a complete part as the disk gives it back, and gives it its name.
// A part with other bytes is deleted.
func (b *Blobs) seal(f *os.File, w Want) error {
	if err := f.Sync(); err != nil {
		return err
	}
	drop(f)
	h := sha256.New()
	n, err := io.Copy(h, io.NewSectionReader(f, 0, w.Length+1))
	if err != nil {
		return fmt.Errorf("read back: %w", err)
	}
	if n != w.Length || [sha256.Size]byte(h.Sum(nil)) != w.SHA256 {
		return errors.Join(ErrWrongBytes, disk.Remove(b.part(w)))
	}
	if err := f.Chmod(0o400); err != nil {
		return err
	}
	return disk.Rename(b.part(w), b.Path(w.SHA256))
}

// Make makes the blob stand from what write gives, which is verified as a
// download is.
func (b *Blobs) Make(w Want, write func(io.Writer) error) (string, error) {
	if err := b.room(w.Length); err != nil {
		return "", err
	}
	f, err := os.OpenFile(b.part(w), os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if err := write(&capped{f, w.Length}); err != nil {
		return "", errors.Join(err, disk.Remove(b.part(w)))
	}
	if err := b.seal(f, w); err != nil {
		return "", err
	}
	return b.Path(w.SHA256), nil
}

// capped ends a writer that gives more than it may.
type capped struct {
	w    io.Writer
	left int64
}

func (c *capped) Write(p []byte) (int, error) {
	if int64(len(p)) > c.left {
		return 0, fmt.Errorf("longer than wanted: %w", ErrWrongBytes)
	}
	c.left -= int64(len(p))
	return c.w.Write(p)
}

// Collect deletes blobs and parts whose hashes keep does not name.
func (b *Blobs) Collect(keep func(hex string) bool) error {
	for _, dir := range []string{"sha256", ".unverified"} {
		list, err := os.ReadDir(filepath.Join(b.cfg.Dir, dir))
		if err != nil {
			return fmt.Errorf("collect blobs: %w", err)
		}
		for _, e := range list {
			if sum := e.Name(); !keep(sum[:min(64, len(sum))]) {
				if err := os.Remove(filepath.Join(b.cfg.Dir, dir, sum)); err != nil {
					return fmt.Errorf("collect blobs: %w", err)
				}
			}
		}
	}
	return nil
}
