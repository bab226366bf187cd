package telemetry

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const format = 1

// openStore opens the store of cfg, or sets aside what cannot be used and
// begins a new one.
func openStore(cfg Config) (*store, error) {
	s := &store{cfg: cfg, start: "clean"}
	_, err := os.Stat(cfg.Path)
	if err == nil {
		err = cfg.Check(cfg.Path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = s.begin("new")
	case errors.Is(err, ErrDamaged):
		err = s.begin("damaged")
	}
	if err == nil {
		err = s.attach()
	}
	if errors.Is(err, errForeign) {
		if err = s.begin("foreign"); err == nil {
			err = s.attach()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open telemetry: %w", err)
	}
	return s, nil
}

var errForeign = errors.New("store of another device")

// begin puts an empty store in place, complete before it has its name.
func (s *store) begin(why string) error {
	s.start = why
	if why != "new" {
		if err := os.Rename(s.cfg.Path, s.cfg.Path+"."+why); err != nil {
			return err
		}
	}
	next := s.cfg.Path + ".next"
	if err := os.Remove(next); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, err := bolt.Open(next, 0o600, s.cfg.options())
	if err != nil {
		return err
	}
	db.AllocSize = s.cfg.growth()
	err = errors.Join(db.Update(func(tx *bolt.Tx) error { return s.layout(tx, next) }), db.Close())
	if err != nil {
		return err
	}
	if err := os.Rename(next, s.cfg.Path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(s.cfg.Path))
}

// layout fills an empty file.
func (s *store) layout(tx *bolt.Tx, path string) error {
	names := [][]byte{bucketMeta, bucketEpochs, bucketGaps}
	for k := range stored {
		names = append(names, bucketQueue(Kind(k)))
	}
	for _, name := range names {
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	node, err := inode(path)
	if err != nil {
		return err
	}
	l, err := newLedger(tx)
	if err != nil {
		return err
	}
	err = errors.Join(
		l.meta.Put(keyFormat, []byte{format}),
		l.meta.Put(keyOpen, []byte{0}),
		l.meta.Put(keyInode, node),
		l.meta.Put(keyIdentity, []byte(s.cfg.Identity)),
	)
	if err != nil {
		return err
	}
	return l.enter(random(1<<31 - 1))
}

// enter makes epoch the current one.
func (l *ledger) enter(epoch uint32) error {
	l.counters[epoch] = new(Counters)
	return errors.Join(l.meta.Put(keyEpoch, binary.BigEndian.AppendUint32(nil, epoch)), l.save())
}

// random returns a number from 1 to limit.
func random(limit uint32) uint32 {
	var b [4]byte
	rand.Read(b[:]) // never fails
	return 1 + binary.BigEndian.Uint32(b[:])%limit
}

func inode(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	node := info.Sys().(*syscall.Stat_t).Ino
	return binary.BigEndian.AppendUint64(nil, node), nil
}

// attach opens the file, and notes an unclean end and a copy of the file.
func (s *store) attach() error {
	if err := s.open(); err != nil {
		return err
	}
	node, err := inode(s.cfg.Path)
	if err == nil {
		err = s.update(func(l *ledger) error { return s.resume(l, node) })
	}
	if errors.Is(err, berrors.ErrMaxSizeReached) {
		if _, err = s.evict(KindEvent); err == nil {
			err = s.update(func(l *ledger) error { return s.resume(l, node) })
		}
	}
	if err != nil {
		return errors.Join(err, s.leave())
	}
	s.release() // finding the free pages has read all others
	return nil
}

// open maps the file. A page that became unreadable since the check is damage.
func (s *store) open() error {
	opt := s.cfg.options()
	opt.OpenFile = func(name string, flag int, mode os.FileMode) (f *os.File, err error) {
		f, err = os.OpenFile(name, flag, mode)
		s.file = f
		return f, err
	}
	s.broken = false
	err := guard(func() (err error) {
		s.db, err = bolt.Open(s.cfg.Path, 0o600, opt)
		return err
	})
	switch {
	case errors.Is(err, errPanic):
		return errors.Join(err, s.abandon())
	case err != nil:
		return err
	}
	s.db.AllocSize = s.cfg.growth()
	return nil
}

// resume is the first transaction of a run.
func (s *store) resume(l *ledger, node []byte) error {
	if string(l.meta.Get(keyIdentity)) != s.cfg.Identity {
		return errForeign
	}
	s.epoch = l.current()
	if v := l.meta.Get(keyOpen); len(v) != 1 || v[0] != 0 {
		s.start = "unclean"
		if err := l.skip(s.epoch, 1, reasonUnclean); err != nil {
			return err
		}
	}
	if string(l.meta.Get(keyInode)) != string(node) {
		s.start = "copied"
		// Two copies must not give the same numbers to different records; a
		// later epoch sorts behind the chunks that still wait.
		s.epoch += random(1 << 16)
		if err := errors.Join(l.meta.Put(keyInode, node), l.enter(s.epoch)); err != nil {
			return err
		}
	}
	return l.meta.Put(keyOpen, []byte{1})
}
