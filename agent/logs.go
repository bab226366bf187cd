package agent

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunlin-edge/dunlin/hal"
)

const (
	keptLines = 512
	longLine  = 1 << 10 // bytes; what is longer is cut
)

// logLines keeps the last lines of the agent's log in memory, for whoever asks
// over the fleet, and holds the level, which can be lowered for a while.
type logLines struct {
	clock hal.Clock
	level atomic.Pointer[levelFor] // nil: info

	mu    sync.Mutex
	ring  [keptLines]string
	next  uint64        // number of the next line, from 0
	grown chan struct{} // closed by the next line
}

// levelFor is a level and when it ends.
type levelFor struct {
	level slog.Level
	until time.Time
}

func newLogLines(clock hal.Clock) *logLines {
	return &logLines{clock: clock, grown: make(chan struct{})}
}

// Write implements io.Writer for a slog handler, which writes a line at a time.
func (l *logLines) Write(line []byte) (int, error) {
	text := strings.TrimSuffix(string(line[:min(len(line), longLine)]), "\n")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ring[l.next%keptLines] = strings.ToValidUTF8(text, "?")
	l.next++
	close(l.grown)
	l.grown = make(chan struct{})
	return len(line), nil
}

// since returns the newest lines from a number on that fit into a size, the
// number of the first, and what tells of the next.
func (l *logLines) since(from uint64, bytes int) (first uint64, lines []string, grown <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first = l.next
	for first > from && l.next-first < keptLines {
		line := l.ring[(first-1)%keptLines]
		if bytes -= len(line); bytes < 0 {
			break
		}
		first--
	}
	for n := first; n < l.next; n++ {
		lines = append(lines, l.ring[n%keptLines])
	}
	return first, lines, l.grown
}

// enabled tells whether a level is logged at this moment.
func (l *logLines) enabled(level slog.Level) bool {
	lowest := slog.LevelInfo
	if f := l.level.Load(); f != nil && l.clock.Now().Before(f.until) {
		lowest = f.level
	}
	return level >= lowest
}

// over returns a logger that writes to log and keeps its lines here.
func (l *logLines) over(log *slog.Logger) *slog.Logger {
	all := &slog.HandlerOptions{Level: slog.LevelDebug}
	return slog.New(&tee{l, slog.NewTextHandler(l, all), log.Handler()})
}

// tee hands records to the lines kept and to the handler of the process.
type tee struct {
	lines *logLines
	kept  slog.Handler
	out   slog.Handler
}

// Enabled implements slog.Handler.
func (t *tee) Enabled(_ context.Context, level slog.Level) bool { return t.lines.enabled(level) }

// Handle implements slog.Handler. A handler that takes information takes what
// the level was lowered to, too.
func (t *tee) Handle(ctx context.Context, r slog.Record) error {
	err := t.kept.Handle(ctx, r.Clone())
	if t.out.Enabled(ctx, max(r.Level, slog.LevelInfo)) {
		err = t.out.Handle(ctx, r)
	}
	return err
}

// WithAttrs implements slog.Handler.
func (t *tee) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &tee{t.lines, t.kept.WithAttrs(attrs), t.out.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (t *tee) WithGroup(name string) slog.Handler {
	return &tee{t.lines, t.kept.WithGroup(name), t.out.WithGroup(name)}
}
