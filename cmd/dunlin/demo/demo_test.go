package demo

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/config"
)

// start runs the shipped configuration as fast as it goes, with the given
// texts replaced, until the test ends.
func start(t *testing.T, replace ...string) *agent.Agent {
	t.Helper()
	raw, err := os.ReadFile("agent.yaml")
	if err != nil {
		t.Fatal(err)
	}
	replace = append(replace, "    gain: 1\n", "    gain: 1\n    realtime: false\n", "    loop: true\n", "    loop: true\n    realtime: false\n")
	text := strings.NewReplacer(replace...).Replace(string(raw))
	path, err := filepath.Abs("agent.yaml") // what paths in it count from
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Parse(path, []byte(text), agent.Drivers())
	if err != nil {
		t.Fatal(err)
	}
	a, err := agent.New(t.Context(), cfg, agent.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return a
}

// eventually waits until a pipeline's status is as wanted.
func eventually(t *testing.T, a *agent.Agent, pipeline, what string, is func(agent.PipelineStatus) bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	var last agent.PipelineStatus
	for time.Now().Before(deadline) {
		for _, p := range a.Status().Pipelines {
			if last = p; p.Name == pipeline && is(p) {
				return
			}
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%s: %s did not come; last: %s %.2f, %d windows, %+v", pipeline, what, last.Label, last.Score, last.Windows, last.Health)
}

// The class follows the machine's condition, and faults become events.
func TestInjectedFaultsShow(t *testing.T) {
	a := start(t)
	for _, fault := range []string{"normal", "imbalance", "misalignment", "bearing", "normal"} {
		if err := a.Inject("vibration", fault, 1); err != nil {
			t.Fatal(err)
		}
		eventually(t, a, "machine", fault, func(p agent.PipelineStatus) bool {
			entered := len(p.Events) > 0 && p.Events[0].Label == fault
			return p.Simulated && p.Warm && p.Label == fault && p.Score > 0.9 && (entered || fault == "normal")
		})
	}
}

// The scans come by, each labelled in its name; almost all are read right.
func TestScansAreRead(t *testing.T) {
	a := start(t)
	seen, right := map[string]bool{}, 0
	eventually(t, a, "digits", "100 scans", func(p agent.PipelineStatus) bool {
		if p.Item != "" && !seen[p.Item] {
			seen[p.Item] = true
			if strings.HasSuffix(p.Item, "-"+p.Label+".png") {
				right++
			}
		}
		return len(seen) >= 100
	})
	if right < 95 {
		t.Errorf("%d of %d scans read right", right, len(seen))
	}
}

// The second version loads, its golden samples hold, and it sees faults in a
// healthy machine: only live data shows that it is worse.
func TestWrongGainIsSeenLiveOnly(t *testing.T) {
	a := start(t, "machine-1.0.0", "machine-1.1.0")
	eventually(t, a, "machine", "a false alarm", func(p agent.PipelineStatus) bool {
		return p.Golden > 0 && p.Warm && p.Label != "normal" && len(p.Events) > 0
	})
}

// Without its model the demo does not pretend to run.
func TestNoModelNoDemo(t *testing.T) {
	raw, err := os.ReadFile("agent.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Parse(filepath.Join(t.TempDir(), "agent.yaml"), raw, agent.Drivers())
	if err != nil {
		t.Fatal(err)
	}
	if a, err := agent.New(t.Context(), cfg, agent.Options{}); err == nil {
		a.Close()
		t.Error("an agent without bundles was built")
	}
}
