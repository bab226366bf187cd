package agent

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/dunlin-edge/dunlin/agent/config"
	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/ota/fetch"
	"github.com/dunlin-edge/dunlin/telemetry/ship"
)

// newShaky takes an upload in two parts: it breaks the first one off.
func newShaky(t *testing.T) *httptest.Server {
	t.Helper()
	have := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && have == 0 {
			n, err := io.ReadFull(r.Body, make([]byte, 40_000))
			if have = n; err == nil {
				panic(http.ErrAbortHandler)
			}
		}
		if r.ContentLength < 0 {
			w.WriteHeader(http.StatusLengthRequired)
			return
		}
		if r.Method == http.MethodPut {
			n, _ := io.Copy(io.Discard, r.Body)
			have += int(n)
		}
		w.Header().Set("Upload-Offset", strconv.Itoa(have))
	}))
	t.Cleanup(s.Close)
	return s
}

// TestTraffic: budgets reach the meter of the link in use, and updates, reports
// and uploads fill them.
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
	u := uploading{http.DefaultClient, newShaky(t).URL, make([]byte, 50_000), spent}
	if err := u.run(t.Context(), func(any) {}); err != nil {
		t.Error(err)
	}
	s := m.traffic()
	if n := s.Purposes["upload"]; n < 50_000 || n > 60_000 { // what was under way when the line broke counts as well
		t.Errorf("%d bytes uploaded", n)
	}
	if s.Link != "metered" || s.HourBudget != 1<<20 || s.MonthBudget != 5<<20 || s.Purposes["update"] != 70_000 || s.Purposes["report"] < 20 {
		t.Errorf("%+v", s)
	}
	if want := s.Purposes["update"] + s.Purposes["report"] + s.Purposes["upload"]; s.MonthBytes != want {
		t.Errorf("%d bytes of the month, want %d", s.MonthBytes, want)
	}
	if s := (*membership)(nil).traffic(); s != nil {
		t.Errorf("%+v without a fleet", s)
	}
}
