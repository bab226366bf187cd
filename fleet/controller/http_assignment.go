package controller

import (
	"net/http"
)

// assignmentRoutes are the REST interface of releases and assignments.
func (c *Controller) assignmentRoutes(mux *http.ServeMux) {
	handle := func(path string, f func(*http.Request) (any, error)) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			v, err := f(r)
			c.writeJSON(w, v, err)
		})
	}
	handle("GET /api/v1/releases", func(*http.Request) (any, error) { return c.Releases() })
	handle("GET /api/v1/assignments", func(r *http.Request) (any, error) { return c.Assignments(r.Context(), limit(r)) })
	handle("GET /api/v1/assignments/{id}", func(r *http.Request) (any, error) { return c.Assignment(r.Context(), r.PathValue("id")) })
	handle("GET /api/v1/assignments/{id}/devices", func(r *http.Request) (any, error) {
		return c.AssignedDevices(r.Context(), r.PathValue("id"), r.URL.Query().Get("after"), limit(r))
	})
	handle("POST /api/v1/assignments", func(r *http.Request) (any, error) {
		q, err := readAssignment(r)
		if err != nil {
			return nil, err
		}
		if q.DryRun {
			return c.Plan(r.Context(), q.options)
		}
		return c.Assign(r.Context(), author, q.options)
	})
	handle("POST /api/v1/assignments/{id}/{action}", func(r *http.Request) (any, error) {
		return c.Steer(r.Context(), author, r.PathValue("id"), r.PathValue("action"))
	})
}

// assignmentRequest is the body of a new assignment.
type assignmentRequest struct {
	Target  string `json:"target"`
	Slot    string `json:"slot"`
	Query   string `json:"query"`
	Waves   []Wave `json:"waves"`
	Soak    string `json:"soak"`
	Timeout string `json:"timeout"`
	DryRun  bool   `json:"dry_run"`

	options AssignmentOptions
}

func readAssignment(r *http.Request) (*assignmentRequest, error) {
	q := &assignmentRequest{}
	if err := readJSON(r, q); err != nil {
		return nil, err
	}
	soak, err := parseLife(q.Soak)
	if err != nil {
		return nil, err
	}
	timeout, err := parseLife(q.Timeout)
	if err != nil {
		return nil, err
	}
	q.options = AssignmentOptions{Target: q.Target, Slot: q.Slot, Query: q.Query, Waves: q.Waves, Soak: soak, Timeout: timeout}
	return q, nil
}
