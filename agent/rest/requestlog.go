package rest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of the log: lines that may wait for the disk, since requests wait for
// none, and bytes of the file before it becomes FILE.1, of which there is one.
const (
	logQueue = 1024
	maxLog   = 16 << 20
	logFlush = 16 << 10 // bytes that are written at once at the latest
)

// A requestLog appends one JSON line for each request. A nil one keeps none.
type requestLog struct {
	path    string
	limit   int64
	file    *os.File
	size    int64
	lines   chan logLine
	stop    chan struct{}
	failed  func(error) // is told once
	written sync.WaitGroup
	dropped atomic.Uint64
	once    sync.Once
}

// logLine is one request. Input is a digest of its body, so that an answer can be
// tied to what was asked without keeping it.
type logLine struct {
	Time      time.Time `json:"time"`
	Client    string    `json:"client,omitempty"`
	Method    string    `json:"method"`
	Path      string    `json:"path"`
	Model     string    `json:"model,omitempty"`
	Version   string    `json:"version,omitempty"`
	Digest    string    `json:"sha256,omitempty"` // of the model file
	Input     string    `json:"input_sha256,omitempty"`
	Status    int       `json:"status"`
	LatencyUS int64     `json:"latency_us"`
}

// openRequestLog opens the log for appending; "" is none.
func openRequestLog(path string, log *slog.Logger) (*requestLog, error) {
	if path == "" {
		return nil, nil
	}
	l := &requestLog{path: path, limit: maxLog, lines: make(chan logLine, logQueue), stop: make(chan struct{})}
	if err := l.open(); err != nil {
		return nil, err
	}
	l.failed = func(err error) { log.Error("request log: further lines are dropped", "file", path, "err", err) }
	l.written.Go(l.write)
	return l, nil
}

func (l *requestLog) open() error {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	l.file, l.size = f, info.Size()
	return nil
}

// turn begins a new file, and keeps the last one.
func (l *requestLog) turn() error {
	if err := errors.Join(l.file.Close(), os.Rename(l.path, l.path+".1")); err != nil {
		return err
	}
	return l.open()
}

// write takes lines until the log is closed; after an error they are dropped.
func (l *requestLog) write() {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	broken := false
	add := func(line logLine) {
		if broken {
			l.dropped.Add(1)
			return
		}
		err := enc.Encode(&line)
		if err == nil && (len(l.lines) == 0 || text.Len() > logFlush) {
			err = l.flush(&text)
		}
		if err != nil {
			broken = true
			l.dropped.Add(1)
			l.failed(err)
		}
	}
	for {
		select {
		case line := <-l.lines:
			add(line)
		case <-l.stop:
			for len(l.lines) > 0 {
				add(<-l.lines)
			}
			return
		}
	}
}

func (l *requestLog) flush(text *bytes.Buffer) error {
	n, err := text.WriteTo(l.file)
	if l.size += n; err == nil && l.size > l.limit {
		err = l.turn()
	}
	return err
}

// note adds a request that was answered. The digest costs only those who log.
func (l *requestLog) note(c *call, status int, began time.Time) {
	if l == nil {
		return
	}
	line := logLine{Time: began.UTC(), Method: c.r.Method, Path: c.r.URL.Path, Model: c.model, Status: status, LatencyUS: time.Since(began).Microseconds()}
	if c.client != nil {
		line.Client = c.client.Name
	}
	if c.used != nil {
		line.Version, line.Digest = c.used.Version, c.used.Digest
	}
	line.Input = c.digest
	select {
	case l.lines <- line:
	default:
		l.dropped.Add(1)
	}
}

// digestOf is the hash of a body, where somebody keeps it.
func (l *requestLog) digestOf(body []byte) string {
	if l == nil || len(body) == 0 {
		return ""
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

func (l *requestLog) lost() uint64 {
	if l == nil {
		return 0
	}
	return l.dropped.Load()
}

// close writes what waits; lines that follow are lost.
func (l *requestLog) close() {
	if l == nil {
		return
	}
	l.once.Do(func() {
		close(l.stop)
		l.written.Wait()
		l.file.Close()
	})
}
