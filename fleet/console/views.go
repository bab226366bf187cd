package console

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/fleet/controller"
	"github.com/dunlin-edge/dunlin/ota/release"
)

// pageSize is how many devices a page lists.
const pageSize = 200

// line is a command of dunlin-fleet that does the same.
func (c *Console) line(args ...string) string {
	parts := []string{"dunlin-fleet"}
	for _, a := range append(args, "--dir", c.cfg.Dir) {
		if strings.ContainsAny(a, " '\"$&|;<>()*?#~=") || a == "" {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		parts = append(parts, a)
	}
	return strings.Join(parts, " ")
}

// A bar is one part of a whole.
type bar struct {
	Name  string
	Count int
	Link  string
}

func bars(counts map[string]int, link func(string) string) []bar {
	var out []bar
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		out = append(out, bar{k, counts[k], link(k)})
	}
	slices.SortStableFunc(out, func(a, b bar) int { return cmp.Compare(b.Count, a.Count) })
	return out
}

func query(field, value string) string {
	return "/devices?query=" + url.QueryEscape(field+" = '"+value+"'")
}

func (c *Console) overview(r *http.Request) (page, error) {
	ctx := r.Context()
	t, err := c.cfg.Controller.Totals(ctx)
	if err != nil {
		return page{}, err
	}
	running, err := c.cfg.Controller.Assignments(ctx, 5)
	if err != nil {
		return page{}, err
	}
	log, err := c.cfg.Controller.LastAudit(ctx, 8)
	if err != nil {
		return page{}, err
	}
	n := 0
	for _, k := range t.Devices {
		n += k
	}
	return page{name: "overview", Title: "Overview", Live: true, Line: c.line("status"), Data: map[string]any{
		"Totals": t, "States": bars(t.Devices, func(s string) string { return query("state", s) }), "Count": n,
		"Assignments": running, "Audit": log,
	}}, nil
}

func (c *Console) devices(r *http.Request) (page, error) {
	q, err := url.ParseQuery(r.URL.RawQuery) // URL.Query would leave out what it cannot read: every device
	if err != nil {
		return page{}, controller.NewProblem(400, "the address: "+err.Error(), "type the query into the field")
	}
	found, err := c.cfg.Controller.Find(r.Context(), q.Get("query"), q.Get("after"), pageSize)
	data := map[string]any{"Query": q.Get("query"), "Devices": found, "Next": ""}
	if err != nil {
		p := controller.AsProblem(err)
		if p.Status >= 500 {
			return page{}, err
		}
		data["Problem"] = p // the query stays, to be mended
	}
	if len(found) == pageSize {
		data["Next"] = "/devices?" + url.Values{"query": {q.Get("query")}, "after": {found[len(found)-1].ID}}.Encode()
	}
	args := []string{"devices"}
	if q.Get("query") != "" {
		args = append(args, "--query", q.Get("query"))
	}
	return page{name: "devices", Title: "Devices", Live: err == nil, Line: c.line(args...), Data: data}, nil
}

func (c *Console) device(r *http.Request) (page, error) {
	id := r.PathValue("id")
	d, err := c.cfg.Controller.Device(r.Context(), id)
	if err != nil {
		return page{}, err
	}
	ledgers, err := c.cfg.Controller.Ledgers(r.Context(), id)
	if err != nil {
		return page{}, err
	}
	wants, err := c.cfg.Controller.Wants(r.Context(), id)
	if err != nil {
		return page{}, err
	}
	commands, err := c.cfg.Controller.Commands(r.Context(), id, 10)
	if err != nil {
		return page{}, err
	}
	decided, err := c.decided(r.Context(), id)
	if err != nil {
		return page{}, err
	}
	cohorts, err := c.cfg.Controller.Drift(r.Context(), id, 2)
	if err != nil {
		return page{}, err
	}
	return page{name: "device", Title: id, Live: true, Line: c.line("devices", id), Data: map[string]any{
		"Device": d, "Ledgers": ledgers, "Wants": wants, "Commands": commands, "Decided": decided, "Cohorts": cohorts, "Tunable": tunable(&d),
	}}, nil
}

