package controller

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// Device is what the controller knows of a device.
type Device struct {
	ID         string            `json:"id"`
	State      string            `json:"state"` // online, updating, degraded, offline, never-seen, revoked
	Reason     string            `json:"reason,omitempty"`
	Since      time.Time         `json:"since"` // of the state; enrolment where never seen
	Seen       time.Time         `json:"seen,omitzero"`
	Enrolled   time.Time         `json:"enrolled"`
	Labels     map[string]string `json:"labels"`
	CertEnds   time.Time         `json:"certificate_not_after"`
	Reported   *fleet.Reported   `json:"reported,omitempty"`
	ReportedAt time.Time         `json:"reported_at,omitzero"`
}

// reported is what the device said last; empty before it has.
func (d *Device) reported() fleet.Reported {
	if d.Reported == nil {
		return fleet.Reported{}
	}
	return *d.Reported
}

// label is a label given here, or else one of the device's own configuration.
func (d *Device) label(name string) string {
	if v, ok := d.Labels[name]; ok {
		return v
	}
	return d.reported().Labels[name]
}

func (d *Device) pipeline(name, field string) string {
	for _, p := range d.reported().Pipelines {
		if p.Name == name {
			return map[string]string{"bundle": p.Bundle, "version": p.Version, "sha256": p.Digest, "state": p.State, "label": p.Label}[field]
		}
	}
	return ""
}

// loaded is the digest of what a slot runs.
func (d *Device) loaded(slot string) string {
	for _, s := range d.reported().Slots {
		if s.Slot == slot && s.Loaded != "" {
			return s.Loaded
		}
	}
	return d.pipeline(slot, "sha256")
}

// eachDevice calls use for every device, in order.
func (c *Controller) eachDevice(ctx context.Context, use func(*Device)) error {
	all, err := c.roster.all(ctx)
	if err != nil {
		return err
	}
	for _, x := range all {
		d := c.see(x)
		use(&d)
	}
	return nil
}

// Find returns the devices that a query chooses, by id, after one, at most limit.
func (c *Controller) Find(ctx context.Context, query, after string, limit int) ([]Device, error) {
	q, err := c.query(ctx, query)
	if err != nil {
		return nil, err
	}
	all, err := c.roster.all(ctx)
	if err != nil {
		return nil, err
	}
	begin, known := slices.BinarySearchFunc(all, after, func(x *row, id string) int { return cmp.Compare(x.ID, id) })
	if known {
		begin++
	}
	found := []Device{}
	for _, x := range all[begin:] {
		if d := c.see(x); q.match(&d) {
			if found = append(found, d); len(found) == limit {
				break
			}
		}
	}
	return found, nil
}

// Device returns one device.
func (c *Controller) Device(ctx context.Context, id string) (Device, error) {
	var v rowValues
	err := c.store.db.QueryRowContext(ctx, `SELECT `+rowColumns+` FROM devices d WHERE id = $1`, id).Scan(v.places()...)
	if errors.Is(err, sql.ErrNoRows) {
		return Device{}, problem(404, "no device "+id, "dunlin-fleet devices lists them")
	}
	if err != nil {
		return Device{}, err
	}
	x, err := v.row(id)
	if err != nil {
		return Device{}, err
	}
	return c.see(x), nil
}

// state says how a device is, in words that hold: a connection that the broker
// has not declared dead counts only while the device speaks.
func (c *Controller) state(d Device, created, revoked, online, since int64) (state, reason string, at time.Time) {
	switch {
	case revoked != 0:
		return "revoked", "its certificate was revoked", fromMS(revoked)
	case d.Seen.IsZero():
		return "never-seen", "it has enrolled but never connected", fromMS(created)
	case online == 0:
		return "offline", "its connection ended", fromMS(since)
	case c.now().Sub(d.Seen) > c.cfg.Stale:
		return "offline", "no word for " + c.cfg.Stale.String(), d.Seen
	}
	if !d.CertEnds.IsZero() && c.now().After(d.CertEnds.Add(-renewLate)) {
		return "degraded", "its certificate ends on " + d.CertEnds.Format(time.DateOnly) + ", and it has not renewed it", fromMS(since)
	}
	if d.Reported != nil {
		for _, p := range d.Reported.Pipelines {
			if p.State == "failed" {
				return "degraded", "pipeline " + p.Name + ": " + p.Reason, fromMS(since)
			}
		}
		if len(d.Reported.Problems) > 0 {
			return "degraded", d.Reported.Problems[0], fromMS(since)
		}
		for _, s := range d.Reported.Slots {
			if s.Refused != "" {
				what := "pipeline " + s.Slot
				switch s.Slot {
				case programSlot:
					what = "the agent's program"
				case fleet.TuningSlot:
					what = "its tuning"
				}
				return "degraded", what + ": refused an update: " + s.Reason, fromMS(since)
			}
		}
		for _, s := range d.Reported.Slots {
			if s.Candidate != "" {
				return "updating", "pipeline " + s.Slot + " to " + s.Version + ": " + s.State, fromMS(since)
			}
		}
	}
	return "online", "", fromMS(since)
}

// Wants returns what a device should run.
func (c *Controller) Wants(ctx context.Context, device string) ([]fleet.Item, error) {
	d, err := c.desired(ctx, device)
	return d.Items, err
}

// ClassCount is how often a bundle on a pipeline decided for a class.
type ClassCount struct {
	Pipeline string  `json:"pipeline"`
	Model    string  `json:"model"`            // sha256 of the bundle
	Bundle   string  `json:"bundle,omitempty"` // name@version, where it is released here
	Class    int     `json:"class"`
	Label    string  `json:"label,omitempty"` // likewise
	N        int64   `json:"n"`
	Score    float64 `json:"score"` // mean
}

