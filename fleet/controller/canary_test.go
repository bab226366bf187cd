package controller

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/ota/release"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

// TestCanaryPlan: what a build machine proposes is planned for canaries only,
// and what nobody delegated to it is not even listed.
func TestCanaryPlan(t *testing.T) {
	s, oldSHA, _ := newStage(t)
	slot := []fleet.SlotReported{{Slot: "machine", State: "good", Active: oldSHA}}
	var all []message
	for id, canary := range map[string]bool{"d-canary": true, "d-plain": false} {
		s.addDevice(id)
		a := &actor{id: id, conn: 1}
		all = append(all, say(a, fleet.TopicHello, fleet.Hello{Boot: actorBoot, Conn: 1}),
			say(a, fleet.TopicReported, fleet.Reported{Version: "v0", Canary: canary, Slots: slot}))
	}
	s.addDevice("d-silent")
	_, err := s.commit(t.Context(), all)
	s.must(err)

	dir := t.TempDir()
	s.must(release.RoleKeys(dir, release.Canary, true))
	key, err := release.ReadKey(filepath.Join(dir, "ci", "canary.key"))
	s.must(err)
	const target = "canary/machine/1.2.0.dunlin"
	s.must(release.Propose(s.cfg.Repository, key, s.now, release.Artifact{Path: target, File: demoBundles + "machine-1.1.0.dunlin",
		Custom: trust.Custom{Kind: "bundle", Name: "machine", Version: "1.2.0"}}))
	var p *Problem
	if _, err := s.Plan(t.Context(), AssignmentOptions{Target: target}); !errors.As(err, &p) || p.Status != 404 {
		t.Errorf("nobody delegated: %v", err)
	}
	repo, err := s.repository()
	s.must(err)
	s.must(repo.Rotate(s.ring, release.Canary, key.Public()))
	plan, err := s.Plan(t.Context(), AssignmentOptions{Target: target})
	s.must(err)
	if len(plan.fit) != 1 || plan.fit[0].id != "d-canary" || len(plan.Cannot) != 2 || !strings.Contains(plan.Cannot["d-plain"], "no canary") {
		t.Errorf("%+v", plan)
	}
	s.now = s.now.Add(release.CanaryValidity + time.Hour)
	if _, err := s.Plan(t.Context(), AssignmentOptions{Target: target}); !errors.As(err, &p) || p.Status != 404 {
		t.Errorf("a week later: %v", err)
	}
}
