package controller

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// errPending tells a device that somebody has to allow it first.
var errPending = problem(403, "this device waits until somebody allows it", "dunlin-fleet allow, on the controller's machine")

// maxPending bounds what a token that has leaked can make the controller keep.
const maxPending = 10_000

// A Waiting device has asked to enrol with a token that enrols only devices
// that were allowed.
type Waiting struct {
	Device string    `json:"device"`
	Key    string    `json:"key"` // sha256 of its public key, as the device's log shows it
	Asked  time.Time `json:"asked"`
}

// allowed returns the labels of a device that was allowed. Of another it is
// noted that it asks; the first key that asks for a name keeps it.
func (c *Controller) allowed(ctx context.Context, tx *sql.Tx, id, key, token, labels string) (string, error) {
	var more string
	err := tx.QueryRowContext(ctx, `SELECT labels FROM allowed WHERE device = $1`, id).Scan(&more)
	if err == nil {
		if err := theSameKey(ctx, tx, id, key); err != nil {
			return "", err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM pending WHERE device = $1`, id); err != nil {
			return "", err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM allowed WHERE device = $1`, id) // once
		return merged(labels, more), err
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return "", err
	}
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM pending`).Scan(&n); err != nil {
		return "", err
	}
	if n >= maxPending {
		return "", problem(503, "too many devices wait to be allowed", "")
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO pending (device, key_hash, token, at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (device) DO UPDATE SET at = CASE WHEN pending.key_hash = excluded.key_hash THEN excluded.at ELSE pending.at END`, id, key, token, ms(c.now())); err != nil {
		return "", err
	}
	return "", errPending
}

// theSameKey refuses a key that is not the one which somebody saw and allowed.
func theSameKey(ctx context.Context, tx *sql.Tx, id, key string) error {
	var asked string
	err := tx.QueryRowContext(ctx, `SELECT key_hash FROM pending WHERE device = $1`, id).Scan(&asked)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // it was allowed before it asked
	}
	if err == nil && asked != key {
		err = problem(409, fmt.Sprintf("another machine asked for the name %s first", id), "dunlin-fleet allow rm "+id+" forgets it")
	}
	return err
}

// merged joins two sets of labels; the second wins.
func merged(labels, more string) string {
	all := map[string]string{}
	_ = json.Unmarshal([]byte(labels), &all) // we wrote both
	_ = json.Unmarshal([]byte(more), &all)
	out, _ := json.Marshal(all)
	return string(out)
}

// Allow lets devices enrol that wait for it, or that will.
func (c *Controller) Allow(ctx context.Context, author string, devices []string, labels map[string]string) error {
	text, err := json.Marshal(orEmpty(labels))
	if err != nil {
		return err
	}
	if len(devices) == 0 || len(devices) > 10_000 {
		return problem(400, "1 to 10,000 devices", "")
	}
	now := c.now()
	return c.store.tx(ctx, func(tx *sql.Tx) error {
		for _, id := range devices {
			if err := fleet.CheckID(id); err != nil {
				return problem(400, err.Error(), "")
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO allowed (device, labels, author, at) VALUES ($1, $2, $3, $4)
				ON CONFLICT (device) DO UPDATE SET labels = excluded.labels, author = excluded.author, at = excluded.at`, id, string(text), author, ms(now)); err != nil {
				return err
			}
		}
		return audit(ctx, tx, now, author, "device.allow", devices[0], fmt.Sprintf("%d devices %s", len(devices), text))
	})
}

// Disallow takes an allowance back, and forgets that a device has asked.
func (c *Controller) Disallow(ctx context.Context, author, id string) error {
	return c.store.tx(ctx, func(tx *sql.Tx) error {
		for _, table := range []string{"allowed", "pending"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE device = $1`, id); err != nil {
				return err
			}
		}
		return audit(ctx, tx, c.now(), author, "device.disallow", id, "")
	})
}

// Pending returns the devices that wait to be allowed, by name, after one.
func (c *Controller) Pending(ctx context.Context, after string, limit int) ([]Waiting, error) {
	rows, err := c.store.db.QueryContext(ctx, `SELECT device, key_hash, at FROM pending WHERE device > $1 ORDER BY device LIMIT $2`, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []Waiting{}
	for rows.Next() {
		var w Waiting
		var at int64
		if err := rows.Scan(&w.Device, &w.Key, &at); err != nil {
			return nil, err
		}
		w.Asked = fromMS(at)
		all = append(all, w)
	}
	return all, rows.Err()
}
