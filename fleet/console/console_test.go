package console

import (
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // to put devices in without their certificates

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/fleet/controller"
	"github.com/dunlin-edge/dunlin/ota/release"
	"github.com/dunlin-edge/dunlin/ota/trust"
)

// desk is a console, its controller, and a browser without a script engine.
type desk struct {
	*Console
	t    *testing.T
	dir  string
	url  string
	http *http.Client
	now  time.Time
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, dir: t.TempDir(), now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return d.now }
	c, err := controller.Open(t.Context(), controller.Config{Dir: d.dir, Hosts: []string{"h"}, Child: []string{"none"}, Now: clock})
	d.must(err)
	t.Cleanup(func() { d.must(c.Close()) })
	d.Console, err = New(Config{Controller: c, Devices: "https://h:8443", Dir: d.dir, Now: clock})
	d.must(err)
	s := httptest.NewServer(d.Console)
	t.Cleanup(s.Close)
	d.url = s.URL
	jar, err := cookiejar.New(nil)
	d.must(err)
	d.http = &http.Client{Jar: jar}
	return d
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) body(r *http.Response, err error) (int, string) {
	d.t.Helper()
	d.must(err)
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	d.must(err)
	return r.StatusCode, string(data)
}

func (d *desk) get(path string) (int, string) {
	d.t.Helper()
	return d.body(d.http.Get(d.url + path))
}

var formToken = regexp.MustCompile(`name="form" value="([A-Z0-9]+)"`)

// post sends a form with the session's token.
func (d *desk) post(path string, fields ...string) (int, string) {
	d.t.Helper()
	v := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		v.Set(fields[i], fields[i+1])
	}
	_, page := d.get("/audit") // any page has the form to sign out
	if m := formToken.FindStringSubmatch(page); m != nil {
		v.Set("form", m[1])
	}
	return d.body(d.http.PostForm(d.url+path, v))
}

func (d *desk) invite() string { return d.cfg.Controller.Invite() }

func (d *desk) signIn() {
	d.t.Helper()
	if status, page := d.body(d.http.PostForm(d.url+"/login", url.Values{"invite": {d.invite()}})); status != 200 || !strings.Contains(page, "Overview") {
		d.t.Fatalf("sign in: %d %s", status, page)
	}
}

// addDevice puts a device in the database as its report would.
func (d *desk) addDevice(id string, r fleet.Reported) {
	d.t.Helper()
	text, err := json.Marshal(r)
	d.must(err)
	labels, err := json.Marshal(r.Labels)
	d.must(err)
	at := d.now.UnixMilli()
	d.sql(`INSERT INTO devices (id, created, key_hash, serial, not_after, labels, online, since, seen, reported, reported_at) VALUES ($1, $2, '', $1, $2, $4, 1, $2, $2, $3, $2)`, id, at, string(text), string(labels))
}

// sql changes the database behind the controller's back.
func (d *desk) sql(text string, args ...any) {
	d.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(d.dir, "fleet.db")+"?_pragma=busy_timeout(5000)")
	d.must(err)
	defer db.Close()
	_, err = db.ExecContext(d.t.Context(), text, args...)
	d.must(err)
}

var somePages = []string{"/", "/devices", "/devices/press-7", "/releases", "/assignments", "/enrol", "/audit", "/groups", "/commands", "/access", "/drift"}

func TestNothingWithoutASession(t *testing.T) {
	d := newDesk(t)
	d.addDevice("press-7", fleet.Reported{})
	d.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, p := range somePages {
		if status, page := d.get(p); status != http.StatusSeeOther || strings.Contains(page, "press-7") {
			t.Errorf("GET %s: %d", p, status)
		}
	}
	for _, p := range []string{"/groups", "/groups/x/remove", "/commands", "/access/allow", "/enrol", "/releases/plan", "/releases/assign", "/assignments/x/abort", "/devices/press-7/command", "/devices/press-7/revoke", "/logout"} {
		if status, _ := d.body(d.http.PostForm(d.url+p, url.Values{"confirm": {"press-7"}, "form": {""}})); status != http.StatusUnauthorized {
			t.Errorf("POST %s: %d", p, status)
		}
	}
}

