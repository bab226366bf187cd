package controller

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// row is a device as the database has it. A row is never changed once made:
// whoever looks at one while the next is read sees the old one whole.
type row struct {
	Device
	created, revoked, online, since, returns int64
}

// roster is every device in memory, decoded: a query looks at all of them, and
// reading each report anew for it costs a hundred times the comparison. What
// has changed is read again, by the count that the database keeps.
type roster struct {
	store *store

	mu    sync.Mutex
	upTo  int64  // count of the newest change that rows has
	rows  []*row // by id; the slice is replaced, not written to
	texts map[string]string
}

const rowColumns = `d.created, d.not_after, d.revoked, d.labels, d.online, d.since, d.seen, d.reported, d.reported_at, d.returns`

// all returns the devices as they are now, by id.
func (r *roster) all(ctx context.Context) ([]*row, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	read := r.renew
	if r.rows == nil {
		read = r.load
	}
	if err := read(ctx); err != nil {
		return nil, err
	}
	return r.rows, nil
}

// load reads all of them. What changes meanwhile has a higher count.
func (r *roster) load(ctx context.Context) error {
	var upTo int64
	if err := r.store.db.QueryRowContext(ctx, `SELECT coalesce(max(n), 0) FROM changes`).Scan(&upTo); err != nil {
		return err
	}
	rows, err := r.store.db.QueryContext(ctx, `SELECT d.id, d.id, 0, `+rowColumns+` FROM devices d ORDER BY d.id`)
	if err != nil {
		return err
	}
	all := []*row{}
	err = r.scan(rows, func(_ string, x *row, _ int64) { all = append(all, x) })
	if err == nil {
		slices.SortFunc(all, byID) // a database may sort text its own way
		r.rows, r.upTo = all, upTo
	}
	return err
}

// renew reads what has changed.
func (r *roster) renew(ctx context.Context) error {
	rows, err := r.store.db.QueryContext(ctx, `SELECT c.device, d.id, c.n, `+rowColumns+` FROM changes c LEFT JOIN devices d ON d.id = c.device WHERE c.n > $1 ORDER BY c.n`, r.upTo)
	if err != nil {
		return err
	}
	upTo, news := r.upTo, map[string]*row{}
	err = r.scan(rows, func(id string, x *row, n int64) { upTo, news[id] = n, x })
	if err != nil || len(news) == 0 {
		return err
	}
	all := make([]*row, 0, len(r.rows)+len(news))
	for _, x := range r.rows {
		now, changed := news[x.ID]
		delete(news, x.ID)
		if !changed {
			all = append(all, x)
		} else if now != nil {
			all = append(all, now)
		}
	}
	added := 0
	for _, x := range news {
		if x != nil {
			all, added = append(all, x), added+1
		}
	}
	if added > 0 {
		slices.SortFunc(all, byID)
	}
	r.rows, r.upTo = all, upTo
	return nil
}

func byID(a, b *row) int { return cmp.Compare(a.ID, b.ID) }

// scan passes each row on; nil for a device that is no more.
func (r *roster) scan(rows *sql.Rows, use func(id string, x *row, n int64)) error {
	defer rows.Close()
	for rows.Next() {
		var id string
		var still sql.NullString
		var n int64
		var v rowValues
		if err := rows.Scan(append([]any{&id, &still, &n}, v.places()...)...); err != nil {
			return err
		}
		if !still.Valid {
			use(id, nil, n)
			continue
		}
		x, err := v.row(id)
		if err != nil {
			return err
		}
		r.share(x)
		use(id, x, n)
	}
	return rows.Err()
}

// rowValues are rowColumns on their way out of the database.
type rowValues struct {
	created, notAfter, revoked, online, since, seen, reportedAt, returns sql.NullInt64
	labels, reported                                                     sql.NullString
}

func (v *rowValues) places() []any {
	return []any{&v.created, &v.notAfter, &v.revoked, &v.labels, &v.online, &v.since, &v.seen, &v.reported, &v.reportedAt, &v.returns}
}

func (v *rowValues) row(id string) (*row, error) {
	x := &row{created: v.created.Int64, revoked: v.revoked.Int64, online: v.online.Int64, since: v.since.Int64, returns: v.returns.Int64}
	x.ID, x.Enrolled = id, fromMS(x.created)
	x.CertEnds, x.Seen, x.ReportedAt = fromMS(v.notAfter.Int64), fromMS(v.seen.Int64), fromMS(v.reportedAt.Int64)
	if err := json.Unmarshal([]byte(v.labels.String), &x.Labels); err != nil {
		return nil, err
	}
	if v.reported.String == "" {
		return x, nil
	}
	x.Reported = &fleet.Reported{}
	return x, json.Unmarshal([]byte(v.reported.String), x.Reported)
}

// maxShared bounds the texts that are kept once for all devices.
const maxShared = 100_000

// share lets the texts that most devices have in common be one in memory.
func (r *roster) share(x *row) {
	if len(r.texts) > maxShared || r.texts == nil {
		r.texts = map[string]string{}
	}
	one := func(all ...*string) {
		for _, s := range all {
			if have, ok := r.texts[*s]; ok {
				*s = have
			} else {
				r.texts[*s] = *s
			}
		}
	}
	p := x.Reported
	if p == nil {
		return
	}
	one(&p.Version, &p.Board.Model, &p.Board.Arch, &p.Board.Tier)
	for i := range p.Pipelines {
		q := &p.Pipelines[i]
		one(&q.Name, &q.Bundle, &q.Version, &q.Digest, &q.State, &q.Label)
	}
	for i := range p.Slots {
		s := &p.Slots[i]
		one(&s.Slot, &s.State, &s.Active, &s.Loaded, &s.Candidate, &s.Version, &s.Refused)
	}
}

// follow keeps the roster fresh until ctx ends: who asks after an hour of quiet
// would wait for an hour's changes otherwise.
func (c *Controller) follow(ctx context.Context) {
	for ; ctx.Err() == nil; pauseFor(ctx, time.Second) {
		if _, err := c.roster.all(ctx); err != nil && ctx.Err() == nil {
			c.log.Error("read the devices", "err", err)
		}
	}
}

// see is a device at this moment: its state depends on the time.
func (c *Controller) see(x *row) Device {
	d := x.Device
	d.State, d.Reason, d.Since = c.state(d, x.created, x.revoked, x.online, x.since)
	if x.returns >= cloned && d.State != "revoked" {
		d.State, d.Reason = "degraded", "two machines use its identity: revoke it, enrol each under a name of its own"
	}
	return d
}
