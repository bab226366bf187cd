package fleet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// slowly is a connection whose writes take a while, and that counts them.
type slowly struct {
	net.Conn
	mu     sync.Mutex
	each   time.Duration
	fail   error
	writes int
	got    bytes.Buffer
	gone   chan struct{}
	once   sync.Once
	late   chan struct{} // closed by a deadline of reads
}

func newSlowly(each time.Duration) *slowly {
	return &slowly{each: each, gone: make(chan struct{}), late: make(chan struct{})}
}

func (s *slowly) SetReadDeadline(time.Time) error { close(s.late); return nil }
func (s *slowly) Read([]byte) (int, error) {
	select {
	case <-s.late:
		return 0, os.ErrDeadlineExceeded
	case <-s.gone:
		return 0, net.ErrClosed
	}
}

func (s *slowly) SetWriteDeadline(time.Time) error { return nil }
func (s *slowly) Close() error                     { s.once.Do(func() { close(s.gone) }); return nil }
func (s *slowly) Write(p []byte) (int, error) {
	select {
	case <-time.After(s.each):
	case <-s.gone:
		return 0, net.ErrClosed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	if s.fail != nil {
		return 0, s.fail
	}
	return s.got.Write(p)
}

// TestGather: all bytes arrive in order, in far fewer writes, also those that
// were written just before the end.
func TestGather(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlowly(time.Millisecond)
		g := gather(s, time.Second)
		const n = 10_000
		for i := range uint32(n) {
			if _, err := g.Write(binary.BigEndian.AppendUint32(nil, i)); err != nil {
				t.Fatal(err)
			}
			if i%100 == 0 {
				time.Sleep(100 * time.Microsecond)
			}
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		for i := range uint32(n) {
			if got := binary.BigEndian.Uint32(s.got.Next(4)); got != i {
				t.Fatalf("number %d is %d", i, got)
			}
		}
		if s.got.Len() > 0 || s.writes > n/100 {
			t.Errorf("%d bytes more; %d writes", s.got.Len(), s.writes)
		}
		if _, err := g.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// TestGatherBehind: who writes more than the network takes waits for it.
func TestGatherBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlowly(time.Second)
		g := gather(s, time.Minute)
		begun := time.Now()
		for range 5 {
			if _, err := g.Write(make([]byte, gatherMost+1)); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(begun); took < 3*time.Second {
			t.Errorf("took %s", took)
		}
		if most := cap(g.(*gatherer).queue); most > 4*gatherMost {
			t.Errorf("%d bytes wait", most)
		}
		g.Close()
	})
}

// TestGatherBroken: an error reaches the next writer, one that waits, and the reader.
func TestGatherBroken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlowly(time.Second)
		s.fail = os.ErrDeadlineExceeded
		g := gather(s, time.Second)
		var err error
		for range 3 { // the first is under way, the second fills the queue, the third waits
			if _, err = g.Write(make([]byte, gatherMost+1)); err == nil {
				synctest.Wait()
			}
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a writer that waits: %v", err)
		}
		if _, err := io.WriteString(g, "x"); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the next writer: %v", err)
		}
		// paho takes net.ErrClosed for its own doing, and would not say that it is lost.
		if _, err := g.Read(nil); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("its reader: %v", err)
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestGatherStuck: a network that takes nothing holds nobody at the end.
func TestGatherStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlowly(time.Hour)
		g := gather(s, time.Hour)
		if _, err := g.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		g.Close()
		if took := time.Since(begun); took > gatherEnd {
			t.Errorf("the end took %s", took)
		}
	})
}
