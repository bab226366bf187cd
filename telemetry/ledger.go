package telemetry

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	bolt "go.etcd.io/bbolt"
)

// Counters account for all numbers of one epoch:
// Next = Delivered + Waiting + the sum of Dropped, always.
type Counters struct {
	Next      uint64
	Delivered uint64
	Waiting   uint64
	Dropped   [reasons]uint64 // by Reason
}

// buckets and keys of the file.
var (
	bucketMeta   = []byte("meta")
	bucketEpochs = []byte("epochs") // epoch -> counters
	bucketGaps   = []byte("gaps")   // epoch, end -> count, reason

	keyFormat   = []byte("format")
	keyEpoch    = []byte("epoch")
	keyOpen     = []byte("open")
	keyInode    = []byte("inode")
	keyIdentity = []byte("identity")
)

func bucketQueue(k Kind) []byte { return []byte{'q', '0' + byte(k)} }

// ledger is one transaction's view of the file. Counters are read on demand
// and written by save.
type ledger struct {
	tx                 *bolt.Tx
	meta, epochs, gaps *bolt.Bucket
	counters           map[uint32]*Counters
	limit              int // deletions left to acks; 0: there may be more
}

func newLedger(tx *bolt.Tx) (*ledger, error) {
	l := &ledger{
		tx: tx, meta: tx.Bucket(bucketMeta), epochs: tx.Bucket(bucketEpochs), gaps: tx.Bucket(bucketGaps),
		counters: map[uint32]*Counters{}, limit: math.MaxInt,
	}
	missing := l.meta == nil || l.epochs == nil || l.gaps == nil
	for k := range stored {
		missing = missing || tx.Bucket(bucketQueue(Kind(k))) == nil
	}
	if missing {
		return nil, fmt.Errorf("%w: a bucket is missing", ErrDamaged)
	}
	return l, nil
}

// queue returns the bucket of a kind. Keys only ever grow, so full pages are
// left full.
func (l *ledger) queue(k Kind) *bolt.Bucket {
	q := l.tx.Bucket(bucketQueue(k))
	q.FillPercent = 1
	return q
}

// of returns the counters of an epoch, nil when there are none.
func (l *ledger) of(epoch uint32) *Counters {
	if c := l.counters[epoch]; c != nil {
		return c
	}
	v := l.epochs.Get(binary.BigEndian.AppendUint32(nil, epoch))
	if len(v) != 8*(3+reasons) {
		return nil
	}
	c := new(Counters)
	for i, p := range c.fields() {
		*p = binary.BigEndian.Uint64(v[8*i:])
	}
	l.counters[epoch] = c
	return c
}

func (c *Counters) fields() []*uint64 {
	all := []*uint64{&c.Next, &c.Delivered, &c.Waiting}
	for i := range c.Dropped {
		all = append(all, &c.Dropped[i])
	}
	return all
}

// balanced tells whether every number is accounted for.
func (c *Counters) balanced() bool {
	sum := c.Delivered + c.Waiting
	for _, n := range c.Dropped {
		sum += n
	}
	return sum == c.Next
}

// save writes the counters that changed.
func (l *ledger) save() error {
	for epoch, c := range l.counters {
		var v []byte
		for _, p := range c.fields() {
			v = binary.BigEndian.AppendUint64(v, *p)
		}
		if err := l.epochs.Put(binary.BigEndian.AppendUint32(nil, epoch), v); err != nil {
			return err
		}
	}
	return nil
}

// put numbers the chunk's records and stores it.
func (l *ledger) put(epoch uint32, b *builder, h head) error {
	c := l.of(epoch)
	if c == nil {
		return errors.New("counters are missing")
	}
	h.epoch, h.first = epoch, c.Next
	data, err := b.seal(h)
	if err != nil {
		return err
	}
	k := key{epoch, Range{c.Next, uint64(b.n)}}
	c.Next += k.Count
	c.Waiting += k.Count
	return l.queue(b.kind).Put(k.bytes(), data)
}

// skip gives out n numbers that hold no record.
func (l *ledger) skip(epoch uint32, n uint64, why Reason) error {
	c := l.of(epoch)
	if n == 0 || c == nil {
		return nil
	}
	r := Range{c.Next, n}
	c.Next += n
	c.Dropped[why] += n
	return l.declare(epoch, Gap{r, why})
}

// drop deletes a waiting chunk and declares the gap.
func (l *ledger) drop(kind Kind, k key, why Reason) error {
	c := l.of(k.epoch)
	if c == nil {
		return fmt.Errorf("%w: chunk of an unknown epoch", ErrDamaged)
	}
	c.Waiting -= k.Count
	c.Dropped[why] += k.Count
	if err := l.queue(kind).Delete(k.bytes()); err != nil {
		return err
	}
	return l.declare(k.epoch, Gap{k.Range, why})
}

// declare adds a gap and merges it with its neighbours of the same reason, so
// gaps are never more than chunks plus one.
func (l *ledger) declare(epoch uint32, g Gap) error {
	key := gapKey(epoch, g.First) // of the gap that ends where this one begins
	if before, ok := parseGap(key, l.gaps.Get(key), epoch); ok && before.Reason == g.Reason {
		g.First, g.Count = before.First, before.Count+g.Count
		if err := l.gaps.Delete(key); err != nil {
			return err
		}
	}
	k, v := l.gaps.Cursor().Seek(gapKey(epoch, g.End()+1))
	if next, ok := parseGap(k, v, epoch); ok && next.First == g.End() && next.Reason == g.Reason {
		g.Count += next.Count // and takes the place of the other
	}
	value := append(binary.BigEndian.AppendUint64(nil, g.Count), byte(g.Reason))
	return l.gaps.Put(gapKey(epoch, g.End()), value)
}

// gapKey is the key of the gap that ends before number end. Keys hold the end,
// so that whatever lies about a number is found without moving a cursor
// backwards: in bbolt 1.5.0 that never returns where a transaction has emptied
// the pages before.
func gapKey(epoch uint32, end uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, epoch), end)
}

func parseGap(k, v []byte, epoch uint32) (Gap, bool) {
	if len(k) != 12 || len(v) != 9 || binary.BigEndian.Uint32(k) != epoch {
		return Gap{}, false
	}
	end, count := binary.BigEndian.Uint64(k[4:]), binary.BigEndian.Uint64(v)
	return Gap{Range{end - count, count}, Reason(v[8])}, count > 0 && count <= end
}