// tunable says in words what a device lets the fleet tune.
func tunable(d *controller.Device) string {
	if d.Reported == nil || !slices.ContainsFunc(d.Reported.Slots, func(s fleet.SlotReported) bool { return s.Slot == fleet.TuningSlot }) {
		return ""
	}
	what := []string{"what is captured"}
	if t := d.Reported.Tunable; t != nil {
		if t.Health {
			what = append(what, "how often health is read")
		}
		for _, name := range slices.Sorted(maps.Keys(t.Enter)) {
			what = append(what, fmt.Sprintf("the score at which %s begins a decision, from %g to %g", name, t.Enter[name].Min, t.Enter[name].Max))
		}
	}
	return strings.Join(what, "; ")
}

func (c *Console) releases(r *http.Request) (page, error) {
	all, err := c.cfg.Controller.Releases()
	data := map[string]any{"Releases": all, "Target": r.URL.Query().Get("target"), "Tune": r.URL.Query().Has("tune"), "Tuning": tuningExample, "Query": r.URL.Query().Get("query")}
	if err != nil {
		p := controller.AsProblem(err)
		if p.Status >= 500 {
			return page{}, err
		}
		data["Problem"] = p
	}
	slices.SortStableFunc(all, func(a, b release.Released) int { return cmp.Compare(b.Path, a.Path) })
	return page{name: "releases", Title: "Models", Line: c.line("releases"), Data: data}, nil
}

// tuningExample shows the keys of a tuning.
const tuningExample = `{
  "captures": {"machine": {"below": 0.5, "min_interval_ms": 60000}},
  "health_ms": 60000
}`

// options reads the form of an assignment.
func options(r *http.Request) (o controller.AssignmentOptions, err error) {
	o = controller.AssignmentOptions{Target: r.PostFormValue("target"), Slot: r.PostFormValue("slot"), Query: r.PostFormValue("query"), Tuning: []byte(r.PostFormValue("tuning"))}
	if o.Waves, err = controller.ParseWaves(r.PostFormValue("waves")); err != nil {
		return o, err
	}
	if text := r.PostFormValue("soak"); text != "" {
		if o.Soak, err = time.ParseDuration(text); err != nil {
			return o, controller.NewProblem(400, "soak: "+err.Error(), `write it like "10m" or "24h"`)
		}
	}
	return o, nil
}

// plan shows what an assignment would do, with a button that does it.
func (c *Console) plan(r *http.Request) (page, error) {
	p, err := c.releases(r)
	if err != nil {
		return page{}, err
	}
	o, err := options(r)
	if err != nil {
		return page{}, err
	}
	plan, err := c.cfg.Controller.Plan(r.Context(), o)
	if err != nil && controller.AsProblem(err).Status >= 500 {
		return page{}, err
	}
	data := p.Data.(map[string]any)
	data["Target"], data["Plan"], data["Form"], data["Query"] = o.Target, plan, r.PostForm, o.Query
	data["Tune"], data["Tuning"] = o.Target == "", string(o.Tuning)
	if err != nil {
		data["PlanProblem"] = controller.AsProblem(err)
	}
	what := []string{o.Target}
	if o.Target == "" {
		what = []string{"--tuning", "tuning.json"}
	}
	args := append([]string{"assign"}, append(what, "--waves", r.PostFormValue("waves"), "--soak", r.PostFormValue("soak"))...)
	if o.Query != "" {
		args = append(args, "--query", o.Query)
	}
	p.Line = c.line(args...)
	return p, nil
}

func (c *Console) assign(r *http.Request) (string, error) {
	o, err := options(r)
	if err != nil {
		return "", err
	}
	a, err := c.cfg.Controller.Assign(r.Context(), who(r), o)
	if err != nil {
		return "", err
	}
	return "/assignments/" + a.ID, nil
}

func (c *Console) assignments(r *http.Request) (page, error) {
	all, err := c.cfg.Controller.Assignments(r.Context(), 100)
	return page{name: "assignments", Title: "Assignments", Live: true, Line: c.line("assignments"), Data: all}, err
}

