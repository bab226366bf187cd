package controller

import (
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// TestRetention: old records go, the account of them stays, and what comes
// again is known.
func TestRetention(t *testing.T) {
	s, _, _ := newStage(t)
	ctx := t.Context()
	s.now = time.Now() // chunks tell their own time
	s.addDevice("d-1")
	count := func(table string) (n int) {
		t.Helper()
		s.must(s.store.db.QueryRow(`SELECT count(*) FROM ` + table).Scan(&n))
		return n
	}
	chunks := chunksOf(t)
	for _, c := range chunks {
		_, err := s.commit(ctx, []message{{device: "d-1", name: fleet.TopicUp, payload: c.Data}})
		s.must(err)
	}
	sent, err := s.Command(ctx, "test", "d-1", CommandOptions{Name: "ping"})
	s.must(err)
	_, err = s.commit(ctx, []message{say(&actor{id: "d-1"}, fleet.TopicRes, fleet.Result{ID: sent.ID, State: fleet.StateDone})})
	s.must(err)
	before, err := s.Ledgers(ctx, "d-1")
	s.must(err)
	s.now = s.now.Add(89 * 24 * time.Hour)
	if n, err := s.expireOnce(ctx); n != 0 || err != nil {
		t.Fatalf("%d chunks after 89 days, %v", n, err)
	}
	s.now = s.now.Add(3 * 24 * time.Hour)
	n, err := s.expireOnce(ctx)
	s.must(err)
	if left := count("chunks"); n == 0 || left != 0 || count("results_hourly") != 0 || count("commands") != 0 {
		t.Errorf("%d chunks went, %d are left, %d hours, %d commands", n, left, count("results_hourly"), count("commands"))
	}
	after, err := s.Ledgers(ctx, "d-1")
	s.must(err)
	for i := range after {
		if a, b := after[i], before[i]; a.Delivered != b.Delivered || a.Expired != b.Delivered || a.Hi != b.Hi {
			t.Errorf("%+v, before %+v", a, b)
		}
	}
	for _, c := range chunks {
		_, err := s.commit(ctx, []message{{device: "d-1", name: fleet.TopicUp, payload: c.Data}})
		s.must(err)
	}
	if count("chunks") != 0 {
		t.Error("an erased chunk that is sent again counts as new")
	}
}
