package controller

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/ota/release"
)

// nudge lets the rollouts look at once.
func (c *Controller) nudge() {
	select {
	case c.moved <- struct{}{}:
	default:
	}
}

// rollouts moves the running assignments until ctx ends. Each step is one
// transaction over what the database says, so that a kill at any point leaves
// nothing half done.
func (c *Controller) rollouts(ctx context.Context) {
	t := time.NewTicker(c.cfg.Tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-c.moved:
		}
		if err := c.tick(ctx); err != nil && ctx.Err() == nil {
			c.log.Error("rollouts", "err", err)
		}
	}
}

func (c *Controller) tick(ctx context.Context) error {
	// A broker that dies takes the wills of its clients with it.
	if err := c.lead(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE devices SET online = 0, since = seen WHERE online = 1 AND seen < $1`, ms(c.now().Add(-c.cfg.Stale)))
		return err
	}); err != nil {
		return err
	}
	rows, err := c.store.db.QueryContext(ctx, `SELECT id FROM assignments WHERE state IN ('running', 'paused')`)
	if err != nil {
		return err
	}
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			rows.Close()
			return err
		}
		ids = append(ids, id)
	}
	if err := rows.Close(); err != nil {
		return err
	}
	for _, id := range ids {
		if err := c.move(ctx, id); err != nil {
			return fmt.Errorf("assignment %s: %w", id, err)
		}
	}
	return nil
}

// move takes an assignment one step on.
func (c *Controller) move(ctx context.Context, id string) error {
	var send []string
	err := c.lead(ctx, func(tx *sql.Tx) error {
		a, err := scanAssignment(tx.QueryRowContext(ctx, `SELECT `+assignmentColumns+` FROM assignments WHERE id = $1`, id))
		if err != nil {
			return err
		}
		r := rollout{Assignment: a, ctx: ctx, tx: tx, now: c.now(), c: c}
		g, left, err := r.look()
		if err != nil || a.State != "running" {
			return err
		}
		send, err = r.step(g, left)
		return err
	})
	if err == nil {
		c.tell(send...)
	}
	return err
}

// A rollout is an assignment at work in a transaction.
type rollout struct {
	*Assignment
	ctx context.Context
	tx  *sql.Tx
	now time.Time
	c   *Controller
}

func (r *rollout) exec(query string, args ...any) (int64, error) {
	done, err := r.tx.ExecContext(r.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return done.RowsAffected()
}

// look counts what has become of the devices, and adds their new results to
// the tally. A device that is offline, or has not heard of the assignment, is
// never a failure; one that comes back has the whole time to decide once more.
// left is how many are neither done nor failed.
func (r *rollout) look() (g gate, left int, err error) {
	why := "no result within " + r.timeout.String()
	late, err := r.devices(`UPDATE assigned SET state = 'failed', since = $1, reason = $4 WHERE assignment = $2 AND state = 'updating' AND since < $3
		AND EXISTS (SELECT 1 FROM devices d WHERE d.id = assigned.device AND d.online = 1 AND d.since < $3) RETURNING device`, ms(r.now), r.ID, ms(r.now.Add(-r.timeout)), why)
	if err != nil {
		return g, 0, err
	}
	for _, id := range late {
		if err := audit(r.ctx, r.tx, r.now, "controller", "device.failed", id, "assignment "+r.ID+": "+why); err != nil {
			return g, 0, err
		}
	}
	if err := r.c.countAssigned(r.ctx, r.tx, r.Assignment); err != nil {
		return g, 0, err
	}
	g = gate{soak: r.soak}
	for state, n := range r.Devices {
		if state != "superseded" && state != "gone" {
			g.total += n
		}
	}
	if err := r.judge(g.total); err != nil {
		return g, 0, err
	}
	g.tally = r.gate
	wave := r.Sizes[r.Wave]
	g.fresh, g.quiet = wave["failed"], wave["done"]+wave["failed"] == 0
	newest := r.since
	if at := fromMS(r.gate.Newest); at.After(newest) {
		newest = at
	}
	g.soaked = r.now.Sub(newest)
	if len(wave) == lost(wave) { // nobody to hear of, nothing to soak
		g.quiet, g.soaked = false, r.soak
	}
	g.open, err = r.atIt()
	return g, g.total - r.Devices["done"] - r.Devices["failed"], err
}

// lost counts the states of a wave whose devices count no more.
func lost(w map[string]int) (n int) {
	for _, state := range []string{"superseded", "gone"} {
		if w[state] > 0 {
			n++
		}
	}
	return n
}

// judge adds the results that are new to the tally.
func (r *rollout) judge(total int) error {
	rows, err := r.tx.QueryContext(r.ctx, `SELECT device, wave, state, since FROM assigned WHERE assignment = $1 AND judged = 0 AND state IN ('done', 'failed') ORDER BY since, device`, r.ID)
	if err != nil {
		return err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var device, state string
		var wave int
		var since int64
		if err := rows.Scan(&device, &wave, &state, &since); err != nil {
			return err
		}
		n++
		r.gate.add(state == "failed", total)
		if wave == r.Wave {
			r.gate.Newest = max(r.gate.Newest, since)
		}
	}
	if err := rows.Err(); err != nil || n == 0 {
		return err
	}
	// In the same order as above, or SQLite walks through all who are done.
	if _, err := r.exec(`UPDATE assigned SET judged = 1 WHERE assignment = $1 AND device IN
		(SELECT device FROM assigned WHERE assignment = $1 AND judged = 0 AND state IN ('done', 'failed') ORDER BY since, device)`, r.ID); err != nil {
		return err
	}
	return r.keepGate()
}

func (r *rollout) keepGate() error {
	text, err := json.Marshal(r.gate)
	if err != nil {
		return err
	}
	_, err = r.exec(`UPDATE assignments SET gate = $1 WHERE id = $2`, string(text), r.ID)
	return err
}

// atIt counts the devices that have not decided, if one of them is connected.
func (r *rollout) atIt() (int, error) {
	n := r.Devices["sent"] + r.Devices["updating"]
	if n == 0 {
		return 0, nil
	}
	some, err := r.devices(`SELECT a.device FROM assigned a JOIN devices d ON d.id = a.device WHERE a.assignment = $1 AND a.state IN ('sent', 'updating') AND +d.online = 1 LIMIT 1`, r.ID)
	return n * len(some), err
}

// step judges the open wave and acts. It returns the devices to tell.
func (r *rollout) step(g gate, left int) ([]string, error) {
	v, why := g.judge()
	last := r.Wave == len(r.Waves)-1
	waiting := 0
	for wave := 0; wave <= r.Wave; wave++ {
		waiting += r.Sizes[wave]["waiting"]
	}
	switch {
	case v == abort:
		return r.abort("controller", why, true)
	case waiting > 0:
		return r.dispatch(waiting)
	case v == ask && !last:
		return nil, r.set("paused", why+": dunlin-fleet assignment promote, or abort", "controller")
	case (v == promote || v == ask) && last && left == 0:
		return nil, r.set("done", why, "controller")
	case (v == promote || v == ask) && last:
		return nil, r.say(fmt.Sprintf("all that could be reached run it; %d devices are still to come", left))
	case v == promote:
		return nil, r.open(r.Wave+1, why, "controller")
	}
	return nil, r.say(why)
}

// atOnce bounds the devices that one step gives their new assignment.
const atOnce = 500

// dispatch gives devices of the open waves their new assignment, with what they
// ran before kept for the way back.
func (r *rollout) dispatch(waiting int) ([]string, error) {
	const these = `IN (SELECT device FROM assigned WHERE assignment = $1 AND state = 'sending')`
	for _, q := range []struct {
		query string
		args  []any
	}{
		{`UPDATE assigned SET state = 'sending' WHERE assignment = $1 AND device IN
			(SELECT device FROM assigned WHERE assignment = $1 AND state = 'waiting' AND wave <= $2 ORDER BY wave, device LIMIT $3)`, []any{r.ID, r.Wave, atOnce}},
		{`UPDATE assigned SET state = 'superseded', since = $3 WHERE state IN ('sent', 'updating') AND assignment != $1
			AND (assignment, device) IN (SELECT assignment, device FROM desired WHERE slot = $2 AND device ` + these + `)`, []any{r.ID, r.Slot, ms(r.now)}},
		{`UPDATE devices SET desired_n = ` + nextNumber("$2") + ` WHERE id ` + these, []any{r.ID, r.c.firstNumber()}},
		{`INSERT INTO desired (device, slot, target, length, sha256, assignment)
			SELECT device, $2, target, length, sha256, assignment FROM assigned WHERE assignment = $1 AND state = 'sending'
			ON CONFLICT (device, slot) DO UPDATE SET target = excluded.target, length = excluded.length, sha256 = excluded.sha256, assignment = excluded.assignment`,
			[]any{r.ID, r.Slot}},
	} {
		if _, err := r.exec(q.query, q.args...); err != nil {
			return nil, err
		}
	}
	// The plus keeps SQLite from walking through all who are online.
	send, err := r.devices(`SELECT id FROM devices WHERE +online = 1 AND id `+these, r.ID)
	if err != nil {
		return nil, err
	}
	if _, err := r.exec(`UPDATE assigned SET state = 'sent', since = $3,
		previous = coalesce((SELECT active FROM slots s WHERE s.device = assigned.device AND s.slot = $2), ''),
		n = coalesce((SELECT desired_n FROM devices WHERE id = assigned.device), 0)
		WHERE assignment = $1 AND state = 'sending'`, r.ID, r.Slot, ms(r.now)); err != nil {
		return nil, err
	}
	if waiting > atOnce {
		r.c.nudge()
		return send, r.say(fmt.Sprintf("wave %d of %d: %d devices are still to be told", r.Wave+1, len(r.Waves), waiting-atOnce))
	}
	return send, r.say(fmt.Sprintf("wave %d of %d sent", r.Wave+1, len(r.Waves)))
}

func (r *rollout) devices(query string, args ...any) ([]string, error) {
	return texts(r.tx.QueryContext(r.ctx, query, args...))
}

// say keeps what goes on, for people; it is no event.
func (r *rollout) say(reason string) error {
	if reason == r.Reason {
		return nil
	}
	_, err := r.exec(`UPDATE assignments SET reason = $1, updated = $2 WHERE id = $3`, reason, ms(r.now), r.ID)
	return err
}

// set changes the state, which is an event.
func (r *rollout) set(state, reason, author string) error {
	if _, err := r.exec(`UPDATE assignments SET state = $1, reason = $2, updated = $3 WHERE id = $4`, state, reason, ms(r.now), r.ID); err != nil {
		return err
	}
	return audit(r.ctx, r.tx, r.now, author, "assignment."+state, r.ID, reason)
}

// open begins a wave.
func (r *rollout) open(wave int, why, author string) error {
	r.gate.Newest = 0
	if err := r.keepGate(); err != nil {
		return err
	}
	if _, err := r.exec(`UPDATE assignments SET state = 'running', wave = $1, wave_since = $2, reason = $3, updated = $2 WHERE id = $4`, wave, ms(r.now), why, r.ID); err != nil {
		return err
	}
	r.c.nudge()
	return audit(r.ctx, r.tx, r.now, author, "assignment.promote", r.ID, fmt.Sprintf("wave %d of %d: %s", wave+1, len(r.Waves), why))
}

// abort ends an assignment. Devices that have not finished go back to what
// they were assigned before; with revert, those that run it do too.
func (r *rollout) abort(author, why string, revert bool) ([]string, error) {
	states := `('sent', 'updating', 'failed')`
	if revert {
		states = `('sent', 'updating', 'failed', 'done')`
	}
	affected := `assignment = $1 AND state IN ` + states + ` AND EXISTS (SELECT 1 FROM desired d WHERE d.device = assigned.device AND d.slot = $2 AND d.assignment = $1)`
	send, err := r.devices(`SELECT device FROM assigned WHERE `+affected+` AND device IN (SELECT id FROM devices WHERE online = 1)`, r.ID, r.Slot)
	if err != nil {
		return nil, err
	}
	previous, err := r.devices(`SELECT DISTINCT previous FROM assigned WHERE `+affected, r.ID, r.Slot)
	if err != nil {
		return nil, err
	}
	if _, err := r.exec(`UPDATE devices SET desired_n = `+nextNumber("$3")+` WHERE id IN (SELECT device FROM assigned WHERE `+affected+`)`, r.ID, r.Slot, r.c.firstNumber()); err != nil {
		return nil, err
	}
	for _, sha := range previous {
		if err := r.back(sha, affected); err != nil {
			return nil, err
		}
	}
	return send, r.set("aborted", why, author)
}

// back lets the affected devices that ran the artifact of a digest before run it again. One
// that is not released (any more) cannot be assigned: its devices keep what
// they have.
func (r *rollout) back(sha, affected string) error {
	old, found, err := r.before(sha)
	if err != nil {
		return err
	}
	if found {
		_, err := r.exec(`UPDATE desired SET target = $3, length = $4, sha256 = $5, assignment = 'back:' || $1
			WHERE slot = $2 AND assignment = $1 AND device IN (SELECT device FROM assigned WHERE `+affected+` AND previous = $5)`,
			r.ID, r.Slot, old.Path, old.Length, old.SHA256)
		return err
	}
	_, err = r.exec(`DELETE FROM desired WHERE slot = $2 AND assignment = $1 AND device IN (SELECT device FROM assigned WHERE `+affected+` AND previous = $3)`, r.ID, r.Slot, sha)
	return err
}

// before finds what devices ran, by its digest.
func (r *rollout) before(sha string) (release.Released, bool, error) {
	if r.Slot == fleet.TuningSlot {
		return r.oldTuning(sha)
	}
	repo, err := r.c.repository()
	if err != nil {
		return release.Released{}, false, err
	}
	all := repo.Released()
	i := slices.IndexFunc(all, func(x release.Released) bool { return x.SHA256 == sha && sha != "" })
	if i < 0 {
		return release.Released{}, false, nil
	}
	return all[i], true, nil
}

// Steer changes the course of an assignment: pause, resume, promote (to the
// next wave, whatever the gate says), abort (going back) or abandon (aborting,
// with what runs left running).
func (c *Controller) Steer(ctx context.Context, author, id, what string) (*Assignment, error) {
	if _, err := c.Assignment(ctx, id); err != nil {
		return nil, err
	}
	var send []string
	err := c.store.tx(ctx, func(tx *sql.Tx) error {
		a, err := scanAssignment(tx.QueryRowContext(ctx, `SELECT `+assignmentColumns+` FROM assignments WHERE id = $1`, id))
		if err != nil {
			return err
		}
		r := rollout{Assignment: a, ctx: ctx, tx: tx, now: c.now(), c: c}
		if a.State != "running" && a.State != "paused" {
			return problem(409, "the assignment is "+a.State, "begin a new one")
		}
		switch what {
		case "pause":
			return r.set("paused", "paused by "+author, author)
		case "resume":
			return r.set("running", "resumed by "+author, author)
		case "promote":
			if a.Wave == len(a.Waves)-1 {
				return problem(409, "the last wave is open already", "")
			}
			return r.open(a.Wave+1, "promoted by "+author, author)
		case "abort", "abandon":
			send, err = r.abort(author, what+"ed by "+author, what == "abort")
			return err
		}
		return problem(400, fmt.Sprintf("%.40q is nothing that an assignment can do", what), "pause, resume, promote, abort or abandon")
	})
	if err != nil {
		return nil, err
	}
	c.tell(send...)
	c.nudge()
	return c.Assignment(ctx, id)
}
