package controller

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// TestRosterFollows changes devices in every way there is, and compares what is
// kept in memory with what a fresh look at the database gives.
func TestRosterFollows(t *testing.T) {
	s, oldSHA, newSHA := newStage(t)
	ctx := t.Context()
	dice := rand.New(rand.NewPCG(7, 7))
	id := func() string { return fmt.Sprintf("d-%02d", dice.IntN(30)) }
	say := func(name fleet.Name, id string, doc any) {
		m := message{device: id, name: name}
		switch v := doc.(type) {
		case fleet.Hello:
			m.payload, _ = fleet.Encode(v)
		case fleet.Status:
			m.payload, _ = fleet.Encode(v)
		case fleet.Reported:
			m.payload, _ = fleet.Encode(v)
		}
		_, err := s.commit(ctx, []message{m})
		s.must(err)
	}
	changes := []func(){
		func() {
			x := id()
			if _, err := s.Device(ctx, x); err != nil {
				s.addDevice(x)
			}
		},
		func() { say(fleet.TopicHello, id(), fleet.Hello{Boot: actorBoot, Conn: dice.Uint64N(9)}) },
		func() { say(fleet.TopicStatus, id(), fleet.Status{Boot: actorBoot, Conn: dice.Uint64N(9)}) },
		func() {
			say(fleet.TopicReported, id(), fleet.Reported{Version: fmt.Sprint("v", dice.IntN(3)),
				Pipelines: []fleet.PipelineReported{{Name: "machine", Digest: []string{oldSHA, newSHA}[dice.IntN(2)], State: "running"}}})
		},
		func() { _ = s.Revoke(ctx, "test", id()) }, // there may be no such device
		func() { _ = s.Remove(ctx, "test", id()) },
		func() { s.now = s.now.Add(time.Minute) },
		func() { s.must(s.tick(ctx)) },
	}
	for i := range 600 {
		changes[dice.IntN(len(changes))]()
		kept, err := s.Find(ctx, "", "", 1000)
		s.must(err)
		known := s.roster
		s.Controller.roster = &roster{store: s.store}
		fresh, err := s.Find(ctx, "", "", 1000)
		s.must(err)
		s.Controller.roster = known
		if !reflect.DeepEqual(kept, fresh) {
			t.Fatalf("change %d: kept\n%+v\nthe database has\n%+v", i, kept, fresh)
		}
		for _, d := range fresh[:min(1, len(fresh))] {
			if one, err := s.Device(ctx, d.ID); err != nil || !reflect.DeepEqual(one, d) {
				t.Fatalf("alone %+v, in the list %+v: %v", one, d, err)
			}
		}
	}
}

// TestFindGoesOn reads all devices page by page.
func TestFindGoesOn(t *testing.T) {
	s, _, _ := newStage(t)
	for i := range 25 {
		s.addDevice(fmt.Sprintf("d-%02d", i))
	}
	var seen []string
	for after := ""; ; {
		page, err := s.Find(t.Context(), "id != d-07", after, 10)
		s.must(err)
		for _, d := range page {
			seen = append(seen, d.ID)
			after = d.ID
		}
		if len(page) < 10 {
			break
		}
	}
	if len(seen) != 24 || seen[0] != "d-00" || seen[23] != "d-24" {
		t.Error(seen)
	}
	if none, err := s.Find(t.Context(), "", "d-24", 10); err != nil || len(none) != 0 {
		t.Error(none, err)
	}
}
