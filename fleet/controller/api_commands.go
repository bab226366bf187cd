package controller

import (
	"encoding/json"
	"net/http"
)

// commandRoutes ask devices to do something once.
func (c *Controller) commandRoutes() []route {
	return []route{
		{method: "POST", path: "/commands", need: Operator, summary: "a command to one device, or to all of a query", body: commandRequest{}, answer: commandAnswer{}, do: c.postCommand},
		{method: "GET", path: "/commands/{id}", need: Viewer, summary: "how far a command is", answer: CommandStatus{}, do: func(r *http.Request) (any, error) {
			return c.CommandStatus(r.Context(), r.PathValue("id"))
		}},
		{method: "GET", path: "/batches", need: Viewer, summary: "the newest commands to queries", answer: []Batch{}, do: func(r *http.Request) (any, error) { return c.Batches(r.Context(), 100) }},
		{method: "GET", path: "/batches/{id}", need: Viewer, summary: "how far the commands of a batch are", answer: Batch{}, do: func(r *http.Request) (any, error) {
			return c.Batch(r.Context(), r.PathValue("id"))
		}},
		{method: "GET", path: "/batches/{id}/commands", need: Viewer, summary: "the commands of a batch by device", query: pages, answer: []CommandStatus{}, do: func(r *http.Request) (any, error) {
			return page(r, func(s CommandStatus) string { return s.Device }, func(after string, limit int) ([]CommandStatus, error) {
				return c.BatchCommands(r.Context(), r.PathValue("id"), after, limit)
			})
		}},
	}
}

type commandRequest struct {
	Device string          `json:"device,omitempty"`
	Query  *string         `json:"query,omitempty"`
	Name   string          `json:"name"`
	Args   json.RawMessage `json:"args,omitempty"`
	Life   string          `json:"life,omitempty"`
}

// commandAnswer stands in the document for the two answers that there are.
type commandAnswer struct{}

func (commandAnswer) oneOf() []any { return []any{CommandStatus{}, Batch{}} }

// postCommand takes a command to one device, or to all of a query.
func (c *Controller) postCommand(r *http.Request) (any, error) {
	var q commandRequest
	if err := readJSON(r, &q); err != nil {
		return nil, err
	}
	life, err := parseLife(q.Life)
	if err != nil {
		return nil, err
	}
	o := CommandOptions{q.Name, q.Args, life}
	switch {
	case (q.Device == "") == (q.Query == nil):
		return nil, problem(400, "a command is to a device or to a query", `give "device": ID, or "query": QUERY; the empty query is every device`)
	case q.Query != nil:
		return c.CommandAll(r.Context(), who(r).Name, *q.Query, o)
	}
	return c.Command(r.Context(), who(r).Name, q.Device, o)
}
