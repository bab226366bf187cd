package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

const (
	longestFollow = time.Hour
	longestLevel  = 24 * time.Hour
	followEvery   = time.Second // between two messages of a follower
	logMessage    = 16 << 10    // bytes of lines in one
)

// LogLines is a piece of the log. A reader of several pieces finds by First
// which lines it has and which it missed.
type LogLines struct {
	First uint64   `json:"first"` // number of the first line since the agent started
	Lines []string `json:"lines"`
}

// answerLogs gives the last lines, and with follow those to come. Each piece
// repeats what fits of the one before, since any may be lost on the way.
func (a *Agent) answerLogs(ctx context.Context, args json.RawMessage, tell func(any)) (any, error) {
	q := struct {
		Lines  int    `json:"lines"`
		Follow string `json:"follow"`
	}{Lines: 100}
	const want = `{"lines": 100, "follow": "5m"}`
	if err := readArgs(args, &q, want); err != nil {
		return nil, err
	}
	follow, err := lengthOf("follow", q.Follow, longestFollow)
	if err != nil || q.Lines < 0 || q.Lines > keptLines {
		return nil, errors.Join(err, fmt.Errorf("arguments: want %s, at most %d lines and %s", want, keptLines, longestFollow))
	}
	a.lines.mu.Lock()
	from := a.lines.next - min(a.lines.next, uint64(q.Lines))
	a.lines.mu.Unlock()
	over := a.opts.Clock.After(follow)
	for {
		first, lines, grown := a.lines.since(from, logMessage)
		piece := LogLines{first, lines}
		if follow == 0 {
			return piece, nil
		}
		tell(piece)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-over:
			return piece, nil
		case <-a.opts.Clock.After(followEvery):
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-over:
			return piece, nil
		case <-grown:
		}
	}
}

// lengthOf reads a time from 0 to most; nothing is 0.
func lengthOf(what, text string, most time.Duration) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err == nil && (d < 0 || d > most) {
		err = fmt.Errorf("%s is outside 0 to %s", d, most)
	}
	if err != nil {
		return 0, fmt.Errorf("arguments: %s: %w", what, err)
	}
	return d, nil
}

// setLogLevel changes what is logged for a while; then it is info again, so
// that a forgotten one does not wear the flash.
func (a *Agent) setLogLevel(_ context.Context, args json.RawMessage, _ func(any)) (any, error) {
	q := struct {
		Level slog.Level `json:"level"`
		For   string     `json:"for"`
	}{For: "15m"}
	const want = `{"level": "debug", "for": "15m"}`
	if err := readArgs(args, &q, want); err != nil {
		return nil, err
	}
	if len(args) == 0 {
		return nil, errors.New("arguments: want " + want)
	}
	length, err := lengthOf("for", q.For, longestLevel)
	if err != nil {
		return nil, err
	}
	until := a.opts.Clock.Now().Add(length)
	a.lines.level.Store(&levelFor{q.Level, until})
	a.opts.Log.Warn("log level", "level", q.Level, "until", until)
	return struct {
		Level slog.Level `json:"level"`
		Until time.Time  `json:"until"`
	}{q.Level, until.UTC()}, nil
}
