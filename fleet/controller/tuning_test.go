package controller

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// tunable is a device that does what an assignment tells of its tuning.
type tunable struct {
	id      string
	refuses bool
	active  string
}

func (d *tunable) report(seq fleet.Seq, want *fleet.Tuning) message {
	s := fleet.SlotReported{Slot: fleet.TuningSlot, State: "idle"}
	switch {
	case want == nil:
		d.active = ""
	case d.refuses:
		s.Refused, s.Reason = want.Digest(), "no space"
	default:
		d.active = want.Digest()
	}
	s.Active, s.Loaded = d.active, d.active
	return say(&actor{id: d.id}, fleet.TopicReported, fleet.Reported{Seq: seq, Slots: []fleet.SlotReported{s},
		Pipelines: []fleet.PipelineReported{{Name: "machine", State: "running", Digest: fmt.Sprintf("%064d", 0)}}})
}

// round lets every device hear what it should be tuned to, and say what came of it.
func (s *stage) tuneRound(devices []*tunable) {
	s.t.Helper()
	ctx := s.t.Context()
	s.must(s.tick(ctx))
	for _, d := range devices {
		want, err := s.desired(ctx, d.id)
		s.must(err)
		_, err = fleet.Sign(s.director, want) // what is sent can be sent
		s.must(err)
		_, err = s.commit(ctx, []message{d.report(want.Seq, want.Tuning)})
		s.must(err)
	}
	s.now = s.now.Add(2 * time.Minute)
}

