// Package logs makes the loggers of Dunlin's programs.
//
// Start with [New]. Under systemd records go to the journal with their
// attributes as fields, so that journalctl PIPELINE=pump finds them; the
// message has them too, for people. Anywhere else they are lines of text. A
// record that comes again and again is held back and counted.
package logs

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	slogjournal "github.com/systemd/slog-journal"
	"golang.org/x/sys/unix"
)

// New returns a logger that writes to w what is at least as grave as level, or
// to the journal where w leads there.
func New(w io.Writer, level slog.Leveler) *slog.Logger {
	var out slog.Handler = slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})
	if toJournal(w, os.Getenv("JOURNAL_STREAM")) {
		if j, err := slogjournal.NewHandler(&slogjournal.Options{Level: level, ReplaceAttr: field}); err == nil {
			out = &withText{out: j}
		}
	}
	return slog.New(newLimiter(out))
}

// toJournal tells whether w is the stream that systemd connected to the
// journal, by the device and inode it names (systemd.exec(5)).
func toJournal(w io.Writer, stream string) bool {
	f, ok := w.(*os.File)
	if !ok || stream == "" {
		return false
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return false
	}
	return stream == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}

// field spells a key as the journal wants it; what it would not take as a key
// of its own is a DUNLIN_ one.
func field(_ []string, a slog.Attr) slog.Attr {
	key := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return r
		}
		return '_'
	}, a.Key)
	switch {
	case key == "" || key[0] == '_' || '0' <= key[0] && key[0] <= '9':
		key = "DUNLIN_" + strings.TrimLeft(key, "_")
	case key == "MESSAGE" || key == "PRIORITY":
		key = "DUNLIN_" + key
	}
	a.Key = key
	return a
}

// withText puts the attributes into the message too: journalctl shows nothing
// else by default.
type withText struct {
	out   slog.Handler
	attrs []slog.Attr
	group string // for the attributes to come, ends in a dot
}

// Enabled implements slog.Handler.
func (h *withText) Enabled(ctx context.Context, l slog.Level) bool { return h.out.Enabled(ctx, l) }

// Handle implements slog.Handler.
func (h *withText) Handle(ctx context.Context, r slog.Record) error {
	var text bytes.Buffer
	line := slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
			return slog.Attr{}
		}
		return a
	}})
	if err := line.WithAttrs(h.attrs).Handle(ctx, h.grouped(r)); err != nil {
		return err
	}
	full := slog.NewRecord(r.Time, r.Level, strings.TrimRight(r.Message+" "+text.String(), " \n"), r.PC)
	r.Attrs(func(a slog.Attr) bool { full.AddAttrs(a); return true })
	return h.out.Handle(ctx, full)
}

func (h *withText) grouped(r slog.Record) slog.Record {
	if h.group == "" {
		return r
	}
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		a.Key = h.group + a.Key
		out.AddAttrs(a)
		return true
	})
	return out
}

// WithAttrs implements slog.Handler.
func (h *withText) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.out = h.out.WithAttrs(attrs)
	next.attrs = nil
	next.attrs = append(next.attrs, h.attrs...)
	for _, a := range attrs {
		a.Key = h.group + a.Key
		next.attrs = append(next.attrs, a)
	}
	return &next
}

// WithGroup implements slog.Handler.
func (h *withText) WithGroup(name string) slog.Handler {
	next := *h
	next.out, next.group = h.out.WithGroup(name), h.group+name+"."
	return &next
}
