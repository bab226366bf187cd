package controller

import (
	"context"
	"database/sql"
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

// A scenario is an assignment to scripted devices, as a file tells it
// (testdata/scenarios/README.md). The controller is the real one over a real
// database; only the broker and the devices are played (simulation level L2).
type scenario struct {
	Soak    span `json:"soak"`
	Timeout span `json:"timeout"`
	Until   span `json:"until"`
	Devices []struct {
		N            int    `json:"n"`
		Does         string `json:"does"` // good, refuse, hang
		Takes        span   `json:"takes"`
		OfflineFrom  span   `json:"offline_from"`
		OfflineUntil span   `json:"offline_until"`
	} `json:"devices"`
	Waves []Wave `json:"waves"`
	Steer []struct {
		At span   `json:"at"`
		Do string `json:"do"`
	} `json:"steer"`
	Want struct {
		State   string         `json:"state"`
		Devices map[string]int `json:"devices"`
		New     int            `json:"new"`  // devices that run the new bundle in the end
		Told    int            `json:"told"` // devices that ever heard of it; 0: any
	} `json:"want"`
}

// span is a time in a scenario.
type span time.Duration

func (s *span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*s = span(d)
	return err
}

const scenarioStep = 5 * time.Minute

// actor plays a device: what it runs, and what it works on.
type actor struct {
	id, does      string
	takes         time.Duration
	from, until   time.Duration // offline
	seq           fleet.Seq
	item          fleet.Item
	since         time.Duration
	runs, refused string
	told, there   bool
	conn          uint64
	contents      map[fleet.Seq]string
}

var actorBoot = strings.Repeat("0", 32)

// step plays what a device does at a moment, and returns what it sends.
func (a *actor) step(at time.Duration, d fleet.Desired, newSHA string) []message {
	var out []message
	if at >= a.from && at < a.until {
		a.since = at // what it was at, it begins anew
		if a.there {
			a.there = false
			return append(out, say(a, fleet.TopicStatus, fleet.Status{Boot: actorBoot, Conn: a.conn}))
		}
		return nil
	}
	if !a.there {
		a.there = true
		a.conn++
		out = append(out, say(a, fleet.TopicHello, fleet.Hello{Boot: actorBoot, Conn: a.conn, Seq: a.seq}))
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
	return message{device: a.id, name: n, payload: data}
}

// stage is a controller without its broker, on a clock of the test.
type stage struct {
	*Controller
	t   *testing.T
	dir string
	sql string // name of the driver; empty: SQLite's
	// With DUNLIN_POSTGRES, a schema of its own there.
	url, broker string
	now         time.Time
	ring        release.Ring
}

func (s *stage) open() {
	s.t.Helper()
	var err error
	s.Controller, err = Open(s.t.Context(), Config{Dir: s.dir, Store: s.url, External: s.broker, Hosts: []string{"h"}, Child: []string{"none"}, driver: s.sql, Stale: 3 * scenarioStep, Now: func() time.Time { return s.now }})
	s.must(err)
	if s.url != "" { // the others have given it up
		term, err := s.acquire(s.t.Context())
		s.must(err)
		if term == 0 {
			s.t.Fatal("somebody else leads")
		}
		s.term.Store(term)
	}
}

// schema makes a schema of its own in the Postgres database of the tests, where
// there is one.
func (s *stage) schema() {
	s.t.Helper()
	at := os.Getenv("DUNLIN_POSTGRES")
	if at == "" {
		return
	}
	db, err := sql.Open("pgx", at)
	s.must(err)
	defer db.Close()
	name := "s_" + newID(6)
	_, err = db.Exec(`CREATE SCHEMA ` + name)
	s.must(err)
	s.url, s.broker = at+"&search_path="+name, "tls://127.0.0.1:1"
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) reopen() {
	s.t.Helper()
	if s.url != "" {
		s.giveUp()
	}
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
	s.ring = release.RingOf(keys)
	repo, err := release.Create(filepath.Join(s.dir, "repository"), keys, func() time.Time { return s.now })
	s.must(err)
	for _, v := range []string{"1.0.0", "1.1.0"} {
		s.must(repo.Publish(release.RingOf(keys), release.Artifact{Path: "models/machine/" + v + ".dunlin", File: demoBundles + "machine-" + v + ".dunlin",
			Custom: trust.Custom{Kind: "bundle", Name: "machine", Version: v}}))
	}
	s.schema()
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

// play lets the devices do what they do at a time. What they say while the
// controller dies is lost, and they say hello again.
func (s *stage) play(actors []*actor, at time.Duration, newSHA string) error {
	ctx := context.Background()
	var all []message
	spoke := map[*actor]bool{}
	for _, a := range actors {
		d, err := s.desired(ctx, a.id)
		if err != nil {
			return err
		}
		if d.Seq != (fleet.Seq{}) {
			a.sees(s.t, d)
		}
		said := a.step(at, d, newSHA)
		spoke[a] = len(said) > 0
		all = append(all, said...)
	}
	if len(all) == 0 {
		return nil
	}
	_, err := s.commit(ctx, all)
	for _, a := range actors {
		a.there = a.there && (err == nil || !spoke[a])
	}
	return err
}

// sees holds the controller to its numbers: each has one content for ever.
func (a *actor) sees(t *testing.T, d fleet.Desired) {
	text := fmt.Sprint(d.Items)
	if a.contents == nil {
		a.contents = map[fleet.Seq]string{}
	}
	if before, ok := a.contents[d.Seq]; ok && before != text {
		t.Errorf("%s: number %s means %s and %s", a.id, d.Seq, before, text)
	}
	a.contents[d.Seq] = text
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

// theatre is a scenario on its stage.
type theatre struct {
	*stage
	sc     scenario
	actors []*actor
	newSHA string
	start  time.Time
	id     string // of the assignment
}

// raise makes the devices and lets them say what they run.
func raise(t *testing.T, sc scenario) *theatre {
	s, oldSHA, newSHA := newStage(t)
	h := &theatre{stage: s, sc: sc, newSHA: newSHA, start: s.now}
	for _, group := range sc.Devices {
		for range group.N {
			a := &actor{id: fmt.Sprintf("d-%04d", len(h.actors)), does: group.Does, takes: time.Duration(group.Takes),
				from: time.Duration(group.OfflineFrom), until: time.Duration(group.OfflineUntil), runs: oldSHA}
			h.actors = append(h.actors, a)
			s.addDevice(a.id)
		}
	}
	s.must(s.play(h.actors, 0, newSHA))
	s.now = s.now.Add(time.Minute)
	s.must(s.play(h.actors, 0, newSHA))
	return h
}

func (h *theatre) assign() error {
	a, err := h.Assign(h.t.Context(), "test", AssignmentOptions{Target: "models/machine/1.1.0.dunlin", Waves: h.sc.Waves, Soak: time.Duration(h.sc.Soak), Timeout: time.Duration(h.sc.Timeout)})
	if err == nil {
		h.id = a.ID
	}
	return err
}

// steps does each step of the scenario: what people do, what the controller
// does, what the devices do.
func (h *theatre) steps(step func(act string, f func() error)) {
	ctx := h.t.Context()
	for at := time.Duration(0); at < time.Duration(h.sc.Until); at += scenarioStep {
		h.now = h.start.Add(at + 2*time.Minute)
		for len(h.sc.Steer) > 0 && at >= time.Duration(h.sc.Steer[0].At) {
			step("steer", func() error { _, err := h.Steer(ctx, "test", h.id, h.sc.Steer[0].Do); return err })
			h.sc.Steer = h.sc.Steer[1:]
		}
		step("tick", func() error { return h.tick(ctx) })
		step("play", func() error { return h.play(h.actors, at, h.newSHA) })
	}
}

func (h *theatre) check() {
	h.t.Helper()
	a, err := h.Assignment(h.t.Context(), h.id)
	h.must(err)
	runNew, told := 0, 0
	for _, d := range h.actors {
		if d.runs == h.newSHA {
			runNew++
		}
		if d.told {
			told++
		}
	}
	want := h.sc.Want
	if a.State != want.State || runNew != want.New || want.Told > 0 && told != want.Told || want.Devices != nil && !maps.Equal(want.Devices, a.Devices) {
		h.t.Errorf("%s (%s), %v, %d run the new bundle, %d were told; want %+v", a.State, a.Reason, a.Devices, runNew, told, want)
	}
	if n, err := h.VerifyAudit(h.t.Context()); err != nil || n < 1 {
		h.t.Errorf("audit: %d lines, %v", n, err)
	}
}

func runScenario(t *testing.T, sc scenario, restarts bool) {
	h := raise(t, sc)
	h.must(h.assign())
	h.steps(func(act string, f func() error) {
		h.must(f())
		if restarts && act != "steer" {
			h.reopen()
		}
	})
	h.check()
}
