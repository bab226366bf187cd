package logs

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// A record may come burst times within a window; what comes more often is
// counted, and the count is an attribute of the next that is let through.
const (
	burst    = 5
	window   = time.Minute
	maxKinds = 256 // records told apart at once
)

// limiter holds repetitions back. Records are the same where level, message and
// all texts in them are: a failing thing whose waits or counts grow is one.
type limiter struct {
	out    slog.Handler
	prefix string // texts of attributes given before
	seen   *seen
}

type seen struct {
	mu    sync.Mutex
	kinds map[string]*kind
}

type kind struct {
	since time.Time
	n     int // within the window
	held  int
}

func newLimiter(out slog.Handler) *limiter {
	return &limiter{out: out, seen: &seen{kinds: map[string]*kind{}}}
}

// Enabled implements slog.Handler.
func (l *limiter) Enabled(ctx context.Context, level slog.Level) bool {
	return l.out.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (l *limiter) Handle(ctx context.Context, r slog.Record) error {
	var key strings.Builder
	key.WriteString(r.Level.String())
	key.WriteString(r.Message)
	key.WriteString(l.prefix)
	r.Attrs(func(a slog.Attr) bool { key.WriteString(textOf(a)); return true })
	pass, held := l.seen.count(key.String(), r.Time)
	if !pass {
		return nil
	}
	if held > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("held_back", held))
	}
	return l.out.Handle(ctx, r)
}

// count tells whether a record may pass, and how many like it did not since the
// last that did.
func (s *seen) count(key string, now time.Time) (pass bool, held int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kinds[key]
	if k == nil {
		if len(s.kinds) >= maxKinds {
			s.forget(now)
		}
		k = &kind{since: now}
		s.kinds[key] = k
	}
	if now.Sub(k.since) >= window {
		k.since, k.n = now, 0
	}
	if k.n++; k.n > burst {
		k.held++
		return false, 0
	}
	held, k.held = k.held, 0
	return true, held
}

// forget makes room: whatever is over, or everything where nothing is.
func (s *seen) forget(now time.Time) {
	for key, k := range s.kinds {
		if now.Sub(k.since) >= window {
			delete(s.kinds, key)
		}
	}
	if len(s.kinds) >= maxKinds {
		clear(s.kinds)
	}
}

// textOf is what an attribute adds to the identity of a record.
func textOf(a slog.Attr) string {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindString:
		return "\x00" + a.Key + "=" + v.String()
	case slog.KindAny:
		if err, ok := v.Any().(error); ok && err != nil {
			return "\x00" + a.Key + "=" + err.Error()
		}
	}
	return ""
}

// WithAttrs implements slog.Handler.
func (l *limiter) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := &limiter{out: l.out.WithAttrs(attrs), prefix: l.prefix, seen: l.seen}
	for _, a := range attrs {
		next.prefix += textOf(a)
	}
	return next
}

// WithGroup implements slog.Handler.
func (l *limiter) WithGroup(name string) slog.Handler {
	return &limiter{l.out.WithGroup(name), l.prefix + "\x00" + name + ".", l.seen}
}
