package uplink

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// commandTime bounds how long one command runs.
const commandTime = 2 * time.Minute

// work carries commands out, one at a time, and tells a new connection how the
// last ones ended.
func (u *Uplink) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-u.queue:
			u.command(ctx, c)
		case <-u.fresh:
			for _, e := range u.journal.recent(u.cfg.Now().Add(-time.Hour)) {
				u.answer(ctx, fleet.Result{ID: e.ID, State: e.State, Error: e.Error})
			}
		}
	}
}

// command runs a command unless it ran already or is too late.
func (u *Uplink) command(ctx context.Context, c fleet.Command) {
	known, err := u.journal.begin(c, u.cfg.Now())
	switch {
	case err != nil: // not written down, so it may not run
		u.answer(ctx, fleet.Result{ID: c.ID, State: fleet.StateFailed, Error: "command journal: " + err.Error()})
		return
	case known != nil:
		u.answer(ctx, fleet.Result{ID: c.ID, State: known.State, Error: known.Error})
		return
	}
	r := fleet.Result{ID: c.ID, State: fleet.StateFailed}
	do := u.cfg.Commands[c.Name]
	switch {
	case u.cfg.Now().After(c.NotAfter):
		r.Error = "it arrived after its not_after"
	case do == nil:
		r.Error = fmt.Sprintf("unknown command; this agent knows %s", strings.Join(slices.Sorted(maps.Keys(u.cfg.Commands)), ", "))
	default:
		u.answer(ctx, fleet.Result{ID: c.ID, State: fleet.StateAccepted})
		r = u.run(ctx, c, do)
	}
	if ctx.Err() != nil {
		return // stopped in the middle: the next start says interrupted
	}
	if err := u.journal.end(r, u.cfg.Now()); err != nil {
		u.log.Error("command journal", "err", err)
	}
	u.log.Info("command", "command", c.Name, "id", c.ID, "state", string(r.State), "err", r.Error)
	u.answer(ctx, r)
}

// run calls do, whose panic is the command's failure alone.
func (u *Uplink) run(ctx context.Context, c fleet.Command, do Do) (r fleet.Result) {
	r = fleet.Result{ID: c.ID, State: fleet.StateFailed}
	defer func() {
		if p := recover(); p != nil {
			r.State, r.Output, r.Error = fleet.StateFailed, nil, fmt.Sprintf("panic: %.200v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	out, err := do(ctx, c.Args)
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
