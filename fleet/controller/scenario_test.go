package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/ota/release"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

// A scenario is an assignment to scripted devices, as a file tells it. The
// controller is the real one over a real database; only the broker and the
// devices are played (simulation level L2).
type scenario struct {
	Devices []struct {
		N            int    `json:"n"`
		Does         string `json:"does"` // good, refuse, hang
		Takes        string `json:"takes"`
		OfflineUntil string `json:"offline_until"`
	} `json:"devices"`
	Waves []Wave `json:"waves"`
	Steer []struct {
		At string `json:"at"`
		Do string `json:"do"`
	} `json:"steer"`
	Want struct {
		State   string         `json:"state"`
		Devices map[string]int `json:"devices"`
		New     int            `json:"new"`  // devices that run the new bundle in the end
		Told    int            `json:"told"` // devices that ever heard of it; 0: any
	} `json:"want"`
}

const (
	scenarioStep = 5 * time.Minute
	scenarioEnd  = 12 * time.Hour
)

// actor plays a device: what it runs, and what it works on.
type actor struct {
	id, does       string
	takes, offline time.Duration
	seq            fleet.Seq
	item           fleet.Item
	since          time.Duration
	runs, refused  string
	told, there    bool
}

// step plays what a device does at a moment, and returns what it sends.
func (a *actor) step(at time.Duration, d fleet.Desired, newSHA string) []message {
	if at < a.offline {
		return nil
	}
	var out []message
	if !a.there {
		a.there = true
		out = append(out, say(a, fleet.TopicHello, fleet.Hello{Boot: strings.Repeat("0", 32), Conn: 1, Seq: a.seq}))
	} else if d.Seq.Newer(a.seq) {
		a.seq, a.since, a.refused, a.item = d.Seq, at, "", fleet.Item{}
		for _, i := range d.Items {
			a.item = i
			a.told = a.told || i.SHA256 == newSHA
			if want := map[bool]string{true: "models/machine/1.1.0.dunlin", false: "models/machine/1.0.0.dunlin"}[i.SHA256 == newSHA]; i.Target != want || i.Length != 38912 {
				panic(fmt.Sprintf("%+v, want %s", i, want))
			}
		}
	}
	r := fleet.Reported{Version: "v0", Seq: a.seq, Simulated: true}
	slot := fleet.SlotReported{Slot: "machine", State: "good", Active: a.runs}
	if i := a.item; i.SHA256 != "" && i.SHA256 != a.runs && a.refused == "" {
		slot.Candidate, slot.State = i.SHA256, "trial"
		switch {
		case at-a.since < a.takes || a.does == "hang" && i.SHA256 == newSHA:
		case a.does == "refuse" && i.SHA256 == newSHA:
			a.refused = i.SHA256
		default:
			a.runs = i.SHA256
		}
	}
	if a.refused != "" {
		slot.State, slot.Refused, slot.Reason = "reverted", a.refused, "golden sample 0 differs"
	}
	slot.Active = a.runs
	r.Slots = []fleet.SlotReported{slot}
	r.Pipelines = []fleet.PipelineReported{{Name: "machine", Digest: a.runs, State: "running"}}
	return append(out, say(a, fleet.TopicReported, r))
}

func say[D fleet.Up](a *actor, n fleet.Name, doc D) message {
	data, err := fleet.Encode(doc)
	if err != nil {
		panic(err)
	}
	return message{a.id, n, data}
}

// stage is a controller without its broker, on a clock of the test.
type stage struct {
	*Controller
	t   *testing.T
	dir string
	now time.Time
}

func (s *stage) open() {
	s.t.Helper()
	var err error
	s.Controller, err = Open(s.t.Context(), Config{Dir: s.dir, Hosts: []string{"h"}, Child: []string{"none"}, Now: func() time.Time { return s.now }})
	s.must(err)
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) reopen() {
	s.t.Helper()
	s.must(s.Close())
	s.open()
}

const demoBundles = "../../cmd/dunlin/demo/bundles/"

