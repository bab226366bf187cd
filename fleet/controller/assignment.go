package controller

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/ota/bundle"
	"github.com/dunlin-edge/dunlin/ota/release"
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
	Target  string        // path of a released bundle
	Slot    string        // pipeline on the devices; empty: the bundle's name
	Query   string        // which devices; empty: all
	Waves   []Wave        // rising, the last is 100 %
	Soak    time.Duration // from a wave's last result to the next wave
	Timeout time.Duration // for a device that has heard of it and is online
}

// Assignment is a bundle on its way to devices, wave by wave.
type Assignment struct {
	ID      string         `json:"id"`
	Bundle  string         `json:"bundle"` // name@version
	Target  string         `json:"target"`
	SHA256  string         `json:"sha256"`
	Slot    string         `json:"slot"`
	Query   string         `json:"query"`
	Waves   []Wave         `json:"waves"`
	Wave    int            `json:"wave"` // the one that is open, from 0
	State   string         `json:"state"`
	Reason  string         `json:"reason"`
	Soak    string         `json:"soak"`
	Timeout string         `json:"timeout"`
	Author  string         `json:"author"`
	Created time.Time      `json:"created"`
	Updated time.Time      `json:"updated"`
	Devices map[string]int `json:"devices"` // by state
	Sizes   []WaveCount    `json:"wave_devices"`

	length        int64
	soak, timeout time.Duration
	since         time.Time // of the wave
}

// WaveCount counts the devices of one wave by state.
type WaveCount map[string]int

// A Plan is what an assignment would do.
type Plan struct {
	Bundle string            `json:"bundle"`
	Slot   string            `json:"slot"`
	Waves  []int             `json:"waves"`             // new devices in each
	Cannot map[string]string `json:"cannot,omitempty"`  // devices that the query chose and that cannot run it: why
	Same   int               `json:"already,omitempty"` // devices of Waves that run it now
	fit    []string          // in the order of the waves
	target release.Released
	waves  []Wave
	query  Query
}

// Plan tells what an assignment would do, before anything is sent.
func (c *Controller) Plan(ctx context.Context, o AssignmentOptions) (*Plan, error) {
	q, err := ParseQuery(o.Query)
	if err != nil {
		return nil, err
	}
	p := &Plan{Cannot: map[string]string{}, query: q, waves: o.Waves}
	if len(p.waves) == 0 {
		p.waves = defaultWaves
	}
	if err := checkWaves(p.waves); err != nil {
		return nil, err
	}
	repo, err := c.repository()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(repo.Released(), func(r release.Released) bool { return r.Path == o.Target })
	if i < 0 {
		return nil, problem(404, fmt.Sprintf("%.200q is not released", o.Target), "dunlin-fleet releases lists what is; dunlin-fleet publish releases a bundle")
	}
	p.target = repo.Released()[i]
	if p.target.Custom.Kind != "bundle" {
		return nil, problem(400, o.Target+" is no bundle", "")
	}
	p.Bundle = p.target.Custom.Name + "@" + p.target.Custom.Version
	if p.Slot = o.Slot; p.Slot == "" {
		p.Slot = p.target.Custom.Name
	}
	needs, err := requirements(repo, p.target)
	if err != nil {
		return nil, err
	}
	if err := c.choose(ctx, p, needs); err != nil {
		return nil, err
	}
	if len(p.fit) == 0 {
		hint := "dunlin-fleet devices --query QUERY shows what a query chooses"
		if len(p.Cannot) > 0 {
			hint = "see why in cannot: each has its reason"
		}
		return p, problem(400, fmt.Sprintf("the query chooses no device that could run %s; %d cannot", p.Bundle, len(p.Cannot)), hint)
	}
	at := 0
	for _, w := range p.waves {
		n := max(w.size(len(p.fit)), at)
		p.Waves = append(p.Waves, n-at)
		at = n
	}
	return p, nil
}

// ParseWaves reads waves as people write them: "1,10%,50%,100%". The empty
// text means the default.
func ParseWaves(text string) ([]Wave, error) {
	var all []Wave
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" && text == "" {
			return nil, nil
		}
		var w Wave
		var err error
		if share, ok := strings.CutSuffix(part, "%"); ok {
			w.Percent, err = strconv.ParseFloat(strings.TrimSpace(share), 64)
		} else {
			w.Count, err = strconv.Atoi(part)
		}
		if err != nil {
			return nil, problem(400, fmt.Sprintf("wave %.40q is no number and no share", part), "write them like 1,10%,50%,100%")
		}
		all = append(all, w)
	}
	return all, checkWaves(all)
}

func checkWaves(waves []Wave) error {
	const hint = `write them rising and ending with all, like 1,10%,50%,100%`
	if len(waves) > 20 {
		return problem(400, "more than 20 waves", hint)
	}
	count, percent := 0, 0.0
	for _, w := range waves {
		switch {
		case w.Count < 0 || w.Percent < 0 || w.Percent > 100 || (w.Count > 0) == (w.Percent > 0) || math.IsNaN(w.Percent):
			return problem(400, "a wave is a number of devices or a share up to 100 %", hint)
		case w.Count > 0 && (w.Count <= count || percent > 0), w.Percent > 0 && w.Percent <= percent:
			return problem(400, "the waves do not rise", hint)
		}
		count, percent = max(count, w.Count), max(percent, w.Percent)
	}
	if percent != 100 {
		return problem(400, "the last wave is not 100 %", hint)
	}
	return nil
}

