package controller

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// TestGather: chunks wait for each other a moment and not longer, nobody waits
// for a hello, and a batch has its bound.
func TestGather(t *testing.T) {
	up, hello := message{name: fleet.TopicUp}, message{name: fleet.TopicHello}
	for _, c := range []struct {
		what  string
		first message
		later []message // 5 ms apart
		want  int
		takes time.Duration
	}{
		{"one chunk", up, nil, 1, gatherFor},
		{"chunks", up, []message{up, up}, 3, gatherFor},
		{"chunks without end", up, []message{up, up, up, up, up, up}, 4, gatherFor},
		{"a hello", hello, []message{up}, 1, 0},
		{"a hello among chunks", up, []message{up, hello, up}, 3, 10 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := &Controller{inbox: make(chan message, 10)}
			var all sync.WaitGroup
			defer all.Wait()
			all.Go(func() {
				for _, m := range c.later {
					time.Sleep(5 * time.Millisecond)
					r.inbox <- m
				}
			})
			begun := time.Now()
			if got := len(r.gather(c.first)); got != c.want && (c.want != 4 || got != 5) { // the fourth and the end come at once
				t.Errorf("%s: %d messages, want %d", c.what, got, c.want)
			}
			if took := time.Since(begun); took != c.takes {
				t.Errorf("%s: took %s, want %s", c.what, took, c.takes)
			}
		})
	}
	r := &Controller{inbox: make(chan message, 3*batch)}
	for range 3 * batch {
		r.inbox <- up
	}
	if got := len(r.gather(up)); got != batch {
		t.Errorf("%d messages", got)
	}
}