// newStage releases the demo's two machine bundles and returns their digests.
func newStage(t *testing.T) (s *stage, oldSHA, newSHA string) {
	t.Helper()
	s = &stage{t: t, dir: t.TempDir(), now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	keyDir := t.TempDir()
	s.must(release.Ceremony(keyDir, true))
	keys, err := release.ReadKeys(keyDir)
	s.must(err)
	repo, err := release.Create(filepath.Join(s.dir, "repository"), keys, func() time.Time { return s.now })
	s.must(err)
	for _, v := range []string{"1.0.0", "1.1.0"} {
		s.must(repo.Publish(release.RingOf(keys), release.Artifact{Path: "models/machine/" + v + ".dunlin", File: demoBundles + "machine-" + v + ".dunlin",
			Custom: trust.Custom{Kind: "bundle", Name: "machine", Version: v}}))
	}
	s.open()
	t.Cleanup(func() { s.must(s.Close()) })
	all := repo.Released()
	return s, all[0].SHA256, all[1].SHA256
}

// addDevice enrols a device past its certificate.
func (s *stage) addDevice(id string) {
	s.t.Helper()
	_, err := s.store.db.ExecContext(s.t.Context(), `INSERT INTO devices (id, created, key_hash, serial, not_after, labels) VALUES ($1, $2, '', '', 0, '{}')`, id, ms(s.now))
	s.must(err)
}

func (s *stage) play(actors []*actor, at time.Duration, newSHA string) {
	s.t.Helper()
	ctx := context.Background()
	var all []message
	for _, a := range actors {
		d, err := s.desired(ctx, a.id)
		s.must(err)
		all = append(all, a.step(at, d, newSHA)...)
	}
	if len(all) > 0 {
		_, err := s.commit(ctx, all)
		s.must(err)
	}
}

func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, file := range files {
		for _, restarts := range []bool{false, true} {
			name := strings.TrimSuffix(filepath.Base(file), ".json")
			if restarts {
				name += ", restarted at every step"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				raw, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				var sc scenario
				if err := json.Unmarshal(raw, &sc); err != nil {
					t.Fatal(err)
				}
				runScenario(t, sc, restarts)
			})
		}
	}
}

func runScenario(t *testing.T, sc scenario, restarts bool) {
	s, oldSHA, newSHA := newStage(t)
	length := func(text string) time.Duration {
		if text == "" {
			return 0
		}
		d, err := time.ParseDuration(text)
		s.must(err)
		return d
	}
	var actors []*actor
	for _, group := range sc.Devices {
		for range group.N {
			a := &actor{id: fmt.Sprintf("d-%03d", len(actors)), does: group.Does, takes: length(group.Takes), offline: length(group.OfflineUntil), runs: oldSHA}
			actors = append(actors, a)
			s.addDevice(a.id)
		}
	}
	start := s.now
	s.play(actors, 0, newSHA)
	s.now = s.now.Add(time.Minute)
	s.play(actors, 0, newSHA)
	a, err := s.Assign(t.Context(), "test", AssignmentOptions{Target: "models/machine/1.1.0.dunlin", Waves: sc.Waves})
	s.must(err)
	for at := time.Duration(0); at < scenarioEnd; at += scenarioStep {
		s.now = start.Add(at + 2*time.Minute)
		for len(sc.Steer) > 0 && at >= length(sc.Steer[0].At) {
			_, err := s.Steer(t.Context(), "test", a.ID, sc.Steer[0].Do)
			s.must(err)
			sc.Steer = sc.Steer[1:]
		}
		s.must(s.tick(t.Context()))
		if restarts {
			s.reopen()
		}
		s.play(actors, at, newSHA)
		if restarts {
			s.reopen()
		}
	}
	a, err = s.Assignment(t.Context(), a.ID)
	s.must(err)
	runNew, told := 0, 0
	for _, d := range actors {
		if d.runs == newSHA {
			runNew++
		}
		if d.told {
			told++
		}
	}
	want := sc.Want
	if a.State != want.State || runNew != want.New || want.Told > 0 && told != want.Told || want.Devices != nil && !maps.Equal(want.Devices, a.Devices) {
		t.Errorf("%s (%s), %v, %d run the new bundle, %d were told; want %+v", a.State, a.Reason, a.Devices, runNew, told, want)
	}
	if n, err := s.VerifyAudit(t.Context()); err != nil || n < 1 {
		t.Errorf("audit: %d lines, %v", n, err)
	}
}
