package telemetry

import (
	"fmt"
	"math"
)

// Walk gives visit all sealed chunks that wait, by kind and age, gaps last. It
// holds up no writer for longer than reading a few chunks takes; what is
// delivered meanwhile may or may not be seen.
func (l *Log) Walk(visit func(Sealed) error) error {
	for kind := range Kind(stored) {
		var from []byte
		for {
			page, err := l.store.page(kind, from)
			if err != nil {
				return fmt.Errorf("walk telemetry: %w", err)
			}
			for _, one := range page {
				if err := visit(one); err != nil {
					return err
				}
				from = after(key{one.Epoch, one.Range}.bytes())
			}
			if len(page) == 0 {
				break
			}
		}
	}
	gaps, err := l.Pending(math.MaxInt, KindEvent, func(s Sealed) bool { return s.Kind != KindGap })
	if err != nil {
		return err
	}
	for _, one := range gaps {
		if err := visit(one); err != nil {
			return err
		}
	}
	return nil
}

// page returns the next few intact chunks of a kind whose keys are from or
// above.
func (s *store) page(kind Kind, from []byte) (found []Sealed, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.view(func(l *ledger) error {
		c := l.queue(kind).Cursor()
		for b, v := c.Seek(from); b != nil && len(found) < 32; b, v = c.Next() {
			k := parseKey(b)
			if intact(v) {
				found = append(found, Sealed{Kind: kind, Epoch: k.epoch, Range: k.Range, Data: append([]byte(nil), v...)})
			}
		}
		return nil
	})
	return found, err
}
