package agent

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/dunlin-edge/dunlin/agent/action"
)

// resultQueue is how many results wait for somebody who listens.
const resultQueue = 64

// An audience is who listens to a pipeline's results. Telling them neither
// waits nor allocates; who is too slow misses some.
type audience struct {
	mu   sync.Mutex
	list atomic.Pointer[[]chan action.Record]
}

// tell gives a record to everybody.
func (a *audience) tell(rec *action.Record) {
	list := a.list.Load()
	if list == nil {
		return
	}
	for _, c := range *list {
		select {
		case c <- *rec:
		default:
		}
	}
}

func (a *audience) change(edit func([]chan action.Record) []chan action.Record) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var now []chan action.Record
	if old := a.list.Load(); old != nil {
		now = append(now, *old...)
	}
	now = edit(now)
	if len(now) == 0 {
		a.list.Store(nil)
		return
	}
	a.list.Store(&now)
}

// Results hands out what a pipeline decides until ctx ends: every warm window
// and every change of a decision. Who takes them too slowly misses some. The
// error is a *RequestError where the pipeline does not exist.
func (a *Agent) Results(ctx context.Context, pipeline string) (<-chan action.Record, error) {
	r, err := a.runner(pipeline)
	if err != nil {
		return nil, err
	}
	c := make(chan action.Record, resultQueue)
	r.audience.change(func(list []chan action.Record) []chan action.Record { return append(list, c) })
	context.AfterFunc(ctx, func() {
		r.audience.change(func(list []chan action.Record) []chan action.Record {
			for i, x := range list {
				if x == c {
					return append(list[:i], list[i+1:]...)
				}
			}
			return list
		})
	})
	return c, nil
}