// requirements reads what a released bundle asks of a board.
func requirements(repo *release.Repo, r release.Released) (*bundle.Requires, error) {
	file, err := repo.File(r)
	if err != nil {
		return nil, err
	}
	b, err := bundle.Open(file)
	if err != nil {
		return nil, problem(409, "the released bundle cannot be read here: "+err.Error(), "")
	}
	defer b.Close()
	if r := b.Manifest().Requires; r != nil {
		return r, nil
	}
	return &bundle.Requires{}, nil
}

// choose sorts the devices of the query into those that may run the target and
// those that cannot.
func (c *Controller) choose(ctx context.Context, p *Plan, needs *bundle.Requires) error {
	err := c.eachDevice(ctx, func(d *Device) {
		if d.State == "revoked" || !p.query.Match(d) {
			return
		}
		if why := cannot(d, p.Slot, needs); why != "" {
			p.Cannot[d.ID] = why
			return
		}
		if d.pipeline(p.Slot, "sha256") == p.target.SHA256 {
			p.Same++
		}
		p.fit = append(p.fit, d.ID)
	})
	salt := p.target.SHA256
	slices.SortFunc(p.fit, func(a, b string) int { return cmp.Or(cmp.Compare(bucket(salt, a), bucket(salt, b)), cmp.Compare(a, b)) })
	return err
}

// bucket places a device in the order of the waves, by chance but always the same.
func bucket(salt, device string) uint64 {
	sum := sha256.Sum256([]byte(salt + " " + device))
	return binary.BigEndian.Uint64(sum[:])
}

// cannot tells why a device could not run a bundle, as far as it has told of
// itself.
func cannot(d *Device, slot string, needs *bundle.Requires) string {
	if d.Reported == nil {
		return "" // it decides for itself, when it comes
	}
	r := d.Reported
	i := slices.IndexFunc(r.Slots, func(s slotReported) bool { return s.Slot == slot })
	switch {
	case i < 0 && d.pipeline(slot, "state") != "":
		return "its configuration does not let the fleet choose the bundle of pipeline " + slot + " (assigned: true)"
	case i < 0:
		return "it has no pipeline " + slot
	case needs.RAMBytes > 0 && r.Board.Memory > 0 && needs.RAMBytes > r.Board.Memory:
		return fmt.Sprintf("the bundle needs %d bytes of memory, the board has %d", needs.RAMBytes, r.Board.Memory)
	}
	return ""
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
	var raw [6]byte
	_, _ = rand.Read(raw[:]) // never fails
	id, now := hex.EncodeToString(raw[:]), c.now()
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
		if err := place(ctx, tx, id, p, now); err != nil {
			return err
		}
		return audit(ctx, tx, now, author, "assignment.create", id, fmt.Sprintf("%s to %s of %d devices, %q", p.Bundle, p.Slot, len(p.fit), p.query))
	})
	if err != nil {
		return nil, err
	}
	c.nudge()
	return c.Assignment(ctx, id)
}

// place gives each device its wave.
func place(ctx context.Context, tx *sql.Tx, id string, p *Plan, now time.Time) error {
	insert, err := tx.PrepareContext(ctx, `INSERT INTO assigned (assignment, device, wave, state, since) VALUES ($1, $2, $3, 'waiting', $4)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	at, wave := 0, 0
	for _, device := range p.fit {
		for at == p.Waves[wave] {
			wave, at = wave+1, 0
		}
		at++
		if _, err := insert.ExecContext(ctx, id, device, wave, ms(now)); err != nil {
			return err
		}
	}
	return nil
}

const assignmentColumns = `id, slot, target, length, sha256, bundle, query, waves, soak, timeout, state, reason, wave, wave_since, author, created, updated`

func scanAssignment(row interface{ Scan(...any) error }) (*Assignment, error) {
	a := &Assignment{Devices: map[string]int{}}
	var waves string
	var soak, timeout, since, created, updated int64
	if err := row.Scan(&a.ID, &a.Slot, &a.Target, &a.length, &a.SHA256, &a.Bundle, &a.Query, &waves, &soak, &timeout, &a.State, &a.Reason, &a.Wave, &since, &a.Author, &created, &updated); err != nil {
		return nil, err
	}
	a.soak, a.timeout, a.since = time.Duration(soak)*time.Millisecond, time.Duration(timeout)*time.Millisecond, fromMS(since)
	a.Soak, a.Timeout, a.Created, a.Updated = a.soak.String(), a.timeout.String(), fromMS(created), fromMS(updated)
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
	a.Sizes = make([]WaveCount, len(a.Waves))
	for i := range a.Sizes {
		a.Sizes[i] = WaveCount{}
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

// Assignments returns the newest assignments, at most limit.
func (c *Controller) Assignments(ctx context.Context, limit int) ([]*Assignment, error) {
	rows, err := c.store.db.QueryContext(ctx, `SELECT `+assignmentColumns+` FROM assignments ORDER BY created DESC, id LIMIT $1`, limit)
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
