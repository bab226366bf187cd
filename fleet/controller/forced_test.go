package controller

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/ota/release"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

// TestForcedRelease: whoever assigns a bundle that missed its thresholds is told
// who answers for it, and the audit keeps that.
func TestForcedRelease(t *testing.T) {
	s, oldSHA, _ := newStage(t)
	s.addDevice("d-1")
	a := &actor{id: "d-1", conn: 1}
	_, err := s.commit(t.Context(), []message{say(a, fleet.TopicHello, fleet.Hello{Boot: actorBoot, Conn: 1}),
		say(a, fleet.TopicReported, fleet.Reported{Version: "v0", Slots: []fleet.SlotReported{{Slot: "machine", State: "good", Active: oldSHA}}})})
	s.must(err)
	const target = "models/machine/1.9.0.dunlin"
	report := filepath.Join(t.TempDir(), "report")
	s.must(os.WriteFile(report, []byte(`{"report": {}, "missed": ["accuracy"], "forced": "the line\nstands", "approver": "the head of quality"}`), 0o600))
	repo, err := s.repository()
	s.must(err)
	s.must(repo.Publish(s.ring,
		release.Artifact{Path: target, File: demoBundles + "machine-1.1.0.dunlin", Custom: trust.Custom{Kind: "bundle", Name: "machine", Version: "1.9.0"}},
		release.Artifact{Path: target + ".report", File: report, Custom: trust.Custom{Kind: "report"}}))
	plan, err := s.Plan(t.Context(), AssignmentOptions{Target: target})
	s.must(err)
	if !strings.Contains(plan.Forced, `"the head of quality"`) || !strings.Contains(plan.Forced, `"the line\nstands"`) {
		t.Errorf("plan: %q", plan.Forced)
	}
	if _, err = s.Assign(t.Context(), "approver", AssignmentOptions{Target: target}); err != nil {
		t.Fatal(err)
	}
	var detail string
	s.must(s.store.db.QueryRowContext(t.Context(), `SELECT detail FROM audit WHERE action = 'assignment.create'`).Scan(&detail))
	if !strings.HasSuffix(detail, plan.Forced) {
		t.Errorf("audit: %q", detail)
	}
	if plan, err = s.Plan(t.Context(), AssignmentOptions{Target: "models/machine/1.1.0.dunlin"}); err != nil || plan.Forced != "" {
		t.Errorf("another: %v, %v", plan, err)
	}
}
