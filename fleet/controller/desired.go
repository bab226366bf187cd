package controller

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

type slotReported = fleet.SlotReported

// firstTerm is that of a new controller. It rises when a backup is restored.
const firstTerm = 1

// A number orders assignments as the database keeps them: the term in the upper
// 32 bits, the count in the lower.
func seqOf(number int64) fleet.Seq {
	return fleet.Seq{Term: uint32(number >> 32), N: uint32(number)}
}

func numberOf(s fleet.Seq) int64 { return int64(s.Term)<<32 | int64(s.N) }

// nextNumber is the SQL for the number after a device's newest, of a term
// whose first number is the parameter.
func nextNumber(first string) string {
	return `CASE WHEN desired_n < ` + first + ` THEN ` + first + ` ELSE desired_n + 1 END`
}

// firstNumber is the first of this controller's term.
func (c *Controller) firstNumber() int64 { return c.term.Load()<<32 + 1 }

// desiredLife is how long a device may begin what it is told. The end is kept
// to whole days, so that the same assignment sent again has the same text.
const desiredLife = 8 * 24 * time.Hour

// tell queues devices that are to be told what they should run. What is lost
// with the process, their next report asks for.
func (c *Controller) tell(devices ...string) {
	if len(devices) == 0 {
		return
	}
	c.mu.Lock()
	c.untold = append(c.untold, devices...)
	c.mu.Unlock()
	select {
	case c.untell <- struct{}{}:
	default: // it will look
	}
}

// teller works the queue off until ctx ends.
func (c *Controller) teller(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.untell:
		}
		c.mu.Lock()
		devices := c.untold
		c.untold = nil
		c.mu.Unlock()
		c.sendDesired(ctx, devices...)
	}
}

// sendDesired tells devices what they should run.
func (c *Controller) sendDesired(ctx context.Context, devices ...string) {
	for _, id := range devices {
		d, err := c.desired(ctx, id)
		if err != nil {
			c.log.Error("desired", "device", id, "err", err)
			continue
		}
		if d.Seq == (fleet.Seq{}) {
			continue // nothing was ever assigned
		}
		c.send(ctx, id, fleet.TopicDesired, func() ([]byte, error) { return fleet.Sign(c.director, d) })
	}
}

func (c *Controller) desired(ctx context.Context, device string) (fleet.Desired, error) {
	d := fleet.Desired{Device: device, Fleet: c.cfg.Fleet, NotAfter: c.now().UTC().Truncate(24 * time.Hour).Add(desiredLife)}
	var n int64
	err := c.store.db.QueryRowContext(ctx, `SELECT desired_n FROM devices WHERE id = $1`, device).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return d, nil
	}
	if err != nil {
		return d, err
	}
	d.Seq = seqOf(n)
	rows, err := c.store.db.QueryContext(ctx, `SELECT slot, target, length, sha256 FROM desired WHERE device = $1 ORDER BY slot`, device)
	if err != nil {
		return d, err
	}
	defer rows.Close()
	tuning := ""
	for rows.Next() {
		var i fleet.Item
		if err := rows.Scan(&i.Slot, &i.Target, &i.Length, &i.SHA256); err != nil {
			return d, err
		}
		if i.Slot == fleet.TuningSlot {
			tuning = i.SHA256
			continue
		}
		d.Items = append(d.Items, i)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || tuning == "" {
		return d, err
	}
	d.Tuning, err = c.tuningOf(ctx, tuning)
	return d, err
}

// behind notes a device for a new assignment if it does not work towards its
// newest.
func (b *ingestTx) behind(device string, seq fleet.Seq) error {
	var n int64
	if err := b.tx.QueryRowContext(b.ctx, `SELECT desired_n FROM devices WHERE id = $1`, device).Scan(&n); err != nil {
		return err
	}
	if n > 0 && seq != seqOf(n) {
		b.old = append(b.old, device)
	}
	return nil
}

// slots takes over what a device says of its slots, where that is new.
func (b *ingestTx) slots(device string, r fleet.Reported) error {
	have, err := b.knownSlots(device)
	if err != nil {
		return err
	}
	for _, s := range r.Slots {
		now := slotRow{s.Loaded, s.Active, s.Refused, s.State, s.Reason, numberOf(r.Seq)}
		for _, p := range r.Pipelines {
			if p.Name == s.Slot {
				now.loaded = p.Digest
			}
		}
		before, known := have[s.Slot]
		delete(have, s.Slot)
		if known && before == now {
			continue
		}
		if _, err := b.tx.ExecContext(b.ctx, `INSERT INTO slots (device, slot, loaded, active, refused, state, reason, n, updated) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (device, slot) DO UPDATE SET loaded = excluded.loaded, active = excluded.active, refused = excluded.refused,
			state = excluded.state, reason = excluded.reason, n = excluded.n, updated = excluded.updated`,
			device, s.Slot, now.loaded, now.active, now.refused, now.state, now.reason, now.n, ms(b.now)); err != nil {
			return err
		}
		if err := b.advance(device, s.Slot, now); err != nil {
			return err
		}
	}
	for slot := range have { // it has them no more
		if _, err := b.tx.ExecContext(b.ctx, `DELETE FROM slots WHERE device = $1 AND slot = $2`, device, slot); err != nil {
			return err
		}
	}
	return b.behind(device, r.Seq)
}

// slotRow is what the database keeps of a slot.
type slotRow struct {
	loaded, active, refused, state, reason string
	n                                      int64 // of the assignment that the device works towards
}

func (b *ingestTx) knownSlots(device string) (map[string]slotRow, error) {
	rows, err := b.tx.QueryContext(b.ctx, `SELECT slot, loaded, active, refused, state, reason, n FROM slots WHERE device = $1`, device)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]slotRow{}
	for rows.Next() {
		var slot string
		var s slotRow
		if err := rows.Scan(&slot, &s.loaded, &s.active, &s.refused, &s.state, &s.reason, &s.n); err != nil {
			return nil, err
		}
		all[slot] = s
	}
	return all, rows.Err()
}

// advance takes a device's part in an assignment on by what it says of the slot.
func (b *ingestTx) advance(device, slot string, s slotRow) error {
	var id, sha, state string
	var n int64
	err := b.tx.QueryRowContext(b.ctx, `SELECT a.assignment, a.sha256, a.state, a.n FROM desired d JOIN assigned a ON a.assignment = d.assignment AND a.device = d.device
		WHERE d.device = $1 AND d.slot = $2 AND a.state IN ('sent', 'updating')`, device, slot).Scan(&id, &sha, &state, &n)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	next, reason := state, ""
	switch {
	case s.loaded == sha && s.active == sha:
		next = "done"
	case s.refused == sha:
		next, reason = "failed", s.reason
	case s.n >= n:
		next = "updating"
	}
	if next == state {
		return nil
	}
	if next == "failed" {
		if err := audit(b.ctx, b.tx, b.now, "device "+device, "device.failed", device, "assignment "+id+": "+reason); err != nil {
			return err
		}
	}
	_, err = b.tx.ExecContext(b.ctx, `UPDATE assigned SET state = $1, reason = $2, since = $3 WHERE assignment = $4 AND device = $5`, next, reason, ms(b.now), id, device)
	return err
}
