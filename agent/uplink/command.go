package uplink

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

const (
	commandTime = 2 * time.Minute // bounds a run where the command says nothing else
	maxBeside   = 4               // commands that run beside others
)

// work carries commands out, one at a time save for those that run beside, and
// tells a new connection how the last ones ended.
func (u *Uplink) work(ctx context.Context) {
	var beside sync.WaitGroup
	defer beside.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-u.queue:
			do, ok := u.begin(ctx, c)
			switch {
			case ok && do.Beside:
				u.beside <- struct{}{} // begin has seen that there is room
				beside.Go(func() {
					defer func() { <-u.beside }()
					u.finish(ctx, c, do)
				})
			case ok:
				u.finish(ctx, c, do)
			}
		case <-u.fresh:
			for _, e := range u.journal.recent(u.cfg.Now().Add(-time.Hour)) {
				u.answer(ctx, fleet.Result{ID: e.ID, State: e.State, Output: e.Output, Error: e.Error})
			}
		}
	}
}

// begin writes a command down and accepts it, unless it ran already, is too
// late or unknown.
func (u *Uplink) begin(ctx context.Context, c fleet.Command) (do Command, ok bool) {
	known, err := u.journal.begin(c, u.cfg.Now())
	switch {
	case err != nil: // not written down, so it may not run
		u.answer(ctx, fleet.Result{ID: c.ID, State: fleet.StateFailed, Error: "command journal: " + err.Error()})
		return do, false
	case known != nil:
		u.answer(ctx, fleet.Result{ID: c.ID, State: known.State, Output: known.Output, Error: known.Error})
		return do, false
	}
	do, found := u.cfg.Commands[c.Name]
	why := ""
	switch {
	case u.cfg.Now().After(c.NotAfter):
		why = "it arrived after its not_after"
	case !found:
		why = fmt.Sprintf("unknown command; this agent knows %s", strings.Join(slices.Sorted(maps.Keys(u.cfg.Commands)), ", "))
	case do.Beside && len(u.beside) == maxBeside:
		why = fmt.Sprintf("%d commands of its kind run already", maxBeside)
	default:
		u.answer(ctx, fleet.Result{ID: c.ID, State: fleet.StateAccepted})
		return do, true
	}
	u.end(ctx, c, fleet.Result{ID: c.ID, State: fleet.StateFailed, Error: why})
	return do, false
}

// finish runs a command that has begun.
func (u *Uplink) finish(ctx context.Context, c fleet.Command, do Command) {
	r := u.run(ctx, c, do)
	if ctx.Err() != nil {
		return // stopped in the middle: the next start says interrupted
	}
	u.end(ctx, c, r)
}

func (u *Uplink) end(ctx context.Context, c fleet.Command, r fleet.Result) {
	if err := u.journal.end(r, u.cfg.Now()); err != nil {
		u.log.Error("command journal", "err", err)
	}
	u.log.Info("command", "command", c.Name, "id", c.ID, "state", string(r.State), "err", r.Error)
	u.answer(ctx, r)
}

// run calls do, whose panic is the command's failure alone.
func (u *Uplink) run(ctx context.Context, c fleet.Command, do Command) (r fleet.Result) {
	r = fleet.Result{ID: c.ID, State: fleet.StateFailed}
	defer func() {
		if p := recover(); p != nil {
			r.State, r.Output, r.Error = fleet.StateFailed, nil, fmt.Sprintf("panic: %.200v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(do.Time, commandTime))
	defer cancel()
	out, err := do.Do(ctx, c.Args, func(progress any) {
		if data, err := json.Marshal(progress); err == nil {
			u.answer(ctx, fleet.Result{ID: c.ID, State: fleet.StateProgress, Output: data})
		}
	})
	if err != nil {
		r.Error = fmt.Sprintf("%.500s", err.Error())
		return r
	}
	data, err := json.Marshal(out)
	if err != nil {
		r.Error = err.Error()
		return r
	}
	r.State, r.Output = fleet.StateDone, data
	return r
}

// answer sends a result. One that is lost is asked for again, or told at the
// next connection.
func (u *Uplink) answer(ctx context.Context, r fleet.Result) {
	data, err := fleet.Encode(r)
	if err != nil { // such as an output that is too large
		r.State, r.Output, r.Error = fleet.StateFailed, nil, err.Error()
		if data, err = fleet.Encode(r); err != nil {
			u.log.Error("answer", "err", err)
			return
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := u.session.Publish(ctx, fleet.TopicRes, data); err != nil {
		u.log.Warn("answer not sent", "id", r.ID, "err", err)
	}
}
