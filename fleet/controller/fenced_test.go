//go:build external

package controller

import (
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// TestFenced: a controller that does not know yet that another leads writes
// nothing, of whatever kind.
func TestFenced(t *testing.T) {
	s, _, _ := newStage(t)
	if s.url == "" {
		t.Fatal("DUNLIN_POSTGRES names no database: run .ci/long replicas")
	}
	ctx := t.Context()
	s.addDevice("d-1")
	a, err := s.Assign(ctx, "test", AssignmentOptions{Target: "models/machine/1.1.0.dunlin"})
	s.must(err)
	other, err := Open(ctx, s.cfg)
	s.must(err)
	defer other.Close()
	if term, err := other.acquire(ctx); err != nil || term != 0 {
		t.Fatalf("two lead at once: term %d, %v", term, err)
	}
	_, err = s.store.db.ExecContext(ctx, `UPDATE lease SET until = 0`) // its time is over, and it sleeps
	s.must(err)
	term, err := other.acquire(ctx)
	if err != nil || term <= s.term.Load() {
		t.Fatalf("term %d, %v", term, err)
	}
	other.term.Store(term)
	hello := []message{say(&actor{id: "d-1"}, fleet.TopicHello, fleet.Hello{Boot: actorBoot, Conn: 1})}
	for what, f := range map[string]func() error{
		"ingest":  func() error { _, err := s.commit(ctx, hello); return err },
		"rollout": func() error { return s.move(ctx, a.ID) },
		"tick":    func() error { return s.tick(ctx) },
		"outbox":  func() error { return s.resend(ctx, time.Time{}, s.now) },
		"lease":   func() error { return s.keepLease(ctx) },
	} {
		if err := f(); !errors.Is(err, errFenced) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if d, err := other.Device(ctx, "d-1"); err != nil || !d.Seen.IsZero() {
		t.Errorf("it wrote: %+v, %v", d, err)
	}
	_, err = other.commit(ctx, hello)
	s.must(err)
	s.must(other.move(ctx, a.ID))
}

// TestStoppedInTransaction: a controller that stops in the middle of a
// transaction holds the others up for a few seconds, not for ever.
func TestStoppedInTransaction(t *testing.T) {
	s, _, _ := newStage(t)
	stopped, err := s.store.db.Begin()
	s.must(err)
	_, err = stopped.Exec(`SELECT pg_advisory_xact_lock(hashtext(current_schema()))`)
	s.must(err)
	begun := time.Now()
	s.must(s.store.tx(t.Context(), func(*sql.Tx) error { return nil }))
	if waited := time.Since(begun); waited < time.Second || waited > 20*time.Second {
		t.Errorf("waited %s", waited)
	}
	if stopped.Commit() == nil {
		t.Error("what had stopped commits")
	}
}
