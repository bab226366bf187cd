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
	for rows.Next() {
		var i fleet.Item
		if err := rows.Scan(&i.Slot, &i.Target, &i.Length, &i.SHA256); err != nil {
			return d, err
		}
		d.Items = append(d.Items, i)
	}
	return d, rows.Err()
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

// slots takes over what a device says of its slots.
func (b *ingestTx) slots(device string, r fleet.Reported) error {
	if _, err := b.tx.ExecContext(b.ctx, `DELETE FROM slots WHERE device = $1`, device); err != nil {
		return err
	}
	for _, s := range r.Slots {
		loaded := s.Loaded
		for _, p := range r.Pipelines {
			if p.Name == s.Slot {
				loaded = p.Digest
			}
		}
		if _, err := b.tx.ExecContext(b.ctx, `INSERT INTO slots (device, slot, loaded, active, refused, state, reason, n, updated) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
			ON CONFLICT (device, slot) DO NOTHING`, device, s.Slot, loaded, s.Active, s.Refused, s.State, s.Reason, numberOf(r.Seq), ms(b.now)); err != nil {
			return err
		}
	}
	return b.behind(device, r.Seq)
}
