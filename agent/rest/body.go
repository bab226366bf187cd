package rest

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dunlin-edge/dunlin/agent/serve"
)

// Sizes of a body's memory: it begins small, and only grows with what comes.
const (
	firstBody = 64 << 10
	keptBody  = 1 << 20 // larger ones are not kept for the next request
)

// bodies lends memory for what clients send, and bounds it for all of them
// together: a client that announces much and sends nothing holds little.
type bodies struct {
	limit int64 // of one body
	taken atomic.Int64
	pool  sync.Pool
}

// A body is borrowed memory with a request's body in it.
type body struct{ bytes []byte }

func (b *bodies) take(n int) error {
	if b.taken.Add(int64(n)) > maxAllBodies {
		b.taken.Add(-int64(n))
		return &serve.Error{Kind: serve.Overload, Text: "too many bytes are on their way from all clients together", Retry: time.Second}
	}
	return nil
}

// read reads a request's body. The result, which is never nil, is to be given
// back, also after an error.
func (b *bodies) read(w http.ResponseWriter, r *http.Request) (*body, error) {
	x, _ := b.pool.Get().(*body)
	if x == nil {
		x = &body{}
	}
	if err := b.take(cap(x.bytes)); err != nil {
		return &body{}, err
	}
	x.bytes = x.bytes[:0]
	if r.ContentLength > b.limit {
		return x, &http.MaxBytesError{Limit: b.limit}
	}
	src := http.MaxBytesReader(w, r.Body, b.limit)
	for {
		if len(x.bytes) == cap(x.bytes) {
			if err := b.grow(x, r.ContentLength); err != nil {
				return x, err
			}
		}
		n, err := src.Read(x.bytes[len(x.bytes):cap(x.bytes)])
		x.bytes = x.bytes[:len(x.bytes)+n]
		if errors.Is(err, io.EOF) || err == nil && int64(len(x.bytes)) == r.ContentLength {
			return x, nil
		}
		var long *http.MaxBytesError
		if errors.As(err, &long) {
			return x, err
		}
		if err != nil {
			return x, &statusError{http.StatusBadRequest, "body: " + err.Error()}
		}
	}
}

// grow doubles a body's memory.
func (b *bodies) grow(x *body, announced int64) error {
	size := max(firstBody, 2*cap(x.bytes))
	if announced >= 0 && announced < int64(size) {
		size = int(announced) + 1
	}
	if err := b.take(size - cap(x.bytes)); err != nil {
		return err
	}
	more := make([]byte, len(x.bytes), size)
	copy(more, x.bytes)
	x.bytes = more
	return nil
}

func (b *bodies) giveBack(x *body) {
	b.taken.Add(-int64(cap(x.bytes)))
	if cap(x.bytes) <= keptBody {
		b.pool.Put(x)
	}
}
