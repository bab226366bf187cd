package ship

import (
	"context"
	"log/slog"
	"time"

	"github.com/dunlin-edge/dunlin/telemetry"
)

// step sends what may be sent now and returns how long it has nothing to do
// unless woken.
func (s *Shipper) step(ctx context.Context) time.Duration {
	for ctx.Err() == nil {
		free, lowest, wait := s.allowed()
		if free == 0 {
			return wait
		}
		found, err := s.cfg.Store.Pending(free, lowest, s.flying)
		if err != nil {
			s.cfg.Logger.Warn("read telemetry to send", slog.Any("error", err))
			return readRetry
		}
		s.forget(found)
		if len(found) == 0 {
			return wait
		}
		for _, f := range found {
			if !s.send(ctx, f) {
				_, _, wait := s.allowed()
				return wait
			}
		}
	}
	return idle
}

// allowed returns how many chunks may be sent now and down to which kind. With
// none, wait tells when to look again.
func (s *Shipper) allowed() (free int, lowest telemetry.Kind, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Clock.Mono()
	if s.hold == never {
		return 0, 0, idle
	}
	if now < s.hold {
		return 0, 0, s.hold - now
	}
	wait = idle
	for _, x := range s.flights {
		if x.due > now {
			wait = min(wait, x.due-now)
		}
	}
	lowest, any := s.cfg.Meter.lowest(s.link)
	if !any {
		return 0, 0, wait
	}
	return max(s.cfg.Window-s.inFlight(now), 0), lowest, wait
}

func (s *Shipper) inFlight(now time.Duration) (n int) {
	for _, x := range s.flights {
		if x.due > now {
			n++
		}
	}
	return n
}

// flying tells whether a chunk is on its way and not yet due again.
func (s *Shipper) flying(f telemetry.Sealed) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.flights[name(f)]
	return x != nil && x.due > s.cfg.Clock.Mono()
}

func name(f telemetry.Sealed) flight { return flight{f.Kind, f.Epoch, f.Range} }

// forget drops what is due again and was not found: the store has it no more,
// or more important chunks took its place.
func (s *Shipper) forget(found []telemetry.Sealed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	here := map[flight]bool{}
	for _, f := range found {
		here[name(f)] = true
	}
	now := s.cfg.Clock.Mono()
	for f, x := range s.flights {
		if x.due <= now && !here[f] {
			delete(s.flights, f)
		}
	}
}

// send publishes one chunk. It tells whether the next may follow.
func (s *Shipper) send(ctx context.Context, f telemetry.Sealed) bool {
	if !s.cfg.Meter.admit(s.linkNow(), f.Kind, len(f.Data)) {
		return false
	}
	s.depart(f)
	ctx, cancel := context.WithTimeout(ctx, publishWait)
	defer cancel()
	if err := s.cfg.Transport.Publish(ctx, f.Data); err != nil {
		s.fail(f, err)
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = 0
	return s.hold != never
}

func (s *Shipper) linkNow() Link {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.link
}

// depart notes a chunk as sent, before it is: its ack may be there first.
func (s *Shipper) depart(f telemetry.Sealed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Clock.Mono()
	x := s.flights[name(f)]
	if x == nil {
		x = &sent{holds: holds(f)}
		s.flights[name(f)] = x
	}
	s.stats.Sent++
	if x.tries++; x.tries > 1 {
		s.stats.Again++
	}
	wait := max(minResend, 4*s.rtt) << min(x.tries-1, 5)
	wait += time.Duration(s.jitter() * float64(wait) / 2)
	x.at, x.due = now, now+min(wait, maxResend)
}

// holds returns the numbers that a chunk accounts for.
func holds(f telemetry.Sealed) []telemetry.Range {
	if f.Kind != telemetry.KindGap {
		return []telemetry.Range{f.Range}
	}
	c, err := telemetry.Decode(f.Data)
	if err != nil {
		return []telemetry.Range{f.Range} // never; too much to ask of an ack, so it is sent again
	}
	var all []telemetry.Range
	for _, g := range c.Gaps {
		all = append(all, g.Range)
	}
	return all
}

// fail waits, longer each time, before anything else is sent. The chunk may
// have arrived: what is lost is only the wait for its ack.
func (s *Shipper) fail(f telemetry.Sealed, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Failed++
	s.stats.Error = err.Error()
	delete(s.flights, name(f))
	if s.hold == never {
		return
	}
	wait := firstRetry << min(s.fails, 9)
	s.fails++
	s.hold = s.cfg.Clock.Mono() + min(wait, maxResend)/2 + time.Duration(s.jitter()*float64(min(wait, maxResend))/2)
}
