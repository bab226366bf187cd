package main

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
)

// TestTelemetryOfDemo follows the records of the demo: status balances, ls and
// export agree, a used store is not erased, an unused one is.
func TestTelemetryOfDemo(t *testing.T) {
	url, file, stop := runningWith(t, "\ntelemetry: {dir: kept, max_age: 1s}\n")
	store := filepath.Join(filepath.Dir(file), "kept", agent.StoreFile)
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(dunlin(t, "telemetry", "ls", "--url", url).stdout, "result"); {
		if time.Now().After(deadline) {
			t.Fatalf("no results: %+v", dunlin(t, "telemetry", "ls", "--url", url))
		}
	}
	var s agent.Status
	if err := json.Unmarshal([]byte(dunlin(t, "status", "--json", "--url", url).stdout), &s); err != nil {
		t.Fatal(err)
	}
	if m := s.Telemetry; m == nil || !m.Keeping || m.Produced == 0 || m.Produced != m.Waiting || m.Delivered != 0 || len(m.Dropped) != 0 {
		t.Errorf("status %+v", m)
	}
	text := dunlin(t, "status", "--url", url)
	for _, want := range []string{"machine", "digits", "vibration", "produced = 0 delivered +", "found new", "DRIFT"} {
		if !strings.Contains(text.stdout, want) {
			t.Errorf("no %q in %s%s", want, text.stdout, text.stderr)
		}
	}
	lines := dunlin(t, "telemetry", "export", "--url", url).stdout
	rows, err := csv.NewReader(strings.NewReader(dunlin(t, "telemetry", "export", "--csv", "--url", url).stdout)).ReadAll()
	if err != nil || len(rows) <= strings.Count(lines, "\n") || len(rows[0]) != len(keptColumns) {
		t.Errorf("%d rows for %d lines: %v", len(rows), strings.Count(lines, "\n"), err)
	}
	if !strings.Contains(lines, `"text":"new"`) || !strings.Contains(lines, `"pipeline":"machine"`) {
		t.Errorf("export %s", lines)
	}
	wantFailure(t, dunlin(t, "telemetry", "erase", "--config", file), exitUsage, "this erases", "--yes")
	wantFailure(t, dunlin(t, "telemetry", "erase", "--yes", "--config", file), exitFailed, "in use", "stop the agent")
	if code := stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if got := dunlin(t, "telemetry", "check", store); got.code != 0 {
		t.Errorf("check: %+v", got)
	}
	wantFailure(t, dunlin(t, "telemetry", "check", store+"x"), exitFailed, "check store", "readable")
	if err := os.WriteFile(store+".damaged", []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, dunlin(t, "telemetry", "check", store+".damaged"), 3, "store damaged", "sets it aside")
	var r receipt
	got := dunlin(t, "telemetry", "erase", "--yes", "--config", file)
	if err := json.Unmarshal([]byte(got.stdout), &r); err != nil || len(r.Files) != 2 || r.Files[0].Bytes == 0 {
		t.Errorf("receipt %+v, %v", got, err)
	}
	if left, _ := os.ReadDir(filepath.Dir(store)); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	wantFailure(t, dunlin(t, "status", "--url", url), exitFailed, "ask the agent", "dunlin run")
}
