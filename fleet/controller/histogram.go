package controller

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/ota/bundle"
	"github.com/dunlin-edge/dunlin/ota/release"
	"github.com/dunlin-edge/dunlin/telemetry"
	"github.com/dunlin-edge/dunlin/telemetry/drift"
)

// histograms adds the windows of a new chunk to their devices' days.
func (b *ingestTx) histograms(device string, chunk *telemetry.Chunk) error {
	edges := drift.Uniform()
	for _, e := range chunk.Events {
		if e.Code != telemetry.EventProfile {
			continue
		}
		w, err := drift.DecodeWindow([]byte(e.Text), &edges)
		if err != nil { // of another version, or damaged: the record itself is kept
			b.refuse(message{device: device, name: fleet.TopicUp, payload: []byte(e.Text)}, err)
			continue
		}
		if err := b.addWindow(device, w, chunk.Wall(e.Time).Unix()/86400, &edges); err != nil {
			return err
		}
	}
	return nil
}

func (b *ingestTx) addWindow(device string, w *drift.Window, day int64, edges *drift.Edges) error {
	model := hex.EncodeToString(w.Model[:])
	var have []byte
	err := b.tx.QueryRowContext(b.ctx, `SELECT profile FROM histograms WHERE device = $1 AND model = $2 AND pipeline = $3 AND day = $4`, device, model, w.Pipeline, day).Scan(&have)
	if err == nil {
		var before *drift.Profile
		if before, err = drift.Decode(have, edges); err == nil {
			err = w.Profile.Merge(before)
		}
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("histograms of %s: %w", device, err)
	}
	board, err := b.board(device)
	if err != nil {
		return err
	}
	_, err = b.tx.ExecContext(b.ctx, `INSERT INTO histograms (device, model, pipeline, day, board, profile) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (device, model, pipeline, day) DO UPDATE SET board = excluded.board, profile = excluded.profile`, device, model, w.Pipeline, day, board, w.Profile.Encode())
	return err
}

func (b *ingestTx) board(device string) (string, error) {
	var text string
	if err := b.tx.QueryRowContext(b.ctx, `SELECT reported FROM devices WHERE id = $1`, device).Scan(&text); err != nil || text == "" {
		return "", err
	}
	var r struct{ Board fleet.Board }
	err := json.Unmarshal([]byte(text), &r)
	return r.Board.Model, err
}

// A Cohort is the devices that run one bundle on one kind of board, and how far
// what they see together is from the bundle's reference.
type Cohort struct {
	Model     string         `json:"model"` // sha256 of the bundle
	Bundle    string         `json:"bundle,omitempty"`
	Board     string         `json:"board"`
	Pipeline  string         `json:"pipeline"`
	Devices   int            `json:"devices"`
	Decisions uint64         `json:"decisions"`
	Features  []FeatureDrift `json:"features"`
	Outliers  []Outlier      `json:"outliers"`
}

// FeatureDrift is one histogram of a cohort. PSI is absent without a reference.
type FeatureDrift struct {
	Name      string   `json:"name"`
	Counts    []uint32 `json:"counts"`
	Reference []uint32 `json:"reference,omitempty"`
	PSI       float64  `json:"psi,omitempty"`
	Floor     float64  `json:"floor,omitempty"` // that noise reaches once in a thousand
	Level     string   `json:"level"`           // quiet, warn, alarm; unknown without a reference
}

// An Outlier is a device that differs from its cohort more than the others do.
type Outlier struct {
	Device  string  `json:"device"`
	Feature string  `json:"feature"`
	PSI     float64 `json:"psi"`
	Limit   float64 `json:"limit"`
}

// Rules of what a histogram tells: below so many decisions nothing, and a
// device only among several.
const (
	judgedFrom  = 500
	fewestPeers = 5
	noise       = 0.001
	warnPSI     = 0.1
	alarmPSI    = 0.25
)

// member is one device of a cohort.
type member struct {
	device  string
	profile *drift.Profile
}

// Drift tells what the devices saw in the last days, by cohort; with a device
// what that one saw.
func (c *Controller) Drift(ctx context.Context, device string, days int) ([]Cohort, error) {
	members, err := c.members(ctx, device, c.now().Unix()/86400-int64(days))
	if err != nil {
		return nil, err
	}
	known := c.releasedBundles()
	all := []Cohort{}
	for key, devices := range members {
		whole := emptyProfile()
		for _, m := range devices {
			if err := whole.Merge(m.profile); err != nil {
				return nil, err
			}
		}
		is := known[key.model]
		x := Cohort{Model: key.model, Bundle: is.name, Board: key.board, Pipeline: key.pipeline, Devices: len(devices), Decisions: whole.N(), Outliers: outliers(devices, whole)}
		for _, f := range drift.Features() {
			x.Features = append(x.Features, against(f, whole, is.reference))
		}
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b Cohort) int {
		return cmp.Or(cmp.Compare(a.Pipeline, b.Pipeline), cmp.Compare(a.Model, b.Model), cmp.Compare(a.Board, b.Board))
	})
	return all, nil
}

type cohortKey struct{ model, board, pipeline string }

