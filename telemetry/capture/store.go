package capture

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Config bounds a Store. Zero limits stand for none.
type Config struct {
	Dir      string
	MaxBytes int64         // of all files; the oldest go first
	MaxAge   time.Duration // a file is kept so long
	DayBytes int64         // of the files of any 24 hours; more are refused
	DayFiles int           // likewise
	Key      *Key          // nil: not encrypted
	Now      func() time.Time
}

// Store is a folder of captures. The folder is all its state, so that an agent
// and somebody who erases need not know of each other. Add is called by one
// goroutine at a time.
type Store struct{ cfg Config }

// ErrLimit marks a capture that a cap refused.
var ErrLimit = errors.New("capture refused by a cap")

// Entry is one file.
type Entry struct {
	ID    string    `json:"id"` // SHA-256 of what it holds
	Time  time.Time `json:"time"`
	Bytes int64     `json:"bytes"` // on disk
}

const (
	suffix = ".capture"
	next   = "next" // a file being written; a crash may leave it
)

// New returns the store of a folder, which need not be there yet.
func New(cfg Config) *Store {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Store{cfg}
}

func (e *Entry) file() string {
	return fmt.Sprintf("%013d-%s%s", e.Time.UnixMilli(), e.ID, suffix)
}

func parseName(name string) (Entry, bool) {
	ms, rest, _ := strings.Cut(name, "-")
	id, ok := strings.CutSuffix(rest, suffix)
	raw, err := hex.DecodeString(id)
	n, nerr := strconv.ParseInt(ms, 10, 64)
	if !ok || err != nil || nerr != nil || len(raw) != 32 || len(ms) != 13 || n < 0 {
		return Entry{}, false
	}
	return Entry{ID: id, Time: time.UnixMilli(n).UTC()}, true
}

// List returns the captures, oldest first.
func (s *Store) List() ([]Entry, error) {
	files, err := os.ReadDir(s.cfg.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list captures: %w", err)
	}
	var all []Entry
	for _, f := range files { // by name, and so by time
		e, ok := parseName(f.Name())
		if !ok {
			continue
		}
		info, err := f.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // erased meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("list captures: %w", err)
		}
		e.Bytes = info.Size()
		all = append(all, e)
	}
	return all, nil
}

// Add keeps a capture; when it returns, a power cut does not lose it. size is
// that of the file that is not encrypted. ErrLimit says that a cap refused it.
func (s *Store) Add(c *Capture) (e Entry, size int64, err error) {
	data, err := c.Encode()
	if err != nil {
		return e, 0, err
	}
	e = Entry{ID: ID(data), Time: c.Time}
	sealed := s.cfg.Key.seal(data, e.ID)
	e.Bytes = int64(len(sealed))
	if err := os.MkdirAll(s.cfg.Dir, 0o700); err != nil {
		return e, 0, fmt.Errorf("keep capture: %w", err)
	}
	if err := s.admit(e.Bytes); err != nil {
		return e, 0, err
	}
	if err := writeFile(s.cfg.Dir, e.file(), sealed); err != nil {
		return e, 0, fmt.Errorf("keep capture: %w", err)
	}
	return e, int64(len(data)), nil
}

// admit checks the caps of the day, and makes room.
func (s *Store) admit(n int64) error {
	all, err := s.List()
	if err != nil {
		return err
	}
	files, bytes := 1, n
	for _, e := range all {
		if age := s.cfg.Now().Sub(e.Time); age < 24*time.Hour { // also those of the future: the clock fell
			files++
			bytes += e.Bytes
		}
	}
	limited := func(used, most int64) bool { return most > 0 && used > most }
	if limited(int64(files), int64(s.cfg.DayFiles)) || limited(bytes, s.cfg.DayBytes) || limited(n, s.cfg.MaxBytes) {
		return fmt.Errorf("%w: %d files, %d bytes in 24 h", ErrLimit, files-1, bytes-n)
	}
	return s.sweep(all, n)
}

// Sweep erases what is older than MaxAge, and what a crash left half written. It
// is for whoever calls Add.
func (s *Store) Sweep() error {
	if err := os.Remove(filepath.Join(s.cfg.Dir, next)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sweep captures: %w", err)
	}
	all, err := s.List()
	if err != nil {
		return err
	}
	return s.sweep(all, 0)
}

// sweep erases the oldest until age and bytes allow n bytes more.
func (s *Store) sweep(all []Entry, n int64) error {
	for _, e := range all {
		n += e.Bytes
	}
	for _, e := range all {
		old := s.cfg.MaxAge > 0 && s.cfg.Now().Sub(e.Time) > s.cfg.MaxAge
		if !old && (s.cfg.MaxBytes == 0 || n <= s.cfg.MaxBytes) {
			break // the rest is younger
		}
		if err := s.remove(&e); err != nil {
			return err
		}
		n -= e.Bytes
	}
	return nil
}

func (s *Store) remove(e *Entry) error {
	if err := os.Remove(filepath.Join(s.cfg.Dir, e.file())); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("erase capture: %w", err)
	}
	return nil
}

// Read returns the file of an entry as Decode takes it. What it holds is what
// its id says.
func (s *Store) Read(e Entry) ([]byte, error) {
	f, err := os.Open(filepath.Join(s.cfg.Dir, e.file()))
	if err != nil {
		return nil, fmt.Errorf("read capture: %w", err)
	}
	defer f.Close()
	sealed, err := io.ReadAll(io.LimitReader(f, maxBytes+int64(sealedExtra)+1))
	if err != nil {
		return nil, fmt.Errorf("read capture: %w", err)
	}
	data, err := s.cfg.Key.open(sealed, e.ID)
	if err != nil {
		return nil, fmt.Errorf("read capture: %w", err)
	}
	if ID(data) != e.ID {
		return nil, fmt.Errorf("read capture: %s is damaged", e.file())
	}
	return data, nil
}

// writeFile makes a file appear whole or not at all, durably.
func writeFile(dir, name string, data []byte) error {
	temp := filepath.Join(dir, next)
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(temp, filepath.Join(dir, name))
	}
	if err != nil {
		os.Remove(temp) // a full disk has better use for it
		return err
	}
	return syncFolder(dir)
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
