package serve

import (
	"sync"
	"sync/atomic"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/inference"
)

// A version is a servable with the sessions that requests share. At most as
// many exist as requests work at a time.
type version struct {
	*Servable
	budget  *atomic.Int64 // bytes that sessions may still take
	counter *counter

	mu          sync.Mutex
	sessions    []*inference.Session // that nobody uses
	classifiers []*agent.Classifier
	retired     bool
}

// arena is what a session takes.
func (v *version) arena() int64 { return v.Model.Footprint().ArenaBytes }

// charge takes n bytes from the budget.
func (v *version) charge(n int64) error {
	if v.budget.Add(-n) < 0 {
		v.budget.Add(n)
		return refuse(Memory, "model %s: a session takes %d bytes, serve.memory has no room for it", v.Name, n)
	}
	return nil
}

// session takes one that is free, or makes one.
func (v *version) session() (*inference.Session, error) {
	v.mu.Lock()
	if n := len(v.sessions); n > 0 {
		s := v.sessions[n-1]
		v.sessions = v.sessions[:n-1]
		v.mu.Unlock()
		return s, nil
	}
	v.mu.Unlock()
	if err := v.charge(v.arena()); err != nil {
		return nil, err
	}
	s, err := v.Model.NewSession()
	if err != nil {
		v.budget.Add(v.arena())
		return nil, refuse(Failed, "model %s: %v", v.Name, err)
	}
	return s, nil
}

// giveBack keeps a session for the next request, or lets it go.
func (v *version) giveBack(s *inference.Session) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.retired {
		v.budget.Add(v.arena())
		return
	}
	v.sessions = append(v.sessions, s)
}

// classifier is session for whole pipelines.
func (v *version) classifier() (*agent.Classifier, error) {
	if v.Unit == nil {
		return nil, refuse(Invalid, "model %s is a bare model file without a pipeline: send tensors", v.Name)
	}
	v.mu.Lock()
	if n := len(v.classifiers); n > 0 {
		c := v.classifiers[n-1]
		v.classifiers = v.classifiers[:n-1]
		v.mu.Unlock()
		return c, nil
	}
	v.mu.Unlock()
	if err := v.charge(v.arena()); err != nil {
		return nil, err
	}
	c, err := v.Unit.NewClassifier(true)
	if err != nil {
		v.budget.Add(v.arena())
		return nil, refuse(Failed, "model %s: %v", v.Name, err)
	}
	return c, nil
}

func (v *version) giveBackClassifier(c *agent.Classifier) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.retired {
		v.budget.Add(v.arena())
		return
	}
	v.classifiers = append(v.classifiers, c)
}

// retire lets go what nobody uses; what is in use follows when it comes back.
func (v *version) retire() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.retired = true
	v.budget.Add(int64(len(v.sessions)+len(v.classifiers)) * v.arena())
	v.sessions, v.classifiers = nil, nil
}