func emptyProfile() *drift.Profile {
	edges := drift.Uniform()
	return drift.NewProfile(&edges)
}

// members reads the days after one, added up by device; of one device where one
// is named.
func (c *Controller) members(ctx context.Context, device string, after int64) (map[cohortKey][]member, error) {
	of, args := "", []any{after}
	if device != "" {
		of, args = "AND device = $2 ", append(args, device)
	}
	rows, err := c.store.db.QueryContext(ctx, `SELECT device, model, board, pipeline, profile FROM histograms WHERE day > $1 `+of+`ORDER BY device`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[cohortKey][]member{}
	edges := drift.Uniform()
	for rows.Next() {
		var device string
		var key cohortKey
		var data []byte
		if err := rows.Scan(&device, &key.model, &key.board, &key.pipeline, &data); err != nil {
			return nil, err
		}
		p, err := drift.Decode(data, &edges)
		if err != nil {
			return nil, err
		}
		if have := all[key]; len(have) > 0 && have[len(have)-1].device == device {
			if err := have[len(have)-1].profile.Merge(p); err != nil {
				return nil, err
			}
			continue
		}
		all[key] = append(all[key], member{device, p})
	}
	return all, rows.Err()
}

// against compares a cohort's histogram with the reference.
func against(f drift.Feature, whole, reference *drift.Profile) FeatureDrift {
	d := FeatureDrift{Name: f.String(), Counts: whole.Counts(f), Level: "unknown"}
	if reference == nil || f == drift.Latency || sumOf(reference.Counts(f)) == 0 || sumOf(d.Counts) < judgedFrom {
		return d
	}
	d.Reference = reference.Counts(f)
	d.PSI = drift.PSI(d.Counts, d.Reference)
	d.Floor = drift.NoiseFloor(noise, len(d.Counts), sumOf(d.Counts), sumOf(d.Reference))
	switch {
	case d.PSI > max(alarmPSI, d.Floor):
		d.Level = "alarm"
	case d.PSI > max(warnPSI, d.Floor):
		d.Level = "warn"
	default:
		d.Level = "quiet"
	}
	return d
}

func sumOf(counts []uint32) (n uint64) {
	for _, x := range counts {
		n += uint64(x)
	}
	return n
}

// outliers are devices whose distance from their cohort is more than three
// deviations above the mean distance of the others, and no noise.
func outliers(devices []member, whole *drift.Profile) []Outlier {
	found := []Outlier{}
	for _, f := range drift.Features() {
		var at []float64
		var who []member
		for _, m := range devices {
			if m.profile.N() >= judgedFrom && f != drift.Latency {
				who, at = append(who, m), append(at, drift.PSI(m.profile.Counts(f), whole.Counts(f)))
			}
		}
		for i, psi := range at {
			mean, deviation := spread(at, i)
			floor := drift.NoiseFloor(noise, len(whole.Counts(f)), sumOf(who[i].profile.Counts(f)), sumOf(whole.Counts(f)))
			if limit := max(mean+3*deviation, floor, warnPSI); len(at) >= fewestPeers && psi > limit {
				found = append(found, Outlier{who[i].device, f.String(), psi, limit})
			}
		}
	}
	return found
}

// spread is the mean and the standard deviation of all values but one.
func spread(values []float64, without int) (mean, deviation float64) {
	n := float64(len(values) - 1)
	for i, v := range values {
		if i != without {
			mean += v / n
		}
	}
	for i, v := range values {
		if i != without {
			deviation += (v - mean) * (v - mean) / n
		}
	}
	return mean, math.Sqrt(deviation)
}

// releasedBundle is what pages and comparisons take from a bundle.
type releasedBundle struct {
	name      string // name@version
	labels    []string
	reference *drift.Profile // nil where it has none
}

// releasedBundles are those in the repository, by digest. Each is read once: it
// never changes. One that cannot be read has a name only.
func (c *Controller) releasedBundles() map[string]releasedBundle {
	all := map[string]releasedBundle{}
	repo, err := c.repository()
	if err != nil {
		return all
	}
	for _, r := range repo.Released() {
		if r.Custom.Kind != "bundle" {
			continue
		}
		is, ok := c.bundles.Load(r.SHA256)
		if !ok {
			is = c.readBundle(repo, r)
			c.bundles.Store(r.SHA256, is)
		}
		all[r.SHA256] = is.(releasedBundle)
	}
	return all
}

func (c *Controller) readBundle(repo *release.Repo, r release.Released) releasedBundle {
	is := releasedBundle{name: r.Custom.Name + "@" + r.Custom.Version}
	file, err := repo.File(r)
	if err != nil {
		return is
	}
	b, err := bundle.Open(file)
	if err != nil {
		c.log.Warn("reference of a release", "target", r.Path, "err", err)
		return is
	}
	defer b.Close()
	var spec struct{ Labels []string }
	if json.Unmarshal(b.Manifest().Pipeline, &spec) == nil {
		is.labels = spec.Labels
	}
	if ref := b.Manifest().Reference; ref != nil {
		is.reference = emptyProfile()
		for _, h := range ref.Histograms {
			is.reference.AddBins(h.Name, h.Min, h.Max, h.Counts)
		}
	}
	return is
}
