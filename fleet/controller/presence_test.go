package controller

import (
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// TestPresence: a device counts as online while it speaks, whatever became of
// its will; what the broker only remembers is no sign of life.
func TestPresence(t *testing.T) {
	s, _, _ := newStage(t)
	s.addDevice("d-1")
	a := &actor{id: "d-1"}
	hear := func(m message) {
		t.Helper()
		_, err := s.commit(t.Context(), []message{m})
		s.must(err)
	}
	expect := func(what, state string, online int) {
		t.Helper()
		s.must(s.tick(t.Context()))
		d, err := s.Device(t.Context(), "d-1")
		s.must(err)
		var column int
		s.must(s.store.db.QueryRow(`SELECT online FROM devices WHERE id = 'd-1'`).Scan(&column))
		if d.State != state || column != online {
			t.Errorf("%s: %s, online %d, want %s and %d", what, d.State, column, state, online)
		}
	}
	remembered := say(a, fleet.TopicReported, fleet.Reported{Version: "v1"})
	remembered.old = true
	hear(remembered)
	expect("a report that the broker remembered", "never-seen", 0)
	if d, err := s.Device(t.Context(), "d-1"); err != nil || d.Reported == nil {
		t.Errorf("it is not kept: %v", err)
	}
	hear(say(a, fleet.TopicHello, fleet.Hello{Boot: actorBoot, Conn: 1}))
	expect("hello", "online", 1)
	s.now = s.now.Add(time.Hour)
	expect("silence without a will", "offline", 0)
	hear(say(a, fleet.TopicReported, fleet.Reported{Version: "v2"}))
	expect("a report", "online", 1)
	hear(remembered)
	if d, err := s.Device(t.Context(), "d-1"); err != nil || d.Reported.Version != "v2" {
		t.Errorf("what the broker remembered replaces what was said: %v", err)
	}
	hear(say(a, fleet.TopicStatus, fleet.Status{Boot: actorBoot, Conn: 1}))
	expect("its will", "offline", 0)
}