func (c *Console) assignment(r *http.Request) (page, error) {
	id := r.PathValue("id")
	a, err := c.cfg.Controller.Assignment(r.Context(), id)
	if err != nil {
		return page{}, err
	}
	devices, err := c.cfg.Controller.AssignedDevices(r.Context(), id, r.URL.Query().Get("after"), pageSize)
	if err != nil {
		return page{}, err
	}
	rank := map[string]int{"failed": 0, "updating": 1, "sent": 2, "done": 3, "waiting": 4}
	slices.SortStableFunc(devices, func(a, b controller.AssignedDevice) int {
		return cmp.Or(cmp.Compare(rank[a.State], rank[b.State]), cmp.Compare(a.Wave, b.Wave))
	})
	return page{name: "assignment", Title: a.Bundle, Live: true, Line: c.line("assignment", "show", id), Data: map[string]any{"Assignment": a, "Devices": devices}}, nil
}

func (c *Console) steer(r *http.Request) (string, error) {
	_, err := c.cfg.Controller.Steer(r.Context(), who(r), r.PathValue("id"), r.PathValue("action"))
	return "/assignments/" + url.PathEscape(r.PathValue("id")), err
}

func (c *Console) command(r *http.Request) (string, error) {
	var args json.RawMessage
	if p := r.PostFormValue("pipeline"); p != "" {
		var err error
		if args, err = json.Marshal(map[string]string{"pipeline": p}); err != nil {
			return "", err
		}
	}
	_, err := c.cfg.Controller.Command(r.Context(), who(r), r.PathValue("id"), controller.CommandOptions{Name: r.PostFormValue("name"), Args: args})
	return "/devices/" + url.PathEscape(r.PathValue("id")), err
}

func (c *Console) revoke(r *http.Request) (string, error) {
	id := r.PathValue("id")
	if r.PostFormValue("confirm") != id {
		return "", controller.NewProblem(400, "the name typed is not "+id, "type the device's name to lock it out")
	}
	return "/devices/" + url.PathEscape(id), c.cfg.Controller.Revoke(r.Context(), who(r), id)
}

func (c *Console) enrol(r *http.Request) (page, error) {
	newest, err := c.cfg.Controller.Find(r.Context(), "", "", 1000)
	if err != nil {
		return page{}, err
	}
	slices.SortFunc(newest, func(a, b controller.Device) int { return b.Enrolled.Compare(a.Enrolled) })
	return page{name: "enrol", Title: "Enrol devices", Live: true, Line: c.line("token"), Data: map[string]any{"Newest": newest[:min(len(newest), 8)]}}, nil
}

func (c *Console) newToken(r *http.Request) (page, error) {
	uses, err := strconv.Atoi(cmp.Or(r.PostFormValue("uses"), "1"))
	if err != nil {
		return page{}, controller.NewProblem(400, "uses: not a number", "")
	}
	labels := map[string]string{}
	for _, pair := range strings.FieldsFunc(r.PostFormValue("labels"), func(x rune) bool { return x == ',' || x == ' ' }) {
		k, v, ok := strings.Cut(pair, "=")
		if !ok || k == "" {
			return page{}, controller.NewProblem(400, fmt.Sprintf("label %q", pair), "write labels like site=north line=2")
		}
		labels[k] = v
	}
	token, err := c.cfg.Controller.NewToken(r.Context(), who(r), controller.TokenOptions{Uses: uses, Labels: labels})
	if err != nil {
		return page{}, err
	}
	p, err := c.enrol(r)
	if err == nil {
		p.Data.(map[string]any)["Command"] = "dunlin enroll " + c.cfg.Devices + " " + token
		p.Live = false // or the command would go
	}
	return p, err
}

func (c *Console) audit(r *http.Request) (page, error) {
	log, err := c.cfg.Controller.LastAudit(r.Context(), 200)
	return page{name: "audit", Title: "Audit log", Live: true, Line: c.line("audit"), Data: log}, err
}
