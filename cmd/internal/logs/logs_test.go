package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestRepeatsAreHeldBack(t *testing.T) {
	var out bytes.Buffer
	h := newLimiter(slog.NewTextHandler(&out, nil)).WithAttrs([]slog.Attr{slog.String("pipeline", "pump")})
	now := time.Unix(1000, 0)
	say := func(msg string, attrs ...slog.Attr) {
		t.Helper()
		r := slog.NewRecord(now, slog.LevelError, msg, 0)
		r.AddAttrs(attrs...)
		if err := h.Handle(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	gone := slog.Any("err", errors.New("device is gone"))
	for i := range 100 {
		say("restarts", gone, slog.Duration("wait", time.Duration(i)))
		now = now.Add(100 * time.Millisecond)
	}
	say("restarts", slog.Any("err", errors.New("another reason")))
	if n := strings.Count(out.String(), "device is gone"); n != burst {
		t.Errorf("%d of 100 came through, want %d", n, burst)
	}
	if !strings.Contains(out.String(), "another reason") {
		t.Error("another reason was held back")
	}
	out.Reset()
	now = now.Add(window)
	say("restarts", gone)
	if !strings.Contains(out.String(), fmt.Sprintf("held_back=%d", 100-burst)) {
		t.Errorf("after the window: %s", out.String())
	}
	for i := range 3 * maxKinds { // memory is bounded
		say(fmt.Sprint("kind ", i))
	}
	if n := len(h.(*limiter).seen.kinds); n > maxKinds {
		t.Errorf("%d kinds are remembered", n)
	}
}

// sink keeps records as the journal would get them.
type sink struct {
	attrs []string
	got   *[]string
}

func (s *sink) Enabled(context.Context, slog.Level) bool { return true }
func (s *sink) WithGroup(name string) slog.Handler       { return s }
func (s *sink) WithAttrs(as []slog.Attr) slog.Handler {
	next := &sink{append([]string{}, s.attrs...), s.got}
	for _, a := range as {
		next.attrs = append(next.attrs, field(nil, a).String())
	}
	return next
}
func (s *sink) Handle(_ context.Context, r slog.Record) error {
	line := append([]string{"MESSAGE=" + r.Message}, s.attrs...)
	r.Attrs(func(a slog.Attr) bool { line = append(line, field(nil, a).String()); return true })
	*s.got = append(*s.got, strings.Join(line, "|"))
	return nil
}

func TestJournalRecords(t *testing.T) {
	var got []string
	log := slog.New(newLimiter(&withText{out: &sink{got: &got}})).With("device", "pump-7", "pipeline", "door")
	log.Error("restarts after a failure", "wait", 2*time.Second, "err", errors.New("no such\ndevice"), "_id", 1, "priority", 2, "p95.ms", 3)
	log.Info("plain")
	want := []string{
		`MESSAGE=restarts after a failure device=pump-7 pipeline=door wait=2s err="no such\ndevice" _id=1 priority=2 p95.ms=3` +
			"|DEVICE=pump-7|PIPELINE=door|WAIT=2s|ERR=no such\ndevice|DUNLIN_ID=1|DUNLIN_PRIORITY=2|P95_MS=3",
		"MESSAGE=plain device=pump-7 pipeline=door|DEVICE=pump-7|PIPELINE=door",
	}
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Errorf("got  %q\nwant %q", got, want[i])
		}
	}
}

func TestToJournal(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(w.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	here := fmt.Sprintf("%d:%d", st.Dev, st.Ino)
	if !toJournal(w, here) {
		t.Error("the stream systemd named was not recognized")
	}
	if toJournal(w, "") || toJournal(w, fmt.Sprintf("%d:%d", st.Dev, st.Ino+1)) || toJournal(&bytes.Buffer{}, here) {
		t.Error("another stream passes for the journal's")
	}
}

func TestTextElsewhere(t *testing.T) {
	t.Setenv("JOURNAL_STREAM", "")
	var out bytes.Buffer
	New(&out, slog.LevelWarn).With("device", "x").Warn("said", "a", 1)
	New(&out, slog.LevelWarn).Info("not said")
	if got := out.String(); !strings.Contains(got, "level=WARN msg=said device=x a=1") || strings.Contains(got, "not said") {
		t.Errorf("%q", got)
	}
}
