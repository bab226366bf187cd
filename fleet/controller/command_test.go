package controller

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// TestGroups: a query by name, in other queries and in what is done to them.
func TestGroups(t *testing.T) {
	s, _, _ := newStage(t)
	ctx := t.Context()
	for i := range 6 {
		s.addDevice(fmt.Sprintf("d-%d", i))
	}
	s.must(s.SetGroup(ctx, "test", "low", "id = d-0 or id = d-1"))
	s.must(s.SetGroup(ctx, "test", "one", "@low and not id = d-0"))
	found, err := s.Find(ctx, "@one", "", 10)
	if err != nil || len(found) != 1 || found[0].ID != "d-1" {
		t.Errorf("%v, %v", found, err)
	}
	for name, f := range map[string]func() error{
		"a loop":          func() error { return s.SetGroup(ctx, "test", "low", "@one") },
		"one in use":      func() error { return s.RemoveGroup(ctx, "test", "low") },
		"unknown field":   func() error { return s.SetGroup(ctx, "test", "x", "colour = red") },
		"unknown group":   func() error { return s.SetGroup(ctx, "test", "x", "@y") },
		"not a name":      func() error { return s.SetGroup(ctx, "test", "No Name", "") },
		"one that is not": func() error { return s.RemoveGroup(ctx, "test", "x") },
	} {
		if err := f(); err == nil || AsProblem(err).Status >= 500 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all, err := s.Groups(ctx); err != nil || len(all) != 2 || all[0].Query != "id = d-0 or id = d-1" {
		t.Errorf("%+v, %v", all, err)
	}
	s.must(s.RemoveGroup(ctx, "test", "one"))
	if n, err := s.VerifyAudit(ctx); err != nil || n != 3 {
		t.Errorf("%d audit lines, %v", n, err)
	}
}

// TestCommandAll: one command to each device of a query, each with its own
// end; nobody who is not chosen gets it, and an offline one keeps its life.
func TestCommandAll(t *testing.T) {
	s, _, _ := newStage(t)
	ctx := t.Context()
	for i := range 5 {
		s.addDevice(fmt.Sprintf("d-%d", i))
	}
	_, err := s.store.db.ExecContext(ctx, `UPDATE devices SET revoked = 1 WHERE id = 'd-3'`)
	s.must(err)
	if _, err := s.CommandAll(ctx, "test", "id = nobody", CommandOptions{Name: "ping"}); err == nil {
		t.Error("a query that chooses nobody is taken")
	}
	b, err := s.CommandAll(ctx, "test", "not id = d-4", CommandOptions{Name: "ping", Life: time.Hour})
	s.must(err)
	if !maps.Equal(b.Devices, map[string]int{"waiting": 3}) {
		t.Fatalf("%+v", b)
	}
	all, err := s.BatchCommands(ctx, b.ID, "", 100)
	s.must(err)
	answer := func(i int, states ...fleet.State) {
		for _, state := range states {
			a := &actor{id: all[i].Device}
			_, err := s.commit(ctx, []message{say(a, fleet.TopicRes, fleet.Result{ID: all[i].ID, State: state, Output: []byte(`"` + state + `"`)})})
			s.must(err)
		}
	}
	answer(0, fleet.StateAccepted, fleet.StateProgress, fleet.StateAccepted)
	answer(1, fleet.StateAccepted, fleet.StateInterrupted, fleet.StateDone)
	if got, err := s.CommandStatus(ctx, all[0].ID); err != nil || got.State != "progress" || string(got.Output) != `"progress"` {
		t.Errorf("accepted again after progress: %+v, %v", got, err)
	}
	b, err = s.Batch(ctx, b.ID)
	s.must(err)
	if want := map[string]int{"progress": 1, "interrupted": 1, "waiting": 1}; !maps.Equal(b.Devices, want) {
		t.Errorf("%v, want %v", b.Devices, want)
	}
	// Another device cannot answer for it.
	_, err = s.commit(ctx, []message{say(&actor{id: "d-4"}, fleet.TopicRes, fleet.Result{ID: all[2].ID, State: fleet.StateDone})})
	s.must(err)
	if got, err := s.CommandStatus(ctx, all[2].ID); err != nil || got.State != "waiting" {
		t.Errorf("another device's word counts: %+v, %v", got, err)
	}
	lines, err := s.LastAudit(ctx, 1)
	if err != nil || lines[0].Action != "command.ping" || !strings.Contains(lines[0].Detail, "to 3 devices") {
		t.Errorf("%+v, %v", lines, err)
	}
}

// TestAskedAgain: a command whose end was lost is asked for again, not at once,
// while it may still run, and until there is an end.
func TestAskedAgain(t *testing.T) {
	s, _, _ := newStage(t)
	ctx := t.Context()
	for _, id := range []string{"d-0", "d-1"} {
		s.addDevice(id)
		_, err := s.commit(ctx, []message{say(&actor{id: id}, fleet.TopicHello, fleet.Hello{Boot: actorBoot, Conn: 1})})
		s.must(err)
	}
	c, err := s.Command(ctx, "test", "d-0", CommandOptions{Name: "ping", Life: time.Hour})
	s.must(err)
	started, wait := s.now, 3*s.cfg.Resend
	check := func(what string, want int) {
		t.Helper()
		for _, device := range []string{"", "d-0", "d-1"} {
			got, err := s.openCommands(ctx, device, time.Time{})
			s.must(err)
			if len(got) != want && device != "d-1" || device == "d-1" && len(got) > 0 {
				t.Errorf("%s: %d commands are sent to %q, want %d", what, len(got), device, want)
			}
		}
	}
	answer := func(state fleet.State) {
		_, err := s.commit(ctx, []message{say(&actor{id: "d-0"}, fleet.TopicRes, fleet.Result{ID: c.ID, State: state})})
		s.must(err)
	}
	check("not accepted", 1)
	answer(fleet.StateAccepted)
	check("accepted", 0)
	s.now = s.now.Add(wait - time.Millisecond)
	check("accepted not long ago", 0)
	s.now = s.now.Add(time.Millisecond)
	check("accepted long ago", 1)
	answer(fleet.StateProgress)
	check("at work", 0)
	s.now = s.now.Add(wait)
	check("at work long ago", 1)
	if got, err := s.openCommands(ctx, "", s.now); err != nil || len(got) > 0 {
		t.Errorf("of new commands: %v, %v", got, err)
	}
	late := s.now
	s.now = started.Add(time.Hour)
	check("too late to run", 0) // a device that has lost its journal would say that it never ran
	s.now = late
	answer(fleet.StateDone)
	s.now = s.now.Add(wait)
	check("done", 0)
}
