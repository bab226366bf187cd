package controller

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// desk is a controller with its REST interface, and a token of each role.
type desk struct {
	*stage
	url    string
	tokens map[Role]string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	s, _, _ := newStage(t)
	d := &desk{stage: s, tokens: map[Role]string{}}
	// The stage may be opened again: the handler is looked up each time.
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.Controller.API().ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	d.url = server.URL + apiPrefix
	for _, r := range roles {
		made, err := d.NewAPIToken(t.Context(), "test", "a-"+string(r), r, time.Hour)
		d.must(err)
		d.tokens[r] = made.Token
	}
	return d
}

// ask sends a request with a role's token, or another one.
func (d *desk) ask(token, method, path, body string) (*http.Response, string) {
	d.t.Helper()
	q, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, strings.NewReader(body))
	d.must(err)
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(q)
	d.must(err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	d.must(err)
	return resp, string(data)
}

// needs is what each route that changes something takes, written down a second
// time: who changes a role in the code has to change it here.
var needs = map[string]Role{
	"POST /devices/{id}/revoke":              Admin,
	"DELETE /devices/{id}":                   Admin,
	"DELETE /devices/{id}/captures/{sha256}": Operator,
	"POST /tokens":                           Operator,
	"POST /allowed":                          Operator,
	"DELETE /allowed/{id}":                   Operator,
	"PUT /groups/{name}":                     Operator,
	"DELETE /groups/{name}":                  Operator,
	"POST /commands":                         Operator,
	"POST /plans":                            Viewer, // changes nothing
	"POST /assignments":                      Approver,
	"POST /assignments/{id}/pause":           Operator,
	"POST /assignments/{id}/abort":           Operator,
	"POST /assignments/{id}/resume":          Approver,
	"POST /assignments/{id}/promote":         Approver,
	"POST /assignments/{id}/abandon":         Approver,
	"PUT /users/{name}":                      Admin,
	"DELETE /users/{name}":                   Admin,
	"POST /api-tokens":                       Admin,
	"DELETE /api-tokens/{name}":              Admin,
	"POST /invitations":                      Admin,
	"POST /clients":                          Admin,
	"DELETE /clients/{name}":                 Admin,
	"PUT /webhooks/{name}":                   Admin,
	"DELETE /webhooks/{name}":                Admin,
}

// Secrets are for admins, though reading changes nothing.
var secrets = []string{"GET /backup", "GET /users", "GET /api-tokens", "GET /webhooks"}

func TestEveryRouteTakesItsRole(t *testing.T) {
	d := newDesk(t)
	d.addDevice("x")
	ctx := t.Context()
	for _, x := range d.routes() {
		name := x.method + " " + x.path
		want, changes := needs[name]
		if !changes {
			if x.method != "GET" {
				t.Errorf("%s changes something, and nobody wrote down who may", name)
			}
			if want = Viewer; slices.Contains(secrets, name) {
				want = Admin
			}
			if name == "GET /devices/{id}/captures/{sha256}" { // it may show people
				want = Operator
			}
			if x.path == "/openapi.json" {
				want = ""
			}
		}
		if x.need != want {
			t.Errorf("%s takes %q, want %q", name, x.need, want)
		}
		path := pathParameter.ReplaceAllString(x.path, "x")
		if x.need == "" || x.media == "text/event-stream" {
			continue
		}
		before, err := d.lastLine(ctx)
		d.must(err)
		refused := int64(0)
		for _, bad := range []string{"", "x", apiTokenPrefix + "AAAAAAAAAAAAAAAAAAAAAAAAAA"} {
			if resp, body := d.ask(bad, x.method, path, "{}"); resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") == "" || !strings.Contains(body, `"hint"`) {
				t.Errorf("%s with %q: %s %s", name, bad, resp.Status, body)
			}
		}
		for _, r := range roles {
			if r.May(x.need) {
				continue
			}
			refused++
			if resp, body := d.ask(d.tokens[r], x.method, path, "{}"); resp.StatusCode != 403 {
				t.Errorf("%s as %s: %s %s", name, r, resp.Status, body)
			}
		}
		lines, err := d.Audit(ctx, before, 100)
		d.must(err)
		if int64(len(lines)) != refused {
			t.Errorf("%s: %d refusals, the audit log has %v", name, refused, lines)
		}
		for _, e := range lines {
			if e.Action != "refused" || !strings.HasPrefix(e.Author, "token a-") || !strings.Contains(e.Object, path) {
				t.Errorf("%s: %+v", name, e)
			}
		}
		if resp, body := d.ask(d.tokens[x.need], x.method, path, "{}"); resp.StatusCode == 401 || resp.StatusCode == 403 || resp.StatusCode >= 500 {
			t.Errorf("%s as %s: %s %s", name, x.need, resp.Status, body)
		}
	}
}

