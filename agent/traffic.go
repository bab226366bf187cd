package agent

import (
	"context"
	"encoding/json"
	"io"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/ota/fetch"
	"github.com/dunlin-edge/dunlin/telemetry"
	"github.com/dunlin-edge/dunlin/telemetry/ship"
)

// TrafficStatus tells what the link of a fleet has carried.
type TrafficStatus struct {
	Link        string           `json:"link"`                  // metered or unmetered
	HourBudget  int64            `json:"hour_budget,omitempty"` // bytes; 0: none
	MonthBudget int64            `json:"month_budget,omitempty"`
	MonthBytes  int64            `json:"month_bytes"` // over this kind of link
	Purposes    map[string]int64 `json:"bytes"`       // since start: event, result, health, capture, gap, report, update, upload
	Error       string           `json:"error,omitempty"`
	Delivery    ship.Stats       `json:"delivery"`
}

// traffic counts what passes over the link beside telemetry. A nil one counts
// nothing.
type traffic struct {
	link   ship.Link
	budget config.Budget
	meter  *ship.Meter
}

func newTraffic(cfg *config.Config, path string, clock telemetry.Clock) (*traffic, error) {
	b := cfg.Telemetry.Budgets
	t := &traffic{link: ship.Unmetered, budget: b.Unmetered}
	if cfg.Fleet.Metered {
		t.link, t.budget = ship.Metered, b.Metered
	}
	var err error
	t.meter, err = ship.NewMeter(path, clock, ship.Budget(b.Unmetered), ship.Budget(b.Metered))
	return t, err
}

func (t *traffic) spend(purpose string, n int) {
	if t != nil && n > 0 {
		t.meter.Spend(t.link, purpose, int64(n))
	}
}

// reports counts what describe returns, as often as it is asked: once a report.
func (t *traffic) reports(describe func() fleet.Reported) func() fleet.Reported {
	return func() fleet.Reported {
		r := describe()
		if data, err := json.Marshal(r); err == nil {
			t.spend("report", len(data))
		}
		return r
	}
}

// traffic is nil where nothing is counted.
func (m *membership) traffic() *TrafficStatus {
	if m == nil || m.spent == nil {
		return nil
	}
	t := m.spent
	s := &TrafficStatus{Link: t.link.String(), HourBudget: t.budget.Hour, MonthBudget: t.budget.Month, Delivery: m.shipper.Stats()}
	purposes, month, err := t.meter.Spent()
	s.Purposes, s.MonthBytes = purposes, month[t.link]
	if err != nil {
		s.Error = err.Error()
	}
	return s
}

// counted is a source of updates whose bytes are counted.
type counted struct {
	fetch.Source
	spent *traffic
}

func (c counted) Open(ctx context.Context, name string, from int64, tag string) (*fetch.Part, error) {
	p, err := c.Source.Open(ctx, name, from, tag)
	if err == nil {
		p.Body = countedBody{p.Body, c.spent, "update"}
	}
	return p, err
}

// countedBody is what comes or goes, counted.
type countedBody struct {
	io.ReadCloser
	spent   *traffic
	purpose string
}

func (b countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.spent.spend(b.purpose, n)
	return n, err
}
