package console

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/dunlin-edge/dunlin/fleet/controller"
)

// groups shows the queries that have a name.
func (c *Console) groups(r *http.Request) (page, error) {
	all, err := c.cfg.Controller.Groups(r.Context())
	return page{name: "groups", Title: "Groups", Line: c.line("group"), Data: all}, err
}

func (c *Console) setGroup(r *http.Request) (string, error) {
	return "/groups", c.cfg.Controller.SetGroup(r.Context(), who(r), r.PostFormValue("name"), r.PostFormValue("query"))
}

func (c *Console) removeGroup(r *http.Request) (string, error) {
	return "/groups", c.cfg.Controller.RemoveGroup(r.Context(), who(r), r.PathValue("name"))
}

// commands shows what was asked of many devices at once.
func (c *Console) commands(r *http.Request) (page, error) {
	all, err := c.cfg.Controller.Batches(r.Context(), 50)
	return page{name: "commands", Title: "Commands", Live: true, Line: c.line("command", "self-test", "--query", "@NAME"), Data: all}, err
}

// batch shows how far each device is with one of them.
func (c *Console) batch(r *http.Request) (page, error) {
	id := r.PathValue("id")
	b, err := c.cfg.Controller.Batch(r.Context(), id)
	if err != nil {
		return page{}, err
	}
	all, err := c.cfg.Controller.BatchCommands(r.Context(), id, r.URL.Query().Get("after"), pageSize)
	if err != nil {
		return page{}, err
	}
	data := map[string]any{"Batch": b, "Commands": all, "Next": ""}
	if len(all) == pageSize {
		data["Next"] = "/commands/" + url.PathEscape(id) + "?after=" + url.QueryEscape(all[len(all)-1].Device)
	}
	return page{name: "batch", Title: b.Name + " to many", Live: true, Line: c.line("command", b.Name, "--query", "QUERY"), Data: data}, nil
}

// commandAll asks every device of a query to do something.
func (c *Console) commandAll(r *http.Request) (string, error) {
	b, err := c.cfg.Controller.CommandAll(r.Context(), who(r), r.PostFormValue("query"), controller.CommandOptions{Name: r.PostFormValue("name")})
	return "/commands/" + url.PathEscape(b.ID), err
}

// people shows who and what may come in: those that wait, programs, persons.
func (c *Console) people(r *http.Request) (page, error) {
	ctx, data := r.Context(), map[string]any{}
	var err error
	read := func(name string, v any, e error) {
		if data[name] = v; e != nil && err == nil {
			err = e
		}
	}
	waiting, e := c.cfg.Controller.Pending(ctx, "", pageSize)
	read("Waiting", waiting, e)
	clients, e := c.cfg.Controller.Clients(ctx)
	read("Clients", clients, e)
	if current(r).person.Role.May(controller.Admin) {
		users, e := c.cfg.Controller.Users(ctx)
		read("Users", users, e)
		tokens, e := c.cfg.Controller.APITokens(ctx)
		read("Tokens", tokens, e)
		hooks, e := c.cfg.Controller.Webhooks(ctx)
		read("Hooks", hooks, e)
	}
	return page{name: "access", Title: "Who may come in", Live: true, Line: c.line("user"), Data: data}, err
}

func (c *Console) allow(r *http.Request) (string, error) {
	return "/access", c.cfg.Controller.Allow(r.Context(), who(r), []string{r.PostFormValue("device")}, nil)
}

// drift shows what devices saw, beside what their bundles were made for.
func (c *Console) drift(r *http.Request) (page, error) {
	days, err := strconv.Atoi(r.URL.Query().Get("days"))
	if err != nil || days < 1 || days > 366 {
		days = 1
	}
	cohorts, err := c.cfg.Controller.Drift(r.Context(), "", days)
	if err != nil {
		return page{}, err
	}
	return page{name: "drift", Title: "Drift", Line: c.line("drift", "--days", strconv.Itoa(days)), Data: map[string]any{"Cohorts": cohorts, "Days": days}}, nil
}

// A column is one bin of a chart: what was seen, and what was expected.
type column struct {
	X, Width         float64
	Y, Height        float64 // of what was seen
	RefY, RefHeight  float64
	Seen, Share, Bin string
	HasRef           bool
}

const (
	chartWidth  = 240.0
	chartHeight = 60.0
)

// chart draws a histogram, its parts as shares so that few devices and many
// look alike.
func chart(f controller.FeatureDrift) []column {
	share := func(counts []uint32) (out []float64, most float64) {
		sum := 0.0
		for _, n := range counts {
			sum += float64(n)
		}
		for _, n := range counts {
			x := float64(n) / max(sum, 1)
			out, most = append(out, x), max(most, x)
		}
		return out, most
	}
	seen, most := share(f.Counts)
	reference, other := share(f.Reference)
	most = max(most, other, 1e-9)
	width := chartWidth / float64(max(1, len(seen)))
	var out []column
	for i, x := range seen {
		k := column{X: float64(i) * width, Width: max(width-1, 0.5), Height: chartHeight * x / most, Seen: fmt.Sprint(f.Counts[i]), Share: fmt.Sprintf("%.1f %%", 100*x), Bin: fmt.Sprint(i)}
		k.Y = chartHeight - k.Height
		if i < len(reference) {
			k.HasRef, k.RefHeight = true, chartHeight*reference[i]/most
			k.RefY = chartHeight - k.RefHeight
		}
		out = append(out, k)
	}
	return out
}
