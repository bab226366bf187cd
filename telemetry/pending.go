package telemetry

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Sealed is a chunk that waits, ready to be sent.
type Sealed struct {
	Kind  Kind
	Epoch uint32
	Range        // for gaps: from the first gap's first number to the last's end
	Data  []byte // as Decode takes it
}

const gapsPerChunk = 200

// pending returns up to most waiting chunks down to a kind, by priority and
// then by age, gaps after events. It leaves out those that skip names. Chunks
// that no longer match their CRC become gaps.
func (s *store) pending(most int, lowest Kind, h head, skip func(Sealed) bool) ([]Sealed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []Sealed
	var bad []Sealed
	err := s.view(func(l *ledger) error {
		for k := range min(int(lowest)+1, stored) {
			l.collect(Kind(k), most, skip, &found, &bad)
			if k == int(KindEvent) {
				if err := l.collectGaps(most, h, skip, &found); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil && len(bad) > 0 {
		err = s.update(func(l *ledger) error {
			for _, b := range bad {
				if err := l.drop(b.Kind, key{b.Epoch, b.Range}, reasonDamaged); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		return nil, fmt.Errorf("read waiting telemetry: %w", err)
	}
	return found, nil
}

func (l *ledger) collect(kind Kind, most int, skip func(Sealed) bool, found, bad *[]Sealed) {
	c := l.queue(kind).Cursor()
	for b, v := c.First(); b != nil && len(*found) < most; b, v = c.Next() {
		k := parseKey(b)
		one := Sealed{Kind: kind, Epoch: k.epoch, Range: k.Range}
		if skip != nil && skip(one) {
			continue
		}
		if !intact(v) {
			*bad = append(*bad, one)
			continue
		}
		one.Data = append([]byte(nil), v...)
		*found = append(*found, one)
	}
}

// collectGaps makes chunks of the gaps that wait to be declared.
func (l *ledger) collectGaps(most int, h head, skip func(Sealed) bool, found *[]Sealed) error {
	b := newBuilder(KindGap, 0)
	var one Sealed
	flush := func() error {
		defer b.reset()
		if b.n == 0 || len(*found) >= most || skip != nil && skip(one) {
			return nil
		}
		h.epoch, h.first = one.Epoch, one.First
		data, err := b.seal(h)
		if err != nil {
			return err
		}
		one.Data = data
		*found = append(*found, one)
		return nil
	}
	c := l.gaps.Cursor()
	for k, v := c.First(); len(k) == 12 && len(*found) < most; k, v = c.Next() {
		epoch := binary.BigEndian.Uint32(k)
		g, ok := parseGap(k, v, epoch)
		if !ok {
			return fmt.Errorf("%w: gap %x", ErrDamaged, k)
		}
		if b.n > 0 && (epoch != one.Epoch || b.n == gapsPerChunk) {
			if err := flush(); err != nil {
				return err
			}
		}
		if b.n == 0 {
			one = Sealed{Kind: KindGap, Epoch: epoch, Range: Range{First: g.First}}
		}
		b.gap(g)
		one.Count = g.End() - one.First
	}
	return flush()
}

// Account tells what happened to all numbers, by epoch.
type Account struct {
	Epoch  uint32 // of new records
	Lo     uint64 // the first number of Epoch that is not delivered or declared
	Start  string // what opening found: clean, unclean, new, damaged, copied or foreign
	Epochs map[uint32]Counters
}

func (s *store) account() (Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := Account{Epoch: s.epoch, Start: s.start, Epochs: map[uint32]Counters{}}
	err := s.view(func(l *ledger) error {
		err := l.epochs.ForEach(func(k, _ []byte) error {
			epoch := binary.BigEndian.Uint32(k)
			c := l.of(epoch)
			if c == nil {
				return fmt.Errorf("%w: counters of epoch %d", ErrDamaged, epoch)
			}
			a.Epochs[epoch] = *c
			return nil
		})
		a.Lo = min(a.Epochs[a.Epoch].Next, l.lowest(a.Epoch))
		return err
	})
	if err != nil {
		return a, fmt.Errorf("read telemetry account: %w", err)
	}
	return a, nil
}

// lowest returns the first number of an epoch that waits, as a record or as a
// gap; the greatest there is when none does.
func (l *ledger) lowest(epoch uint32) uint64 {
	low := uint64(math.MaxUint64)
	for k := range stored {
		b, _ := l.queue(Kind(k)).Cursor().Seek(gapKey(epoch, 0))
		if len(b) == 16 && parseKey(b).epoch == epoch {
			low = min(low, parseKey(b).First)
		}
	}
	k, v := l.gaps.Cursor().Seek(gapKey(epoch, 0))
	if g, ok := parseGap(k, v, epoch); ok {
		low = min(low, g.First)
	}
	return low
}