// TestTuningInWaves: a tuning goes out in waves, replaces the one of before, and
// one that devices refuse is taken back to that.
func TestTuningInWaves(t *testing.T) {
	s, _, _ := newStage(t)
	ctx := t.Context()
	var devices []*tunable
	for i := range 6 {
		d := &tunable{id: fmt.Sprint("d-", i)}
		s.addDevice(d.id)
		devices = append(devices, d)
	}
	s.addDevice("old") // whose agent knows nothing of tuning
	_, err := s.commit(ctx, []message{say(&actor{id: "old"}, fleet.TopicReported, fleet.Reported{Slots: []fleet.SlotReported{{Slot: "machine", State: "good"}}})})
	s.must(err)
	s.tuneRound(devices)
	push := func(below float64) (*Assignment, string) {
		text, err := json.Marshal(fleet.Tuning{Captures: map[string]fleet.CaptureTuning{"machine": {Below: below}}})
		s.must(err)
		a, err := s.Assign(ctx, "test", AssignmentOptions{Tuning: text, Query: "id != never", Waves: []Wave{{Count: 1}, {Percent: 100}}, Soak: time.Minute})
		s.must(err)
		return a, a.SHA256
	}
	run := func(a *Assignment) *Assignment {
		for range 8 {
			s.tuneRound(devices)
		}
		a, err := s.Assignment(ctx, a.ID)
		s.must(err)
		return a
	}
	a, first := push(0.5)
	if a.Devices["waiting"] != 6 {
		t.Errorf("%v: the one that cannot is no part of it", a.Devices)
	}
	if a = run(a); a.State != "done" || a.Devices["done"] != 6 {
		t.Fatalf("%s %s %v", a.State, a.Reason, a.Devices)
	}
	for _, d := range devices {
		d.refuses = true
		if d.active != first {
			t.Errorf("%s is tuned to %q", d.id, d.active)
		}
	}
	a, second := push(0.9)
	if a = run(a); a.State != "paused" || a.Devices["failed"] != 1 { // one of six is for somebody to judge
		t.Fatalf("%s %s %v", a.State, a.Reason, a.Devices)
	}
	for _, d := range devices {
		d.refuses = false
	}
	_, err = s.Steer(ctx, "test", a.ID, "abort")
	s.must(err)
	s.tuneRound(devices)
	for _, d := range devices {
		if d.active != first || d.active == second {
			t.Errorf("%s is tuned to %q, want that of before", d.id, d.active)
		}
	}
	list, err := s.Audit(ctx, 0, 1000)
	s.must(err)
	failed := 0
	for _, e := range list {
		if e.Action == "device.failed" {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("%d failures in the log", failed)
	}
}

// TestTuningWithinLimits: what a device's own configuration does not allow is
// listed with the reason, before anything is sent.
func TestTuningWithinLimits(t *testing.T) {
	s, _, _ := newStage(t)
	ctx := t.Context()
	for id, may := range map[string]*fleet.Tunable{
		"a-old": nil, "b-none": {}, "c-narrow": {Enter: map[string]fleet.Scores{"machine": {Min: 0.6, Max: 0.7}}, Health: true},
		"d-other": {Enter: map[string]fleet.Scores{"machine": {Min: 0.5, Max: 0.9}}, Health: true}, "e-good": {Enter: map[string]fleet.Scores{"machine": {Min: 0.5, Max: 0.9}}, Health: true},
	} {
		s.addDevice(id)
		version := "1.0.0"
		if id == "d-other" {
			version = "1.1.0"
		}
		_, err := s.commit(ctx, []message{say(&actor{id: id}, fleet.TopicReported, fleet.Reported{Slots: []fleet.SlotReported{{Slot: fleet.TuningSlot, State: "idle"}}, Tunable: may,
			Pipelines: []fleet.PipelineReported{{Name: "machine", Bundle: "machine", Version: version, State: "running", Digest: fmt.Sprintf("%064d", 0)}}})})
		s.must(err)
	}
	plan := func(tuning string) *Plan {
		t.Helper()
		p, err := s.Plan(ctx, AssignmentOptions{Tuning: []byte(tuning), Query: "id != never"})
		s.must(err)
		return p
	}
	p := plan(`{"enter": {"machine": {"bundle": "machine@1.0.0", "score": 0.8}}}`)
	for id, want := range map[string]string{"a-old": "is of before", "b-none": "tune: {enter_min", "c-narrow": "from 0.6 to 0.7", "d-other": "runs machine@1.1.0"} {
		if !strings.Contains(p.Cannot[id], want) {
			t.Errorf("%s: %q, want %q", id, p.Cannot[id], want)
		}
	}
	if len(p.fit) != 1 || p.fit[0].id != "e-good" {
		t.Errorf("it would go to %+v", p.fit)
	}
	p = plan(`{"health_ms": 60000}`)
	if len(p.fit) != 3 || !strings.Contains(p.Cannot["b-none"], "telemetry.health") {
		t.Errorf("health: to %+v, not to %v", p.fit, p.Cannot)
	}
	if p = plan(`{"captures": {"machine": {"every": 5}}}`); len(p.fit) != 5 {
		t.Errorf("captures alone go to %+v, not to %v", p.fit, p.Cannot)
	}
	a, err := s.Assign(ctx, "test", AssignmentOptions{Tuning: []byte(`{"health_ms": 60000, "enter": {"machine": {"bundle": "machine@1.0.0", "score": 0.8}}}`), Query: "id != never", Waves: []Wave{{Percent: 100}}, Soak: time.Minute})
	s.must(err)
	s.must(s.tick(ctx))
	want, err := s.desired(ctx, "e-good")
	s.must(err)
	if want.Tuning == nil || want.Tuning.Digest() != a.SHA256 || want.Tuning.Health != 60_000 || want.Tuning.Enter["machine"].Score != 0.8 {
		t.Errorf("it gets %+v", want.Tuning)
	}
}

// TestTuningHasNoPlaceForMore: nothing that runs a program or leads elsewhere.
func TestTuningHasNoPlaceForMore(t *testing.T) {
	d := newDesk(t)
	d.addDevice("d-1")
	for _, bad := range []string{
		`{}`, `{"captures": {}}`, `{"captures": {"machine": {"exec": ["/bin/sh"]}}}`, `{"captures": {"machine": {"below": 2}}}`, `{"captures": {"machine": {"every": -1}}}`,
		`{"captures": {"../x": {}}}`, `{"captures": {"machine": {}}, "actions": [{"exec": ["/bin/sh"]}]}`, `{"pipelines": {"machine": {"actions": []}}}`, `{"fleet": {"url": "https://evil"}}`, `{"enter": {"machine": {"bundle": "machine@1.0.0", "score": 2}}}`, `{"health_ms": 1}`,
	} {
		if resp, body := d.ask(d.admin, "POST", "/assignments", `{"tuning": `+bad+`}`); resp.StatusCode != 400 {
			t.Errorf("%s: %s %s", bad, resp.Status, body)
		}
	}
	if resp, body := d.ask(d.admin, "POST", "/assignments", `{"target": "models/machine/1.1.0.dunlin", "tuning": {"captures": {"machine": {"every": 1}}}}`); resp.StatusCode != 400 {
		t.Errorf("both: %s %s", resp.Status, body)
	}
}
