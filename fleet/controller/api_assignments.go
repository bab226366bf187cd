package controller

import (
	"encoding/json"
	"net/http"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/ota/release"
)

// assignmentRoutes bring releases to devices.
func (c *Controller) assignmentRoutes() []route {
	return []route{
		{method: "GET", path: "/releases", need: Viewer, summary: "what can be assigned", answer: []release.Released{}, do: func(*http.Request) (any, error) { return c.Releases() }},
		{method: "POST", path: "/plans", need: Viewer, summary: "what an assignment would do", body: assignmentRequest{}, answer: Plan{}, do: func(r *http.Request) (any, error) {
			o, err := readAssignment(r)
			if err != nil {
				return nil, err
			}
			p, err := c.Plan(r.Context(), o)
			if p != nil { // that no device can run it stands in it, device by device
				return p, nil
			}
			return nil, err
		}},
		{method: "POST", path: "/assignments", need: Approver, summary: "begin to bring a release to devices", body: assignmentRequest{}, answer: Assignment{}, do: func(r *http.Request) (any, error) {
			o, err := readAssignment(r)
			if err != nil {
				return nil, err
			}
			return c.Assign(r.Context(), who(r).Name, o)
		}},
		{method: "GET", path: "/assignments", need: Viewer, summary: "the assignments, the newest first", query: pages, answer: []*Assignment{}, do: func(r *http.Request) (any, error) {
			return page(r, (*Assignment).cursor, func(after string, limit int) ([]*Assignment, error) {
				return c.assignmentsAfter(r.Context(), after, limit)
			})
		}},
		{method: "GET", path: "/assignments/{id}", need: Viewer, summary: "one assignment", answer: Assignment{}, do: func(r *http.Request) (any, error) {
			return c.Assignment(r.Context(), r.PathValue("id"))
		}},
		{method: "GET", path: "/assignments/{id}/devices", need: Viewer, summary: "how far each device of an assignment is", query: pages, answer: []AssignedDevice{}, do: func(r *http.Request) (any, error) {
			return page(r, func(d AssignedDevice) string { return d.Device }, func(after string, limit int) ([]AssignedDevice, error) {
				return c.AssignedDevices(r.Context(), r.PathValue("id"), after, limit)
			})
		}},
		c.steering("pause", "hold an assignment where it is"),
		c.steering("abort", "end an assignment; its devices go back"),
		c.steering("resume", "let a paused assignment go on"),
		c.steering("promote", "open the next wave, whatever the gate says"),
		c.steering("abandon", "end an assignment; what runs it goes on with it"),
		{method: "GET", path: "/drift", need: Viewer, summary: "what devices saw against their bundles' reference, by cohort", query: []parameter{{name: "days", about: "of the last so many, 1 to 366", integer: true}, {name: "device", about: "only what this one saw"}}, answer: []Cohort{}, do: func(r *http.Request) (any, error) {
			days, err := daysOf(r)
			if err != nil {
				return nil, err
			}
			return c.Drift(r.Context(), r.URL.Query().Get("device"), days)
		}},
	}
}

func (c *Controller) steering(action, summary string) route {
	return route{method: "POST", path: "/assignments/{id}/" + action, need: SteerRole(action), summary: summary, answer: Assignment{}, do: func(r *http.Request) (any, error) {
		return c.Steer(r.Context(), who(r).Name, r.PathValue("id"), action)
	}}
}

// SteerRole is the role that an action on an assignment takes. To stop is
// easier than to go on.
func SteerRole(action string) Role {
	if action == "pause" || action == "abort" {
		return Operator
	}
	return Approver
}

// assignmentRequest is the body of a new assignment.
type assignmentRequest struct {
	Target  string        `json:"target,omitempty"`
	Tuning  *fleet.Tuning `json:"tuning,omitempty"` // instead of a target
	Slot    string        `json:"slot,omitempty"`
	Query   string        `json:"query,omitempty"`
	Waves   []Wave        `json:"waves,omitempty"`
	Soak    string        `json:"soak,omitempty"`
	Timeout string        `json:"timeout,omitempty"`
}

func readAssignment(r *http.Request) (o AssignmentOptions, err error) {
	var q assignmentRequest
	if err := readJSON(r, &q); err != nil {
		return o, err
	}
	o = AssignmentOptions{Target: q.Target, Slot: q.Slot, Query: q.Query, Waves: q.Waves}
	if q.Tuning != nil {
		if o.Tuning, err = json.Marshal(q.Tuning); err != nil {
			return o, err
		}
	}
	if o.Soak, err = parseLife(q.Soak); err != nil {
		return o, err
	}
	o.Timeout, err = parseLife(q.Timeout)
	return o, err
}