func TestTokensOfPrograms(t *testing.T) {
	d := newDesk(t)
	status := func(token string) int {
		resp, _ := d.ask(token, "GET", "/status", "")
		return resp.StatusCode
	}
	made, err := d.NewAPIToken(t.Context(), "test", "grafana", Viewer, time.Hour)
	d.must(err)
	if status(made.Token) != 200 {
		t.Error("a token does not count")
	}
	var kept string
	d.must(d.store.db.QueryRow(`SELECT hash FROM api_tokens WHERE name = 'grafana'`).Scan(&kept))
	if strings.Contains(made.Token, kept) || len(kept) != 64 {
		t.Error("the database holds the token")
	}
	again, err := d.NewAPIToken(t.Context(), "test", "grafana", Viewer, time.Hour)
	d.must(err)
	if status(made.Token) != 401 || status(again.Token) != 200 {
		t.Error("the token of before counts on")
	}
	d.now = d.now.Add(time.Hour)
	if status(again.Token) != 401 {
		t.Error("a token without an end")
	}
	last, err := d.NewAPIToken(t.Context(), "test", "grafana", Viewer, time.Hour)
	d.must(err)
	d.must(d.RemoveAPIToken(t.Context(), "test", "grafana"))
	if status(last.Token) != 401 {
		t.Error("a token that was taken back counts on")
	}
	for _, bad := range []struct {
		name string
		role Role
		life time.Duration
	}{{"", Viewer, 0}, {"a b", Viewer, 0}, {"admin", Viewer, 0}, {"x", "root", 0}, {"x", Viewer, time.Second}, {"x", Viewer, 10 * maxTokenLife}} {
		if _, err := d.NewAPIToken(t.Context(), "test", bad.name, bad.role, bad.life); AsProblem(err).Status != 400 {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

func TestRequestsAreStrict(t *testing.T) {
	d := newDesk(t)
	for _, x := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/devices?limit=0", "", 400},
		{"GET", "/devices?limit=1001", "", 400},
		{"GET", "/devices?limit=x", "", 400},
		{"GET", "/devices?limit=1&limit=2", "", 400},
		{"GET", "/devices?filter=online", "", 400}, // would mean all devices
		{"GET", "/devices?query=nope+%3D+1", "", 400},
		{"GET", "/audit?after=x", "", 400},
		{"GET", "/assignments?after=x", "", 400},
		{"GET", "/drift?days=0", "", 400},
		{"GET", "/devices/none/classes?hours=0", "", 400},
		{"GET", "/devices/none/classes", "", 404},
		{"GET", "/nothing", "", 404},
		{"GET", "/devices/none", "", 404},
		{"POST", "/devices", "{}", 405},
		{"PATCH", "/status", "{}", 405},
		{"GET", "/devices/../../etc/passwd", "", 404},
		{"GET", "/devices/%2e%2e%2fadmin.token", "", 404},
		{"POST", "/tokens", "", 400},
		{"POST", "/tokens", "null", 400},
		{"POST", "/tokens", "[]", 400},
		{"POST", "/tokens", `{"uses": null}`, 400},
		{"POST", "/tokens", `{"uses": 1} {}`, 400},
		{"POST", "/tokens", `{"labels": {"a": null}}`, 400},
		{"PUT", "/groups/x", `{}`, 400},
		{"POST", "/tokens", `{"use": 1}`, 400},
		{"POST", "/tokens", `{"life": "soon"}`, 400},
		{"POST", "/tokens", `{"labels": {"a": "` + strings.Repeat("x", maxBody) + `"}}`, 413},
		{"POST", "/tokens", `{"uses": -1}`, 400},
		{"POST", "/commands", `{"name": "ping"}`, 400},
		{"POST", "/commands", `{"name": "Ping", "device": "x"}`, 404},
		{"POST", "/assignments", `{"target": "models/../../x"}`, 404},
		{"PUT", "/groups/UPPER", `{"query": ""}`, 400},
		{"PUT", "/users/admin", `{"role": "viewer", "password": "correct horse battery"}`, 400},
		{"PUT", "/users/eve", `{"role": "viewer", "password": "short"}`, 400},
		{"PUT", "/users/eve", `{"role": "viewer"}`, 400},
		{"PUT", "/webhooks/x", `{"url": "file:///etc/passwd"}`, 400},
		{"PUT", "/webhooks/x", `{"url": "https://h/", "actions": ["[x"]}`, 400},
	} {
		resp, body := d.ask(d.admin, x.method, x.path, x.body)
		var p Problem
		if err := json.Unmarshal([]byte(body), &p); resp.StatusCode != x.want || err != nil || p.Status != x.want || p.Title == "" || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s %.80s: %s %s", x.method, x.path, x.body, resp.Status, body)
		}
		if x.want == 405 && resp.Header.Get("Allow") == "" {
			t.Errorf("%s %s does not tell what is allowed", x.method, x.path)
		}
	}
}

func TestPages(t *testing.T) {
	d := newDesk(t)
	for i := range 23 {
		d.addDevice(fmt.Sprintf("d-%02d", i))
	}
	for i := range 7 {
		_, err := d.commit(t.Context(), []message{say(&actor{id: fmt.Sprintf("d-%02d", i)}, fleet.TopicReported, fleet.Reported{Slots: []fleet.SlotReported{{Slot: "machine", State: "idle"}}})})
		d.must(err)
		d.now = d.now.Add(time.Duration(i%2) * time.Second) // some begin at the same moment
		_, err = d.Assign(t.Context(), "test", AssignmentOptions{Target: "models/machine/1.1.0.dunlin", Query: fmt.Sprintf("id = d-%02d", i)})
		d.must(err)
	}
	for path, want := range map[string]int{"/devices?query=id+!%3D+d-03&limit=5": 22, "/audit?limit=3": 7 + len(roles), "/assignments?limit=2": 7} {
		seen := map[string]bool{}
		for n := 0; path != "" && n < 20; n++ {
			resp, body := d.ask(d.tokens[Viewer], "GET", strings.TrimPrefix(path, apiPrefix), "")
			var items []json.RawMessage
			if err := json.Unmarshal([]byte(body), &items); err != nil {
				t.Fatalf("%s: %s", path, body)
			}
			for _, x := range items {
				seen[string(x)] = true
			}
			next, _, _ := strings.Cut(strings.TrimPrefix(resp.Header.Get("Link"), "<"), ">")
			path = next
		}
		if len(seen) != want || path != "" {
			t.Errorf("%d seen, want %d; next %q", len(seen), want, path)
		}
	}
}

// TestSignOn: who is known by other means has the role that those say.
func TestSignOn(t *testing.T) {
	d := newDesk(t)
	d.Controller.cfg.SignOn = signOn{}
	for header, want := range map[string]int{"": 401, "alice viewer": 200, "mallory": 401, "bob root": 400} {
		q := httptest.NewRequestWithContext(t.Context(), "GET", apiPrefix+"/me", nil)
		q.Header.Set("X-Test", header)
		w := httptest.NewRecorder()
		d.API().ServeHTTP(w, q)
		if w.Code != want || want == 200 && !bytes.Contains(w.Body.Bytes(), []byte(`"name":"alice"`)) {
			t.Errorf("%q: %d %s", header, w.Code, w.Body)
		}
	}
}

// signOn believes a header, as behind a proxy that checks an ID token.
type signOn struct{}

func (signOn) Person(r *http.Request) (Person, bool, error) {
	name, role, known := strings.Cut(r.Header.Get("X-Test"), " ")
	if name == "" {
		return Person{}, false, nil
	}
	if !known {
		return Person{}, false, fmt.Errorf("%s is not of this house", name)
	}
	return Person{name, Role(role)}, true, nil
}
