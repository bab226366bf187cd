package telemetry

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const (
	pageSize   = 4096
	chunkBytes = 4040      // the largest value that shares two pages with another; see RATIONALE.md
	reserve    = 128 << 10 // bytes of the cap that only making room may take
	minBytes   = 1 << 20

	stored = int(KindGap) // kinds that wait in a queue
)

// store is the file of sealed chunks. Every change is one transaction that
// leaves the counters true.
type store struct {
	cfg   Config
	start string // what Open found: clean, unclean, new, damaged, copied or foreign

	mu     sync.Mutex
	db     *bolt.DB
	file   *os.File // that db has open
	broken bool     // an access panicked: db holds its locks for ever
	epoch  uint32
}

// batch is what one transaction writes.
type batch struct {
	head   head // boot, offset, synced
	chunks []*builder
	lost   uint64 // records that found no room in RAM
	acks   []Ack
}

// options are those of every opening of the file.
func (cfg *Config) options() *bolt.Options {
	return &bolt.Options{
		Timeout: time.Second, PageSize: pageSize, NoFreelistSync: true, FreelistType: bolt.FreelistMapType,
		InitialMmapSize: int(cfg.MaxBytes), MaxSize: int(cfg.MaxBytes),
	}
}

// growth is by how many bytes the file grows at once. bbolt keeps as much
// below the cap.
func (cfg *Config) growth() int { return int(max(cfg.MaxBytes/64, 16<<10)) }

// errPanic marks damage that showed as a panic.
var errPanic = fmt.Errorf("%w: access panicked", ErrDamaged)

// guard runs one access to the mapped file. A page that is damaged or cannot
// be read shows as a panic in bbolt, which becomes an error here.
func guard(step func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	return step()
}

// access guards a use of db. After a panic there is no other: bbolt rolls back
// while it unwinds, which touches the same pages, and then keeps its locks.
func (s *store) access(step func() error) error {
	if s.db == nil {
		return errors.New("store is closed")
	}
	if s.broken {
		return errPanic
	}
	err := guard(step)
	s.broken = errors.Is(err, errPanic)
	return err
}

func (s *store) update(f func(*ledger) error) error {
	return s.access(func() error {
		return s.db.Update(func(tx *bolt.Tx) error {
			l, err := newLedger(tx)
			if err != nil {
				return err
			}
			if err := f(l); err != nil {
				return err
			}
			return l.save()
		})
	})
}

// write stores the batch. At the cap the oldest of the lowest priority goes
// first, the batch's own included, until the rest fits.
func (s *store) write(b batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for shed := 0; shed <= len(b.chunks); { // chunks of the batch dropped, from the lowest priority
		room, err := s.room()
		if err != nil {
			return fmt.Errorf("write telemetry: %w", err)
		}
		err = berrors.ErrMaxSizeReached
		if room >= b.need(shed) {
			err = s.update(func(l *ledger) error { return s.apply(l, b, shed) })
		}
		if !errors.Is(err, berrors.ErrMaxSizeReached) {
			if err != nil {
				return fmt.Errorf("write telemetry: %w", err)
			}
			return nil
		}
		if len(b.acks) > 0 { // first, so that what is committed does not count as dropped
			if err := s.ackSlowly(b.acks); err != nil {
				return fmt.Errorf("write telemetry: %w", err)
			}
			b.acks = nil
			continue
		}
		dropped, err := s.evict(b.lowest(shed))
		if err != nil {
			return fmt.Errorf("drop oldest telemetry: %w", err)
		}
		if dropped == 0 {
			shed++
		}
	}
	return fmt.Errorf("write telemetry: %w", berrors.ErrMaxSizeReached)
}

// room is how many bytes a transaction may take: free pages, and growth up to
// the cap.
func (s *store) room() (n int64, err error) {
	err = s.access(func() error {
		st := s.db.Stats()
		n = s.cfg.MaxBytes - int64(s.db.AllocSize) + int64(st.FreePageN+st.PendingPageN)*pageSize
		return s.db.View(func(tx *bolt.Tx) error { n -= tx.Size(); return nil })
	})
	return n, err
}

// need is the room that writing takes at most, and leaves for making room.
// Beside the chunks a transaction copies pages: each queue's last leaf with up
// to four chunks, and counters.
func (b *batch) need(shed int) int64 {
	n := int64(reserve + 32<<10)
	for _, c := range b.kept(shed) {
		n += 2 * int64(c.size())
	}
	return n
}

