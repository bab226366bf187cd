package telemetry

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// Ack says what the controller has committed: all numbers below Hi, and
// Ranges, in rising order. Whoever passes one has verified its signature.
type Ack struct {
	Epoch  uint32  `json:"epoch"`
	Hi     uint64  `json:"hi"`
	Ranges []Range `json:"ranges,omitempty"` // [first, count] each
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

// ParseAck parses an ack's JSON, which the controller makes with
// json.Marshal. Keys it does not know are passed over, so that a newer
// controller can still free the space of an older device.
func ParseAck(data []byte) (Ack, error) {
	var a Ack
	if len(data) > maxAckBytes {
		return a, fmt.Errorf("parse ack: %d bytes, at most %d", len(data), maxAckBytes)
	}
	var present struct{ Epoch, Hi *json.RawMessage }
	if err := errors.Join(json.Unmarshal(data, &present), json.Unmarshal(data, &a)); err != nil {
		return Ack{}, fmt.Errorf("parse ack: %w", err)
	}
	if present.Epoch == nil || present.Hi == nil || len(a.Ranges) > maxRanges {
		return Ack{}, fmt.Errorf("parse ack: no epoch, no hi or %d ranges, at most %d", len(a.Ranges), maxRanges)
	}
	return a, nil
}

// MarshalJSON gives [first, count].
func (r Range) MarshalJSON() ([]byte, error) { return json.Marshal([2]uint64{r.First, r.Count}) }

// UnmarshalJSON takes [first, count].
func (r *Range) UnmarshalJSON(data []byte) error {
	var pair []uint64
	if err := json.Unmarshal(data, &pair); err != nil {
		return err
	}
	if len(pair) != 2 || pair[0]+pair[1] < pair[0] {
		return fmt.Errorf("range %v, want [first, count]", pair)
	}
	r.First, r.Count = pair[0], pair[1]
	return nil
}

// ErrAck marks an ack that was refused and changed nothing: of an unknown
// epoch, or of numbers that were never given out.
var ErrAck = errors.New("ack refused")

const (
	maxRanges   = 1024
	maxAckBytes = 64 << 10
)

// intervals checks the ack and returns its numbers as rising ranges that do
// not touch.
func (l *ledger) intervals(a Ack) ([]Range, error) {
	c := l.of(a.Epoch)
	if c == nil {
		return nil, fmt.Errorf("%w: epoch %d is not known", ErrAck, a.Epoch)
	}
	if len(a.Ranges) > maxRanges {
		return nil, fmt.Errorf("%w: %d ranges, at most %d", ErrAck, len(a.Ranges), maxRanges)
	}
	if a.Hi > c.Next {
		return nil, fmt.Errorf("%w: numbers below %d, next is %d", ErrAck, a.Hi, c.Next)
	}
	all := []Range{{0, a.Hi}}
	for _, r := range a.Ranges {
		last := &all[len(all)-1]
		switch {
		case r.Count == 0 || r.Count > c.Next || r.First > c.Next-r.Count:
			return nil, fmt.Errorf("%w: %d numbers from %d, next is %d", ErrAck, r.Count, r.First, c.Next)
		case r.First < last.End():
			return nil, fmt.Errorf("%w: ranges overlap or fall at %d", ErrAck, r.First)
		case r.First == last.End():
			last.Count += r.Count
		default:
			all = append(all, r)
		}
	}
	return all, nil
}

// ackAll applies acks; those that are refused change nothing.
func (l *ledger) ackAll(acks []Ack) error {
	for _, a := range acks {
		if err := l.ack(a); err != nil && !errors.Is(err, ErrAck) {
			return err
		}
	}
	return nil
}

// ack deletes what lies wholly within the ack: chunks, and the parts of gaps.
func (l *ledger) ack(a Ack) error {
	all, err := l.intervals(a)
	if err != nil {
		return err
	}
	for _, r := range all {
		for k := range stored {
			if err := l.deliver(Kind(k), a.Epoch, r); err != nil {
				return err
			}
		}
		if err := l.settle(a.Epoch, r); err != nil {
			return err
		}
	}
	if l.limit == 0 {
		return nil
	}
	return l.forget(a.Epoch)
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
	k, v := lastBelow(c, gapKey(epoch, r.First+1))
	if k == nil {
		k, v = c.First()
	}
	for ; k != nil && l.limit > 0; k, v = c.Next() {
		if bytes.Compare(k, gapKey(epoch, r.End())) >= 0 {
			break
		}
		if g, ok := parseGap(k, v, epoch); ok && g.End() > r.First {
			hit = append(hit, g)
			l.limit--
		}
	}
	for _, g := range hit {
		if err := l.gaps.Delete(gapKey(epoch, g.First)); err != nil {
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
