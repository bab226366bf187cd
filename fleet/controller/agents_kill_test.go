package controller

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// TestRealAgentsKilled: agents are killed at random moments of downloads, trials
// and handovers, while the fleet has them change bundles to and fro. Each comes
// back deciding with one of the two, and all converge when left alone.
func TestRealAgentsKilled(t *testing.T) {
	t.Parallel()
	agents, kills := 4, 24
	if os.Getenv("DUNLIN_LONG") != "" {
		agents, kills = 20, 500
	}
	var sc scenario
	if err := json.Unmarshal([]byte(`{"devices": [{"n": 1, "does": "good"}]}`), &sc); err != nil {
		t.Fatal(err)
	}
	sc.Devices[0].N = agents
	e := muster(t, sc, shipped(t), 600, 0) // a step of half a second
	targets := map[string]string{e.oldSHA: "models/machine/1.0.0.dunlin", e.newSHA: "models/machine/1.1.0.dunlin"}
	want := e.oldSHA
	for i := range kills {
		if i%(kills/6) == 0 {
			want = map[string]string{e.oldSHA: e.newSHA, e.newSHA: e.oldSHA}[want]
			a, err := e.Assign(t.Context(), "test", AssignmentOptions{Target: targets[want], Waves: []Wave{{Percent: 100}}, Soak: time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			e.id, e.start = a.ID, time.Now()
		}
		f := e.all[rand.N(len(e.all))]
		<-time.After(rand.N(150 * time.Millisecond)) // the random moment
		f.kill()
		e.run(f)
	}
	e.within("all run what was assigned last", func() bool {
		if s := e.assignment(e.id).State; s == "aborted" || s == "paused" {
			t.Fatalf("it is %s", s)
		}
		return len(e.running(want)) == agents
	})
	t.Logf("%d kills of %d agents; they converged %v after the last assignment", kills, agents, time.Since(e.start).Round(time.Second))
}