// ackSlowly applies acks in steps that need little room.
func (s *store) ackSlowly(acks []Ack) error {
	for more := true; more; {
		err := s.update(func(l *ledger) error {
			l.limit = 4
			err := l.ackAll(acks)
			more = l.limit == 0
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// lowest returns the lowest kind among the chunks still to be written.
func (b *batch) lowest(shed int) Kind {
	low := KindEvent
	for _, c := range b.kept(shed) {
		low = max(low, c.kind)
	}
	return low
}

// kept returns the chunks without the shed ones of lowest priority. It keeps
// the order.
func (b *batch) kept(shed int) []*builder {
	kept := append([]*builder(nil), b.chunks...)
	for range shed {
		worst := 0
		for i := range kept {
			if kept[i].kind > kept[worst].kind {
				worst = i
			}
		}
		kept = append(kept[:worst], kept[worst+1:]...)
	}
	return kept
}

// apply writes the batch into one transaction.
func (s *store) apply(l *ledger, b batch, shed int) error {
	if err := l.ackAll(b.acks); err != nil {
		return err
	}
	kept := b.kept(shed)
	for _, c := range kept {
		if err := l.put(s.epoch, c, b.head); err != nil {
			return err
		}
	}
	full := 0
	for _, c := range b.chunks {
		full += c.n
	}
	for _, c := range kept {
		full -= c.n
	}
	if err := l.skip(s.epoch, uint64(full), reasonFull); err != nil {
		return err
	}
	return l.skip(s.epoch, b.lost, reasonOverrun)
}

// evict drops the oldest chunks of the lowest kind that is stored, about a
// hundredth of the cap, but none above kind. It returns how many.
func (s *store) evict(above Kind) (int, error) {
	n := 0
	err := s.update(func(l *ledger) error {
		n = 0
		for kind := KindCapture; kind >= above && kind <= KindCapture && n == 0; kind-- {
			q := l.queue(kind)
			var keys [][]byte
			freed := int64(0)
			for k, v := q.Cursor().First(); k != nil && freed < s.cfg.MaxBytes/128; k, v = q.Cursor().Seek(after(k)) {
				keys = append(keys, append([]byte(nil), k...))
				freed += int64(len(v))
			}
			for _, k := range keys {
				if err := l.drop(kind, parseKey(k), reasonFull); err != nil {
					return err
				}
			}
			n = len(keys)
		}
		return nil
	})
	return n, err
}

// after returns the least key above k.
func after(k []byte) []byte { return append(append([]byte(nil), k...), 0) }

// check checks a against the counters without changing anything.
func (s *store) check(a Ack) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view(func(l *ledger) error {
		_, err := l.intervals(a)
		return err
	})
}

func (s *store) view(f func(*ledger) error) error {
	return s.access(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			l, err := newLedger(tx)
			if err != nil {
				return err
			}
			return f(l)
		})
	})
}

func (s *store) closed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.db == nil
}

// close marks the file clean. It is idempotent.
func (s *store) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil
	}
	err := s.update(func(l *ledger) error { return l.meta.Put(keyOpen, []byte{0}) })
	return errors.Join(err, s.leave())
}

// leave closes the file as it is.
func (s *store) leave() error {
	db := s.db
	s.db = nil
	if s.broken {
		return s.abandon()
	}
	return db.Close()
}

// abandon gives up a file whose mapping nobody can close. That keeps the lock on
// the file too, unless it is taken off.
func (s *store) abandon() error {
	return errors.Join(syscall.Flock(int(s.file.Fd()), syscall.LOCK_UN), s.file.Close())
}

// key is the key of a chunk: where its numbers stand, so that a chunk whose
// bytes are damaged still tells what is lost.
type key struct {
	epoch uint32
	Range
}

func (k key) bytes() []byte {
	b := binary.BigEndian.AppendUint32(nil, k.epoch)
	b = binary.BigEndian.AppendUint64(b, k.First)
	return binary.BigEndian.AppendUint32(b, uint32(k.Count))
}

func parseKey(b []byte) key {
	return key{binary.BigEndian.Uint32(b), Range{binary.BigEndian.Uint64(b[4:]), uint64(binary.BigEndian.Uint32(b[12:]))}}
}

// syncFolder makes a rename in a folder durable.
func syncFolder(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