func TestInvitations(t *testing.T) {
	d := newDesk(t)
	try := func(secret string) int {
		d.now = d.now.Add(2 * time.Minute)
		jar, err := cookiejar.New(nil)
		d.must(err)
		c := &http.Client{Jar: jar}
		status, page := d.body(c.PostForm(d.url+"/login", url.Values{"invite": {secret}}))
		if status == 200 && !strings.Contains(page, "Sign out") {
			t.Error("signed in to nothing")
		}
		return status
	}
	secret := d.invite()
	for _, s := range []string{"", "x", secret[:len(secret)-1], secret + "x"} {
		if got := try(s); got != http.StatusForbidden {
			t.Errorf("%q: %d", s, got)
		}
	}
	if got := try(secret); got != 200 {
		t.Errorf("the invitation: %d", got)
	}
	if got := try(secret); got != http.StatusForbidden {
		t.Errorf("the invitation, again: %d", got)
	}
	late := d.invite()
	d.now = d.now.Add(time.Hour)
	if got := try(late); got != http.StatusForbidden {
		t.Errorf("an old invitation: %d", got)
	}
	// Guessing: after a wrong one not even the right one counts for a while.
	right := d.invite()
	d.now = d.now.Add(2 * time.Minute)
	if _, err := d.cfg.Controller.Accept("guess"); err == nil {
		t.Error("a guess")
	}
	if _, err := d.cfg.Controller.Accept(right); err == nil {
		t.Error("no pause after a guess")
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	d := newDesk(t)
	d.signIn()
	d.addDevice("press-7", fleet.Reported{})
	for _, form := range []string{"", "x"} {
		if status, _ := d.body(d.http.PostForm(d.url+"/devices/press-7/revoke", url.Values{"confirm": {"press-7"}, "form": {form}})); status != http.StatusForbidden {
			t.Errorf("form %q: %d", form, status)
		}
	}
	if status, page := d.post("/devices/press-7/revoke", "confirm", "press-8"); status != 400 || !strings.Contains(page, "not press-7") {
		t.Errorf("another name: %d", status)
	}
	if status, page := d.post("/devices/press-7/revoke", "confirm", "press-7"); status != 200 || !strings.Contains(page, "revoked") {
		t.Errorf("revoke: %d %s", status, page)
	}
	d.now = d.now.Add(sessionLife)
	if _, page := d.get("/"); strings.Contains(page, "Overview") {
		t.Error("a session without an end")
	}
}

// What a device says of itself is text on every page, whatever it holds.
func TestDevicesCannotWriteHTML(t *testing.T) {
	payloads := []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `javascript:alert(1)`, `{{.Token}}`, `${7*7}`, `</title><script>1</script>`,
		`'; DROP TABLE devices; --`, `" OR 1=1 --`, "\x1b[31mred", "line\r\nSet-Cookie: a=b", "\u202eevil", `<svg/onload=1>`, `&lt;b&gt;`, `\u003cscript\u003e`, `%3Cscript%3E`,
		`<!--`, `]]>`, "a\x00b", strings.Repeat("<b>", 170),
	}
	d := newDesk(t)
	d.signIn()
	for i, p := range payloads {
		sum := strings.Repeat("0", 64)
		d.addDevice("press-"+string(rune('a'+i)), fleet.Reported{
			Version: p, Board: fleet.Board{Model: p, Arch: p, Tier: p}, Labels: map[string]string{p: p}, Problems: []string{p},
			Pipelines: []fleet.PipelineReported{{Name: p, Bundle: p, Version: p, Digest: sum, State: p, Reason: p, Label: p}},
			Slots:     []fleet.SlotReported{{Slot: p, State: p, Version: p, Reason: p, Size: 1}, {Slot: fleet.TuningSlot}},
			Tunable:   &fleet.Tunable{Enter: map[string]fleet.Scores{p: {}}},
		})
	}
	pages := append([]string{"/devices?query=" + url.QueryEscape(payloads[1])}, somePages...)
	for i := range payloads {
		pages = append(pages, "/devices/press-"+string(rune('a'+i)), "/devices?query="+url.QueryEscape(payloads[i]), "/releases?target="+url.QueryEscape(payloads[i]), "/assignments/"+url.PathEscape(payloads[i]))
	}
	tag := regexp.MustCompile(`<(script|img|svg|!--)[^>]*`)
	for _, p := range pages {
		_, page := d.get(p)
		for _, m := range tag.FindAllString(page, -1) {
			if m != `<script src="/assets/live.js" defer` {
				t.Errorf("%s holds %q", p, m)
			}
		}
		if strings.Contains(page, "onmouseover='") || strings.Contains(page, `href="javascript:`) || strings.Contains(page, "<b><b>") {
			t.Errorf("%s: an attribute or a tag got through", p)
		}
	}
}

func TestPolicyOfEveryAnswer(t *testing.T) {
	d := newDesk(t)
	for _, p := range []string{"/login", "/assets/live.js", "/none"} {
		r, err := d.http.Get(d.url + p)
		d.must(err)
		r.Body.Close()
		if csp := r.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %q", p, csp)
		}
	}
}

