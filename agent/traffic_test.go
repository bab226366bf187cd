package agent

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/ota/fetch"
	"github.com/dunlin-edge/dunlin/telemetry/ship"
)

// TestTraffic: budgets reach the meter of the link in use, and updates and
// reports fill them.
func TestTraffic(t *testing.T) {
	cfg := &config.Config{Fleet: config.Fleet{Metered: true}}
	cfg.Telemetry.Budgets.Metered = config.Budget{Hour: 1 << 20, Month: 5 << 20}
	clock := &handClock{}
	spent, err := newTraffic(cfg, filepath.Join(t.TempDir(), meterFile), clock)
	if err != nil {
		t.Fatal(err)
	}
	shipper, err := ship.New(ship.Config{Store: kept{&recorder{}}, Transport: &membership{}, Meter: spent.meter, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	m := &membership{shipper: shipper, spent: spent}
	if r := spent.reports(func() fleet.Reported { return fleet.Reported{Version: "1"} })(); r.Version != "1" {
		t.Errorf("%+v", r)
	}
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "bundle"), make([]byte, 70_000), 0o600); err != nil {
		t.Fatal(err)
	}
	dir, err := fetch.OpenDir(root)
	if err != nil {
		t.Fatal(err)
	}
	p, err := counted{dir, spent}.Open(t.Context(), "bundle", 0, "")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, p.Body); n != 70_000 || err != nil {
		t.Error(n, err)
	}
	s := m.traffic()
	if s.Link != "metered" || s.HourBudget != 1<<20 || s.MonthBudget != 5<<20 || s.Purposes["update"] != 70_000 || s.Purposes["report"] < 20 {
		t.Errorf("%+v", s)
	}
	if want := s.Purposes["update"] + s.Purposes["report"]; s.MonthBytes != want {
		t.Errorf("%d bytes of the month, want %d", s.MonthBytes, want)
	}
	if s := (*membership)(nil).traffic(); s != nil {
		t.Errorf("%+v without a fleet", s)
	}
}
