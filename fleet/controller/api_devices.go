package controller

import (
	"cmp"
	"net/http"
	"strconv"

	"github.com/dunlin-edge/dunlin/fleet"
)

// deviceRoutes tell of devices, let them in and lock them out.
func (c *Controller) deviceRoutes() []route {
	return []route{
		{method: "GET", path: "/devices", need: Viewer, summary: "the devices that a query chooses", query: append([]parameter{queryParameter}, pages...), answer: []Device{}, do: func(r *http.Request) (any, error) {
			return page(r, func(d Device) string { return d.ID }, func(after string, limit int) ([]Device, error) {
				return c.Find(r.Context(), r.URL.Query().Get("query"), after, limit)
			})
		}},
		{method: "GET", path: "/devices/{id}", need: Viewer, summary: "one device", answer: Device{}, do: func(r *http.Request) (any, error) {
			return c.Device(r.Context(), r.PathValue("id"))
		}},
		{method: "GET", path: "/devices/{id}/desired", need: Viewer, summary: "what a device should run", answer: []fleet.Item{}, do: func(r *http.Request) (any, error) {
			items, err := c.Wants(r.Context(), r.PathValue("id"))
			return append([]fleet.Item{}, items...), err
		}},
		{method: "GET", path: "/devices/{id}/classes", need: Viewer, summary: "what a device decided, by pipeline, bundle and class", query: []parameter{{name: "hours", about: "of the last so many, 1 to 8784; 24 where absent", integer: true}}, answer: []ClassCount{}, do: func(r *http.Request) (any, error) {
			hours, err := strconv.Atoi(cmp.Or(r.URL.Query().Get("hours"), "24"))
			if err != nil || hours < 1 || hours > 8784 {
				return nil, problem(400, "hours: 1 to 8784", "")
			}
			if _, err := c.Device(r.Context(), r.PathValue("id")); err != nil {
				return nil, err
			}
			return c.Classes(r.Context(), r.PathValue("id"), hours)
		}},
		{method: "GET", path: "/devices/{id}/ledgers", need: Viewer, summary: "the account of a device's records", answer: []Ledger{}, do: func(r *http.Request) (any, error) {
			return c.Ledgers(r.Context(), r.PathValue("id"))
		}},
		{method: "GET", path: "/devices/{id}/events", need: Viewer, summary: "a device as it changes, as server-sent events named device; while somebody listens it sends its records every 5 s", media: "text/event-stream", serve: c.streamDevice},
		{method: "POST", path: "/devices/{id}/revoke", need: Admin, summary: "lock a device out for good", do: func(r *http.Request) (any, error) {
			return nil, c.Revoke(r.Context(), who(r).Name, r.PathValue("id"))
		}},
		{method: "DELETE", path: "/devices/{id}", need: Admin, summary: "lock a device out and forget its name", do: func(r *http.Request) (any, error) {
			return nil, c.Remove(r.Context(), who(r).Name, r.PathValue("id"))
		}},
		{method: "POST", path: "/tokens", need: Operator, summary: "make a token that enrols devices", body: tokenRequest{}, answer: tokenAnswer{}, do: c.postToken},
		{method: "GET", path: "/pending", need: Viewer, summary: "devices that wait to be allowed", query: pages, answer: []Waiting{}, do: func(r *http.Request) (any, error) {
			return page(r, func(w Waiting) string { return w.Device }, func(after string, limit int) ([]Waiting, error) {
				return c.Pending(r.Context(), after, limit)
			})
		}},
		{method: "POST", path: "/allowed", need: Operator, summary: "let devices enrol that wait for it, or that will", body: allowRequest{}, do: c.postAllowed},
		{method: "DELETE", path: "/allowed/{id}", need: Operator, summary: "take an allowance back", do: func(r *http.Request) (any, error) {
			return nil, c.Disallow(r.Context(), who(r).Name, r.PathValue("id"))
		}},
		{method: "GET", path: "/groups", need: Viewer, summary: "the groups", answer: []Group{}, do: func(r *http.Request) (any, error) { return c.Groups(r.Context()) }},
		{method: "PUT", path: "/groups/{name}", need: Operator, summary: "make or change a group", body: groupRequest{}, do: func(r *http.Request) (any, error) {
			var q groupRequest
			if err := readJSON(r, &q); err != nil {
				return nil, err
			}
			return nil, c.SetGroup(r.Context(), who(r).Name, r.PathValue("name"), q.Query)
		}},
		{method: "DELETE", path: "/groups/{name}", need: Operator, summary: "forget a group that no other is made of", do: func(r *http.Request) (any, error) {
			return nil, c.RemoveGroup(r.Context(), who(r).Name, r.PathValue("name"))
		}},
	}
}

type tokenRequest struct {
	Uses   int               `json:"uses,omitempty"`
	Life   string            `json:"life,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	Listed bool              `json:"listed,omitempty"`
}

type tokenAnswer struct {
	Token string `json:"token"`
}

type allowRequest struct {
	Devices []string          `json:"devices"`
	Labels  map[string]string `json:"labels,omitempty"`
}

type groupRequest struct {
	Query string `json:"query"`
}

func (c *Controller) postToken(r *http.Request) (any, error) {
	var q tokenRequest
	if err := readJSON(r, &q); err != nil {
		return nil, err
	}
	life, err := parseLife(q.Life)
	if err != nil {
		return nil, err
	}
	t, err := c.NewToken(r.Context(), who(r).Name, TokenOptions{q.Uses, life, q.Labels, q.Listed})
	return tokenAnswer{t}, err
}

func (c *Controller) postAllowed(r *http.Request) (any, error) {
	var q allowRequest
	if err := readJSON(r, &q); err != nil {
		return nil, err
	}
	return nil, c.Allow(r.Context(), who(r).Name, q.Devices, q.Labels)
}
