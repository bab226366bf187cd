package rest

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// logQueue is how many lines may wait for the disk; requests wait for none.
const logQueue = 1024

// A requestLog appends one JSON line for each request. A nil one keeps none.
type requestLog struct {
	file    *os.File
	lines   chan logLine
	stop    chan struct{}
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
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
	if err != nil {
		return nil, err
	}
	l := &requestLog{file: f, lines: make(chan logLine, logQueue), stop: make(chan struct{})}
	l.written.Go(func() {
		if err := l.write(); err != nil {
			log.Error("request log", "err", err)
		}
	})
	return l, nil
}

// write takes lines until the log is closed; after an error they are dropped.
func (l *requestLog) write() (failed error) {
	buf := bufio.NewWriter(l.file)
	enc := json.NewEncoder(buf)
	add := func(line logLine) {
		if failed == nil {
			failed = enc.Encode(&line)
		}
		if len(l.lines) == 0 && failed == nil {
			failed = buf.Flush()
		}
		if failed != nil {
			l.dropped.Add(1)
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
			return failed
		}
	}
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
