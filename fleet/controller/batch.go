package controller

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// A Batch is one command to all devices that a query chose when it was given.
type Batch struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Author   string         `json:"author"`
	Created  time.Time      `json:"created"`
	NotAfter time.Time      `json:"not_after"`
	Devices  map[string]int `json:"devices"` // by state of their command
}

// CommandAll asks every device of a query to do something once.
func (c *Controller) CommandAll(ctx context.Context, author, text string, o CommandOptions) (Batch, error) {
	if err := o.validate(); err != nil {
		return Batch{}, err
	}
	q, err := c.query(ctx, text)
	if err != nil {
		return Batch{}, err
	}
	var ids []string
	if err := c.eachDevice(ctx, func(d *Device) {
		if d.State != "revoked" && q.match(d) {
			ids = append(ids, d.ID)
		}
	}); err != nil {
		return Batch{}, err
	}
	if len(ids) == 0 {
		return Batch{}, problem(400, "the query chooses no device", "dunlin-fleet devices --query QUERY shows what a query chooses")
	}
	batch := newID(8)
	err = c.store.tx(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			if _, err := c.addCommand(ctx, tx, author, id, batch, o); err != nil {
				return err
			}
		}
		return audit(ctx, tx, c.now(), author, "command."+o.Name, batch, fmt.Sprintf("to %d devices, %q %s", len(ids), q, o.Args))
	})
	if err != nil {
		return Batch{}, err
	}
	if err := c.sendOpen(ctx, "", time.Time{}); err != nil {
		c.log.Error("send commands", "batch", batch, "err", err)
	}
	return c.Batch(ctx, batch)
}

// Batch returns how far the commands of one batch are.
func (c *Controller) Batch(ctx context.Context, id string) (Batch, error) {
	b := Batch{ID: id, Devices: map[string]int{}}
	var created, notAfter int64
	err := c.store.db.QueryRowContext(ctx, `SELECT name, author, created, not_after FROM commands WHERE batch = $1 LIMIT 1`, id).Scan(&b.Name, &b.Author, &created, &notAfter)
	if errors.Is(err, sql.ErrNoRows) || id == "" {
		return b, problem(404, fmt.Sprintf("no batch of commands %.64q", id), "")
	}
	if err != nil {
		return b, err
	}
	b.Created, b.NotAfter = fromMS(created), fromMS(notAfter)
	rows, err := c.store.db.QueryContext(ctx, `SELECT state, count(*) FROM commands WHERE batch = $1 GROUP BY state`, id)
	if err != nil {
		return b, err
	}
	defer rows.Close()
	for rows.Next() {
		var state string
		var n int
		if err := rows.Scan(&state, &n); err != nil {
			return b, err
		}
		b.Devices[state] = n
	}
	return b, rows.Err()
}

// BatchCommands returns the commands of a batch by device, after one, at most limit.
func (c *Controller) BatchCommands(ctx context.Context, id, after string, limit int) ([]CommandStatus, error) {
	return c.commands(ctx, `WHERE batch = $1 AND device > $2 ORDER BY device LIMIT $3`, id, after, limit)
}

// Batches returns the newest batches of commands, at most limit.
func (c *Controller) Batches(ctx context.Context, limit int) ([]Batch, error) {
	ids, err := texts(c.store.db.QueryContext(ctx, `SELECT batch FROM commands WHERE batch != '' GROUP BY batch ORDER BY max(created) DESC, batch LIMIT $1`, limit))
	if err != nil {
		return nil, err
	}
	all := []Batch{}
	for _, id := range ids {
		b, err := c.Batch(ctx, id)
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	return all, nil
}