// TestPush is the way of a person: enrol, look at what a push would do, push, abort.
func TestPush(t *testing.T) {
	d := newDesk(t)
	keys := t.TempDir()
	d.must(release.Ceremony(keys, true))
	ring, err := release.ReadKeys(keys)
	d.must(err)
	repo, err := release.Create(filepath.Join(d.dir, "repository"), ring, func() time.Time { return d.now })
	d.must(err)
	const target = "models/machine/1.0.0.dunlin"
	d.must(repo.Publish(release.RingOf(ring), release.Artifact{Path: target, File: "../../cmd/dunlin/demo/bundles/machine-1.0.0.dunlin",
		Custom: trust.Custom{Kind: "bundle", Name: "machine", Version: "1.0.0"}}))
	d.signIn()
	if _, page := d.post("/enrol", "uses", "2", "labels", "site=north"); !strings.Contains(page, "dunlin enroll https://h:8443 dunlin-") {
		t.Errorf("no command in %s", page)
	}
	slot := []fleet.SlotReported{{Slot: "machine", State: "idle"}}
	d.addDevice("can", fleet.Reported{Slots: slot, Labels: map[string]string{"site": "north"}})
	d.addDevice("cannot", fleet.Reported{Labels: map[string]string{"site": "north"}})
	d.addDevice("other", fleet.Reported{Slots: slot, Labels: map[string]string{"site": "south"}})
	form := []string{"target", target, "query", "labels.site = 'north'", "waves", "1,100%", "soak", "1m"}
	_, page := d.post("/releases/plan", form...)
	for _, want := range []string{"wave 1: <b>1</b>", "cannot", "it has no pipeline machine", ">Push<", "dunlin-fleet assign " + target} {
		if !strings.Contains(page, want) {
			t.Errorf("the plan lacks %q: %s", want, page)
		}
	}
	if _, page := d.get("/assignments"); !strings.Contains(page, "None yet") {
		t.Error("planning has assigned")
	}
	status, page := d.post("/releases/assign", form...)
	if status != 200 || !strings.Contains(page, "machine@1.0.0") || strings.Contains(page, "/devices/other") {
		t.Fatalf("push: %d %s", status, page)
	}
	id := regexp.MustCompile(`/assignments/([0-9a-f]+)/abort`).FindStringSubmatch(page)[1]
	if _, page = d.post("/assignments/" + id + "/abort"); !strings.Contains(page, "aborted by admin") {
		t.Errorf("abort: %s", page)
	}
	if _, page = d.get("/audit"); !strings.Contains(page, "assignment.create") || !strings.Contains(page, "token.create") {
		t.Error("the audit log does not tell")
	}
	for _, bad := range [][]string{{"target", "x"}, {"target", target, "waves", "50%"}, {"target", target, "query", "nope = 1"}, {"target", target, "waves", "100%", "soak", "soon"}} {
		if status, page := d.post("/releases/assign", bad...); status < 400 || status >= 500 || !strings.Contains(page, "problem") {
			t.Errorf("%v: %d", bad, status)
		}
	}
}

// TestTune is the same way for a tuning: a device says what it lets the fleet
// tune, the plan who does not, and the assignment what was sent.
func TestTune(t *testing.T) {
	d := newDesk(t)
	d.signIn()
	slots := []fleet.SlotReported{{Slot: fleet.TuningSlot, State: "idle"}}
	runs := []fleet.PipelineReported{{Name: "machine", Bundle: "machine", Version: "1.0.0", State: "running", Digest: strings.Repeat("0", 64)}}
	d.addDevice("wide", fleet.Reported{Slots: slots, Pipelines: runs, Tunable: &fleet.Tunable{Health: true, Enter: map[string]fleet.Scores{"machine": {Min: 0.5, Max: 0.9}}}})
	d.addDevice("narrow", fleet.Reported{Slots: slots, Pipelines: runs, Tunable: &fleet.Tunable{}})
	if _, page := d.get("/devices/wide"); !strings.Contains(page, "the score at which machine begins a decision, from 0.5 to 0.9") || !strings.Contains(page, `href="/releases?tune=1&amp;query=id%20%3d%20%27wide%27#push"`) {
		t.Errorf("the device: %s", page)
	}
	if _, page := d.get("/releases?tune=1&query=" + url.QueryEscape("id = 'wide'")); !strings.Contains(page, `value="id = &#39;wide&#39;"`) || !strings.Contains(page, "<textarea") {
		t.Errorf("the form: %s", page)
	}
	const tuning = `{"enter": {"machine": {"bundle": "machine@1.0.0", "score": 0.8}}}`
	form := []string{"tuning", tuning, "waves", "100%", "soak", "1m"}
	_, page := d.post("/releases/plan", form...)
	for _, want := range []string{"wave 1: <b>1</b>", "narrow", "enter_min", ">Tune<", "--tuning"} {
		if !strings.Contains(page, want) {
			t.Errorf("the plan lacks %q: %s", want, page)
		}
	}
	if status, page := d.post("/releases/plan", "tuning", `{"exec": 1}`, "waves", "100%"); status != 200 || !strings.Contains(page, "unknown field") || !strings.Contains(page, "{&#34;exec&#34;: 1}</textarea>") {
		t.Errorf("a mistake is not there to be mended: %d %s", status, page)
	}
	if status, page := d.post("/releases/assign", form...); status != 200 || !strings.Contains(page, "&#34;score&#34;:0.8") {
		t.Errorf("the assignment: %d %s", status, page)
	}
}
