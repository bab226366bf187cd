package controller

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// A Wave is a part of the devices, counted from the first: a number, or a
// share in percent.
type Wave struct {
	Count   int     `json:"count,omitempty"`
	Percent float64 `json:"percent,omitempty"`
}

func (w Wave) size(n int) int {
	if w.Count > 0 {
		return min(w.Count, n)
	}
	return int(math.Ceil(w.Percent * float64(n) / 100))
}

// DefaultWaves are one device, a tenth, a half, all.
var defaultWaves = []Wave{{Count: 1}, {Percent: 10}, {Percent: 50}, {Percent: 100}}

// Defaults of an assignment.
const (
	defaultSoak    = 10 * time.Minute
	defaultTimeout = time.Hour
)

// AssignmentOptions describe an assignment. Zero values mean the defaults: one
// device, 10 %, 50 % and all; 10 minutes of soak; an hour to decide.
type AssignmentOptions struct {
	Target  string        // path of a released bundle, or agent/VERSION for all its variants
	Tuning  []byte        // instead of a target: what the fleet tunes, JSON of fleet.Tuning
	Slot    string        // pipeline on the devices; empty: the bundle's name
	Query   string        // which devices; empty: all
	Waves   []Wave        // rising, the last is 100 %
	Soak    time.Duration // from a wave's last result to the next wave
	Timeout time.Duration // for a device that has heard of it and is online
}

// Assignment is a bundle on its way to devices, wave by wave.
type Assignment struct {
	ID      string           `json:"id"`
	Bundle  string           `json:"bundle"` // name@version
	Target  string           `json:"target"`
	SHA256  string           `json:"sha256"`
	Slot    string           `json:"slot"`
	Query   string           `json:"query"`
	Waves   []Wave           `json:"waves"`
	Wave    int              `json:"wave"` // the one that is open, from 0
	State   string           `json:"state"`
	Reason  string           `json:"reason"`
	Soak    string           `json:"soak"`
	Timeout string           `json:"timeout"`
	Author  string           `json:"author"`
	Created time.Time        `json:"created"`
	Updated time.Time        `json:"updated"`
	Devices map[string]int   `json:"devices"`          // by state
	Sizes   []map[string]int `json:"wave_devices"`     // of each wave, by state
	Tuning  *fleet.Tuning    `json:"tuning,omitempty"` // what it is, where it is no bundle; not in lists

	length        int64
	soak, timeout time.Duration
	since         time.Time // of the wave
	gate          tally
}

// Assign begins to bring a bundle to devices.
func (c *Controller) Assign(ctx context.Context, author string, o AssignmentOptions) (*Assignment, error) {
	if o.Soak == 0 {
		o.Soak = defaultSoak
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Soak < 0 || o.Timeout < 0 || o.Soak > 90*24*time.Hour || o.Timeout > 90*24*time.Hour {
		return nil, problem(400, "soak and timeout: up to 90 days", "")
	}
	p, err := c.Plan(ctx, o)
	if err != nil {
		return nil, err
	}
	id, now := newID(6), c.now()
	waves, err := json.Marshal(p.waves)
	if err != nil {
		return nil, err
	}
	err = c.store.tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO assignments (id, slot, target, length, sha256, bundle, query, waves, soak, timeout, state, reason, wave, wave_since, author, created, updated)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'running', '', 0, $11, $12, $11, $11)`,
			id, p.Slot, p.target.Path, p.target.Length, p.target.SHA256, p.Bundle, p.query.String(), string(waves),
			o.Soak.Milliseconds(), o.Timeout.Milliseconds(), ms(now), author); err != nil {
			return err
		}
		if err := first(p.keepTuning(ctx, tx), place(ctx, tx, id, p, now)); err != nil {
			return err
		}
		detail := fmt.Sprintf("%s to %s of %d devices, %q", p.Bundle, p.Slot, len(p.fit), p.query)
		if p.Forced != "" {
			detail += "; " + p.Forced
		}
		return audit(ctx, tx, now, author, "assignment.create", id, detail)
	})
	if err != nil {
		return nil, err
	}
	c.nudge()
	return c.Assignment(ctx, id)
}

// place gives each device its wave.
func place(ctx context.Context, tx *sql.Tx, id string, p *Plan, now time.Time) error {
	insert, err := tx.PrepareContext(ctx, `INSERT INTO assigned (assignment, device, wave, state, since, target, length, sha256) VALUES ($1, $2, $3, 'waiting', $4, $5, $6, $7)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	at, wave := 0, 0
	for _, d := range p.fit {
		for at == p.Waves[wave] {
			wave, at = wave+1, 0
		}
		at++
		if _, err := insert.ExecContext(ctx, id, d.id, wave, ms(now), d.target.Path, d.target.Length, d.target.SHA256); err != nil {
			return err
		}
	}
	return nil
}

const assignmentColumns = `id, slot, target, length, sha256, bundle, query, waves, soak, timeout, state, reason, wave, wave_since, author, created, updated, gate`

