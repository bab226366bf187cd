package telemetry

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Ack says what the controller has committed: all numbers below Hi, and
// Ranges, in rising order. Whoever passes one has verified its signature.
type Ack struct {
	Epoch  uint32
	Hi     uint64
	Ranges []Range
}

// Covers tells whether the ack holds all of r.
func (a *Ack) Covers(epoch uint32, r Range) bool {
	if a.Epoch != epoch {
		return false
	}
	if r.End() <= a.Hi {
		return true
	}
	for _, has := range a.Ranges {
		if has.First <= r.First && r.End() <= has.End() {
			return true
		}
	}
	return false
}

// errAck marks an ack that was refused and changed nothing: of an unknown
// epoch, or of numbers that were never given out.
var errAck = errors.New("ack refused")

const maxRanges = 1024

// intervals checks the ack and returns its numbers as rising ranges that do
// not touch.
func (l *ledger) intervals(a Ack) ([]Range, error) {
	c := l.of(a.Epoch)
	if c == nil {
		return nil, fmt.Errorf("%w: epoch %d is not known", errAck, a.Epoch)
	}
	if len(a.Ranges) > maxRanges {
		return nil, fmt.Errorf("%w: %d ranges, at most %d", errAck, len(a.Ranges), maxRanges)
	}
	if a.Hi > c.Next {
		return nil, fmt.Errorf("%w: numbers below %d, next is %d", errAck, a.Hi, c.Next)
	}
	all := []Range{{0, a.Hi}}
	for _, r := range a.Ranges {
		last := &all[len(all)-1]
		switch {
		case r.Count == 0 || r.Count > c.Next || r.First > c.Next-r.Count:
			return nil, fmt.Errorf("%w: %d numbers from %d, next is %d", errAck, r.Count, r.First, c.Next)
		case r.First < last.End():
			return nil, fmt.Errorf("%w: ranges overlap or fall at %d", errAck, r.First)
		case r.First == last.End():
			last.Count += r.Count
		default:
			all = append(all, r)
		}
	}
	return all, nil
}

// ackAll applies acks, those of an epoch as one; those that are refused change
// nothing.
func (l *ledger) ackAll(acks []Ack) error {
	union := map[uint32][]Range{}
	for _, a := range acks {
		if all, err := l.intervals(a); err == nil {
			union[a.Epoch] = append(union[a.Epoch], all...)
		} else if !errors.Is(err, errAck) {
			return err
		}
	}
	for epoch, all := range union {
		if err := l.ack(epoch, merge(all)); err != nil {
			return err
		}
	}
	return nil
}

// merge returns the numbers in all as rising ranges that do not touch.
func merge(all []Range) []Range {
	slices.SortFunc(all, func(a, b Range) int { return cmp.Compare(a.First, b.First) })
	var merged []Range
	for _, r := range all {
		last := len(merged) - 1
		switch {
		case r.Count == 0:
		case last >= 0 && r.First <= merged[last].End():
			merged[last].Count = max(merged[last].End(), r.End()) - merged[last].First
		default:
			merged = append(merged, r)
		}
	}
	return merged
}

// ack deletes what lies wholly within all: chunks, and the parts of gaps.
func (l *ledger) ack(epoch uint32, all []Range) error {
	for _, r := range all {
		for k := range stored {
			if err := l.deliver(Kind(k), epoch, r); err != nil {
				return err
			}
		}
		if err := l.settle(epoch, r); err != nil {
			return err
		}
	}
	if l.limit == 0 {
		return nil
	}
	return l.forget(epoch)
}

// deliver deletes the chunks of a queue within r.
func (l *ledger) deliver(kind Kind, epoch uint32, r Range) error {
	q := l.queue(kind)
	var done []key
	c := q.Cursor()
	for b, _ := c.Seek(gapKey(epoch, r.First)); b != nil && l.limit > 0; b, _ = c.Next() {
		k := parseKey(b)
		if k.epoch != epoch || k.End() > r.End() {
			break
		}
		done = append(done, k)
		l.limit--
	}
	counters := l.of(epoch)
	for _, k := range done {
		counters.Waiting -= k.Count
		counters.Delivered += k.Count
		if err := q.Delete(k.bytes()); err != nil {
			return err
		}
	}
	return nil
}

// settle removes r from the gaps that wait to be declared.
func (l *ledger) settle(epoch uint32, r Range) error {
	var hit []Gap
	c := l.gaps.Cursor()
	for k, v := c.Seek(gapKey(epoch, r.First+1)); k != nil && l.limit > 0; k, v = c.Next() {
		g, ok := parseGap(k, v, epoch)
		if !ok || g.First >= r.End() {
			break
		}
		hit = append(hit, g)
		l.limit--
	}
	for _, g := range hit {
		if err := l.gaps.Delete(gapKey(epoch, g.End())); err != nil {
			return err
		}
		for _, rest := range [...]Range{{g.First, max(r.First, g.First) - g.First}, {r.End(), max(g.End(), r.End()) - r.End()}} {
			if rest.Count > 0 {
				if err := l.declare(epoch, Gap{rest, g.Reason}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// forget removes the counters of an old epoch of which nothing is left.
func (l *ledger) forget(epoch uint32) error {
	if c := l.of(epoch); c.Waiting > 0 || epoch == l.current() {
		return nil
	}
	if k, _ := l.gaps.Cursor().Seek(gapKey(epoch, 0)); k != nil && binary.BigEndian.Uint32(k) == epoch {
		return nil
	}
	delete(l.counters, epoch)
	return l.epochs.Delete(binary.BigEndian.AppendUint32(nil, epoch))
}

// current returns the epoch that new records belong to.
func (l *ledger) current() uint32 {
	v := l.meta.Get(keyEpoch)
	if len(v) != 4 {
		return 0
	}
	return binary.BigEndian.Uint32(v)
}
