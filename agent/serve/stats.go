package serve

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"
)

// Stats counts what was asked of one version of a model.
type Stats struct {
	Model, Version string
	Done           uint64 // answered
	Failed         uint64 // by the request's fault or the model's
	Refused        uint64 // for there was no room, or no time
	Waited, Ran    time.Duration
}

// A counter outlives the version it counts for, which may come back.
type counter struct {
	mu sync.Mutex
	Stats
}

func (c *counter) refused() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Refused++
}

func (c *counter) add(came, began time.Time, err error) {
	ended := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	var e *Error
	switch {
	case err == nil:
		c.Done++
	case errors.As(err, &e) && (e.Kind == Overload || e.Kind == Memory):
		c.Refused++
	default:
		c.Failed++
	}
	c.Waited += began.Sub(came)
	c.Ran += ended.Sub(began)
}

func (c *counter) read() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Stats
}

// counter returns that of a version. s.mu is held.
func (s *Server) counter(of *Servable) *counter {
	key := [2]string{of.Name, of.Version}
	c := s.counters[key]
	if c == nil {
		c = &counter{Stats: Stats{Model: of.Name, Version: of.Version}}
		s.counters[key] = c
	}
	return c
}

// Stats returns the counts of every version that was asked for, sorted.
func (s *Server) Stats() []Stats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := slices.Collect(maps.Values(s.counters))
	slices.SortFunc(list, func(a, b *counter) int { // names never change
		return cmp.Or(cmp.Compare(a.Model, b.Model), cmp.Compare(a.Version, b.Version))
	})
	all := make([]Stats, len(list))
	for i, c := range list {
		all[i] = c.read()
	}
	return all
}