func scanAssignment(row interface{ Scan(...any) error }) (*Assignment, error) {
	a := &Assignment{Devices: map[string]int{}}
	var waves, gate string
	var soak, timeout, since, created, updated int64
	if err := row.Scan(&a.ID, &a.Slot, &a.Target, &a.length, &a.SHA256, &a.Bundle, &a.Query, &waves, &soak, &timeout, &a.State, &a.Reason, &a.Wave, &since, &a.Author, &created, &updated, &gate); err != nil {
		return nil, err
	}
	a.soak, a.timeout, a.since = time.Duration(soak)*time.Millisecond, time.Duration(timeout)*time.Millisecond, fromMS(since)
	a.Soak, a.Timeout, a.Created, a.Updated = a.soak.String(), a.timeout.String(), fromMS(created), fromMS(updated)
	if gate != "" {
		if err := json.Unmarshal([]byte(gate), &a.gate); err != nil {
			return nil, err
		}
	}
	return a, json.Unmarshal([]byte(waves), &a.Waves)
}

// Assignment returns one assignment.
func (c *Controller) Assignment(ctx context.Context, id string) (*Assignment, error) {
	a, err := scanAssignment(c.store.db.QueryRowContext(ctx, `SELECT `+assignmentColumns+` FROM assignments WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, problem(404, fmt.Sprintf("no assignment %.64q", id), "dunlin-fleet assignments lists them")
	}
	if err != nil {
		return nil, err
	}
	if a.Slot == fleet.TuningSlot {
		if a.Tuning, err = c.tuningOf(ctx, a.SHA256); err != nil {
			return nil, err
		}
	}
	return a, c.countAssigned(ctx, c.store.db, a)
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (c *Controller) countAssigned(ctx context.Context, db querier, a *Assignment) error {
	rows, err := db.QueryContext(ctx, `SELECT wave, state, count(*) FROM assigned WHERE assignment = $1 GROUP BY wave, state`, a.ID)
	if err != nil {
		return err
	}
	defer rows.Close()
	clear(a.Devices)
	a.Sizes = make([]map[string]int, len(a.Waves))
	for i := range a.Sizes {
		a.Sizes[i] = map[string]int{}
	}
	for rows.Next() {
		var wave, n int
		var state string
		if err := rows.Scan(&wave, &state, &n); err != nil {
			return err
		}
		a.Devices[state] += n
		if wave < len(a.Sizes) {
			a.Sizes[wave][state] += n
		}
	}
	return rows.Err()
}

// cursor is where the page after this one begins.
func (a *Assignment) cursor() string { return fmt.Sprintf("%d-%s", ms(a.Created), a.ID) }

// Assignments returns the newest assignments, at most limit.
func (c *Controller) Assignments(ctx context.Context, limit int) ([]*Assignment, error) {
	return c.assignmentsAfter(ctx, "", limit)
}

// assignmentsAfter returns those behind a cursor, the newest first.
func (c *Controller) assignmentsAfter(ctx context.Context, after string, limit int) ([]*Assignment, error) {
	created, id := int64(math.MaxInt64), ""
	if after != "" {
		text, rest, _ := strings.Cut(after, "-")
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, problem(400, "after: not from a page before", "")
		}
		created, id = n, rest
	}
	rows, err := c.store.db.QueryContext(ctx, `SELECT `+assignmentColumns+` FROM assignments WHERE created < $1 OR created = $1 AND id > $2 ORDER BY created DESC, id LIMIT $3`, created, id, limit)
	if err != nil {
		return nil, err
	}
	all := []*Assignment{}
	for rows.Next() {
		a, err := scanAssignment(rows)
		if err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		all = append(all, a)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for _, a := range all {
		if err := c.countAssigned(ctx, c.store.db, a); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// AssignedDevice is a device of an assignment.
type AssignedDevice struct {
	Device string    `json:"device"`
	Wave   int       `json:"wave"`
	State  string    `json:"state"`
	Reason string    `json:"reason,omitempty"`
	Since  time.Time `json:"since"`
	Slot   string    `json:"slot_state,omitempty"` // as the device says
}

// AssignedDevices returns the devices of an assignment after an id, at most limit.
func (c *Controller) AssignedDevices(ctx context.Context, id, after string, limit int) ([]AssignedDevice, error) {
	rows, err := c.store.db.QueryContext(ctx, `SELECT a.device, a.wave, a.state, CASE WHEN a.reason = '' THEN coalesce(s.reason, '') ELSE a.reason END, a.since, coalesce(s.state, '')
		FROM assigned a JOIN assignments x ON x.id = a.assignment LEFT JOIN slots s ON s.device = a.device AND s.slot = x.slot
		WHERE a.assignment = $1 AND a.device > $2 ORDER BY a.device LIMIT $3`, id, after, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []AssignedDevice{}
	for rows.Next() {
		var d AssignedDevice
		var since int64
		if err := rows.Scan(&d.Device, &d.Wave, &d.State, &d.Reason, &since, &d.Slot); err != nil {
			return nil, err
		}
		d.Since = fromMS(since)
		all = append(all, d)
	}
	return all, rows.Err()
}