// Classes counts the decisions of a device over the last hours, by pipeline,
// bundle and class.
func (c *Controller) Classes(ctx context.Context, device string, hours int) ([]ClassCount, error) {
	rows, err := c.store.db.QueryContext(ctx, `SELECT pipeline, model, class, sum(n), sum(score) / sum(n) FROM results_hourly WHERE device = $1 AND hour > $2
		GROUP BY pipeline, model, class ORDER BY pipeline, model, class`, device, c.now().Unix()/3600-int64(hours))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all, known := []ClassCount{}, c.releasedBundles()
	for rows.Next() {
		var x ClassCount
		if err := rows.Scan(&x.Pipeline, &x.Model, &x.Class, &x.N, &x.Score); err != nil {
			return nil, err
		}
		is := known[x.Model]
		if x.Bundle = is.name; x.Class >= 0 && x.Class < len(is.labels) {
			x.Label = is.labels[x.Class]
		}
		all = append(all, x)
	}
	return all, rows.Err()
}

// Ledger accounts for one epoch of a device's telemetry, as committed here.
type Ledger struct {
	Epoch     uint32            `json:"epoch"`
	Hi        uint64            `json:"hi"`    // all numbers below are accounted for
	Holes     int               `json:"holes"` // ranges above hi
	Delivered uint64            `json:"delivered"`
	Expired   uint64            `json:"expired"` // of the delivered: erased by age
	Gaps      map[string]uint64 `json:"gaps"`    // numbers declared to hold no record, by reason
}

// Ledgers returns the accounts of a device, by epoch.
func (c *Controller) Ledgers(ctx context.Context, id string) ([]Ledger, error) {
	rows, err := c.store.db.QueryContext(ctx, `SELECT epoch, hi, rest, expired, delivered, (SELECT coalesce(sum(count), 0) FROM gaps WHERE gaps.device = ranges.device AND gaps.epoch = ranges.epoch)
		FROM ranges WHERE device = $1 ORDER BY epoch`, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []Ledger{}
	var odd []int
	for rows.Next() {
		l := Ledger{Gaps: map[string]uint64{}}
		var have committed
		var hi int64
		var rest string
		var lacking uint64
		if err := rows.Scan(&l.Epoch, &hi, &rest, &l.Expired, &l.Delivered, &lacking); err != nil {
			return nil, err
		}
		if err := have.read(id, hi, rest); err != nil {
			return nil, err
		}
		l.Hi, l.Holes = have.Hi, len(have.Rest)
		if l.Delivered+lacking != have.total() {
			odd = append(odd, len(all))
		}
		all = append(all, l)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	for i := range all {
		if err := c.gapsOf(ctx, id, &all[i]); err != nil {
			return nil, err
		}
	}
	for _, i := range odd {
		if err := c.recount(ctx, id, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// recount counts an epoch's records one by one, where their sum is not what is
// committed: a controller of the version before does not keep it. What stays
// odd then is.
func (c *Controller) recount(ctx context.Context, id string, l *Ledger) error {
	var kept uint64
	err := c.store.db.QueryRowContext(ctx, `SELECT expired, delivered, expired + (SELECT coalesce(sum(count), 0) FROM chunks WHERE chunks.device = ranges.device AND chunks.epoch = ranges.epoch)
		FROM ranges WHERE device = $1 AND epoch = $2`, id, l.Epoch).Scan(&l.Expired, &kept, &l.Delivered)
	if err != nil || kept == l.Delivered {
		return err
	}
	c.log.Warn("records counted again", "device", id, "epoch", l.Epoch, "kept", kept, "counted", l.Delivered)
	_, err = c.store.db.ExecContext(ctx, `UPDATE ranges SET delivered = $1 WHERE device = $2 AND epoch = $3 AND delivered = $4`, l.Delivered, id, l.Epoch, kept)
	return err
}

func (c *Controller) gapsOf(ctx context.Context, id string, l *Ledger) error {
	rows, err := c.store.db.QueryContext(ctx, `SELECT reason, sum(count) FROM gaps WHERE device = $1 AND epoch = $2 GROUP BY reason`, id, l.Epoch)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var reason string
		var n uint64
		if err := rows.Scan(&reason, &n); err != nil {
			return err
		}
		l.Gaps[reason] = n
	}
	return rows.Err()
}

// Totals are what an overview shows.
type Totals struct {
	Fleet   string         `json:"fleet"`
	Version string         `json:"version"`
	Devices map[string]int `json:"devices"` // by state
	Chunks  uint64         `json:"chunks"`  // since start, as all below
	Records uint64         `json:"records"`
	Repeat  uint64         `json:"repeated_chunks"`
	Refused uint64         `json:"refused_messages"`
	Failed  uint64         `json:"failed_messages"`
	Overrun uint64         `json:"overrun_messages"`
	Broker  bool           `json:"broker_connected"`
}

// Totals counts devices and messages.
func (c *Controller) Totals(ctx context.Context) (Totals, error) {
	t := Totals{Fleet: c.cfg.Fleet, Version: c.cfg.Version, Devices: map[string]int{}}
	if err := c.eachDevice(ctx, func(d *Device) { t.Devices[d.State]++ }); err != nil {
		return t, err
	}
	s := &c.stats
	t.Chunks, t.Records, t.Repeat, t.Refused, t.Failed, t.Overrun = s.chunks.Load(), s.records.Load(), s.repeated.Load(), s.refused.Load(), s.failed.Load(), s.overrun.Load()
	c.mu.Lock()
	t.Broker = c.link != nil
	c.mu.Unlock()
	return t, nil
}
