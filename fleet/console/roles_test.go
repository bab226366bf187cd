package console

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/fleet/controller"
)

const password = "correct horse battery staple"

// as signs somebody in by password, in a browser of their own.
func (d *desk) as(name string, role controller.Role) *desk {
	d.t.Helper()
	d.must(d.cfg.Controller.SetUser(d.t.Context(), "test", name, role, password))
	jar, err := cookiejar.New(nil)
	d.must(err)
	one := *d
	one.http = &http.Client{Jar: jar}
	if status, page := one.body(one.http.PostForm(d.url+"/login", url.Values{"name": {name}, "password": {password}})); status != 200 || !strings.Contains(page, name+", "+string(role)) {
		d.t.Fatalf("sign in as %s: %d %s", name, status, page)
	}
	return &one
}

// TestRoles: each role may what it should, and no form is shown that it may not send.
func TestRoles(t *testing.T) {
	d := newDesk(t)
	d.addDevice("press-7", fleet.Reported{Pipelines: []fleet.PipelineReported{{Name: "machine", Digest: strings.Repeat("0", 64)}}})
	people := map[controller.Role]*desk{}
	for _, r := range []controller.Role{controller.Viewer, controller.Operator, controller.Approver, controller.Admin} {
		people[r] = d.as("a-"+string(r), r)
	}
	for path, need := range map[string]controller.Role{
		"/enrol": controller.Operator, "/devices/press-7/command": controller.Operator, "/assignments/x/pause": controller.Operator, "/assignments/x/abort": controller.Operator,
		"/assignments/x/promote": controller.Approver, "/assignments/x/resume": controller.Approver, "/assignments/x/abandon": controller.Approver, "/releases/assign": controller.Approver,
		"/groups": controller.Operator, "/groups/x/remove": controller.Operator, "/commands": controller.Operator, "/access/allow": controller.Operator,
		"/devices/press-7/revoke": controller.Admin,
	} {
		for r, who := range people {
			status, page := who.post(path, "name", "ping", "confirm", "nobody")
			if refused := status == http.StatusForbidden; refused == r.May(need) {
				t.Errorf("%s as %s: %d %.300s", path, r, status, page)
			}
		}
	}
	d.must(d.cfg.Controller.SetGroup(t.Context(), "test", "north", "id = press-7"))
	b, err := d.cfg.Controller.CommandAll(t.Context(), "test", "@north", controller.CommandOptions{Name: "ping"})
	d.must(err)
	for _, p := range append([]string{"/commands/" + b.ID}, somePages...) {
		_, page := people[controller.Viewer].get(p)
		if n := strings.Count(page, `method="post"`); n != 1 {
			t.Errorf("%s shows a viewer %d forms beside the one to sign out: %.200s", p, n-1, page)
		}
	}
}

// TestChangedPeopleAreSignedOut: who is removed, or gets another role or
// password, has to sign in again.
func TestChangedPeopleAreSignedOut(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	for name, change := range map[string]func(string) error{
		"removed":  func(n string) error { return d.cfg.Controller.RemoveUser(ctx, "test", n) },
		"lowered":  func(n string) error { return d.cfg.Controller.SetUser(ctx, "test", n, controller.Viewer, "") },
		"password": func(n string) error { return d.cfg.Controller.SetUser(ctx, "test", n, controller.Admin, password+"!") },
	} {
		one := d.as(name, controller.Admin)
		if _, page := one.get("/"); !strings.Contains(page, "Overview") {
			t.Fatalf("%s: not signed in", name)
		}
		d.now = d.now.Add(time.Second)
		d.must(change(name))
		if _, page := one.get("/"); strings.Contains(page, "Overview") {
			t.Errorf("%s: still signed in", name)
		}
	}
}

// TestGuessedPasswords: the page tells nothing but that they do not fit.
func TestGuessedPasswords(t *testing.T) {
	d := newDesk(t)
	d.must(d.cfg.Controller.SetUser(t.Context(), "test", "alice", controller.Viewer, password))
	try := func(name, secret string) (int, string) {
		return d.body(d.http.PostForm(d.url+"/login", url.Values{"name": {name}, "password": {secret}}))
	}
	known, one := try("alice", "wrong password")
	unknown, other := try("bob", "wrong password")
	if known != http.StatusForbidden || unknown != known || one != other {
		t.Errorf("%d and %d", known, unknown)
	}
	if status, _ := try("alice", password); status != http.StatusTooManyRequests {
		t.Errorf("at once: %d", status)
	}
}
