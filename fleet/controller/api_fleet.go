package controller

import (
	"cmp"
	"net/http"
	"strconv"
	"time"
)

// fleetRoutes tell of the fleet as a whole.
func (c *Controller) fleetRoutes() []route {
	return []route{
		{method: "GET", path: "/openapi.json", summary: "this document", answer: document{}, do: func(*http.Request) (any, error) { return c.document(), nil }},
		{method: "GET", path: "/status", need: Viewer, summary: "how the fleet fares", answer: Totals{}, do: func(r *http.Request) (any, error) { return c.Totals(r.Context()) }},
		{method: "GET", path: "/metrics", need: Viewer, summary: "the same for a Prometheus server", media: "text/plain", serve: c.metrics},
		{method: "GET", path: "/events", need: Viewer, summary: "what happens, as server-sent events: audit with a line of the log, status with the totals", query: []parameter{{name: "after", about: "lines of the audit log after this one; Last-Event-ID does the same", integer: true}}, media: "text/event-stream", serve: c.streamFleet},
		{method: "GET", path: "/certificates", need: Viewer, summary: "certificates that end soon", query: []parameter{{name: "within", about: `a duration such as "720h"`}}, answer: []Certificate{}, do: func(r *http.Request) (any, error) {
			within, err := parseLife(r.URL.Query().Get("within"))
			if err != nil {
				return nil, err
			}
			return c.Certificates(r.Context(), c.now().Add(within))
		}},
		{method: "GET", path: "/backup", need: Admin, summary: "database, keys and releases as a tar file", media: "application/x-tar", serve: c.getBackup},
	}
}

// auditRoutes tell who did what.
func (c *Controller) auditRoutes() []route {
	return []route{
		{method: "GET", path: "/audit", need: Viewer, summary: "lines of the audit log", query: []parameter{{name: "after", about: afterParameter.about, integer: true}, limitParameter}, answer: []Entry{}, do: func(r *http.Request) (any, error) {
			return page(r, func(e Entry) string { return strconv.FormatInt(e.N, 10) }, func(after string, limit int) ([]Entry, error) {
				n, err := strconv.ParseInt(cmp.Or(after, "0"), 10, 64)
				if err != nil {
					return nil, problem(400, "after: not a number", "")
				}
				return c.Audit(r.Context(), n, limit)
			})
		}},
		{method: "GET", path: "/audit/check", need: Viewer, summary: "recompute the chain of hashes", answer: checkAnswer{}, do: func(r *http.Request) (any, error) {
			n, err := c.VerifyAudit(r.Context())
			return checkAnswer{n}, err
		}},
		{method: "GET", path: "/audit/export", need: Viewer, summary: "the whole audit log, one JSON object a line", media: "application/x-ndjson", serve: c.exportAudit},
	}
}

type checkAnswer struct {
	Lines int64 `json:"lines"`
}

func daysOf(r *http.Request) (int, error) {
	days, err := strconv.Atoi(cmp.Or(r.URL.Query().Get("days"), "1"))
	if err != nil || days < 1 || days > 366 {
		return 0, problem(400, "days: 1 to 366", "")
	}
	return days, nil
}

// getBackup sends a backup. One that breaks off in the middle is not a whole tar
// file, which the client sees.
func (c *Controller) getBackup(w http.ResponseWriter, r *http.Request) error {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Hour)) // no deadline to lift otherwise
	if c.store.postgres {
		return c.Backup(r.Context(), who(r).Name, w)
	}
	w.Header().Set("Content-Type", "application/x-tar")
	if err := c.Backup(r.Context(), who(r).Name, w); err != nil {
		c.log.Error("backup", "err", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// exportAudit sends the log. Its hashes can be checked without us.
func (c *Controller) exportAudit(w http.ResponseWriter, r *http.Request) error {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Hour)) // likewise
	w.Header().Set("Content-Type", "application/x-ndjson")
	if err := c.ExportAudit(r.Context(), w); err != nil {
		c.log.Error("export the audit log", "err", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}
