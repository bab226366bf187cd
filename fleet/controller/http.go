package controller

import (
	"cmp"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// DeviceHandler serves devices: /enroll and /renew, over ServerTLS. Guessing a token of
// 128 random bits needs no throttle; a body is bounded.
func (c *Controller) DeviceHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /enroll", func(w http.ResponseWriter, r *http.Request) {
		var q fleet.EnrollRequest
		if err := readJSON(r, &q); err != nil {
			writeError(w, err)
			return
		}
		i, err := c.enroll(r.Context(), q)
		c.writeJSON(w, i, err)
	})
	mux.HandleFunc("POST /renew", func(w http.ResponseWriter, r *http.Request) {
		var q fleet.EnrollRequest
		if err := readJSON(r, &q); err != nil {
			writeError(w, err)
			return
		}
		if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
			writeError(w, problem(403, "no certificate was shown", ""))
			return
		}
		i, err := c.renew(r.Context(), r.TLS.PeerCertificates[0], q.CSR)
		c.writeJSON(w, i, err)
	})
	mux.Handle("GET /updates/", c.artifacts())
	return mux
}

// API returns the REST interface's handler. Every request needs the bearer
// token of the state folder.
func (c *Controller) API() http.Handler {
	mux := http.NewServeMux()
	get := func(path string, f func(*http.Request) (any, error)) {
		mux.HandleFunc("GET /api/v1"+path, func(w http.ResponseWriter, r *http.Request) {
			v, err := f(r)
			c.writeJSON(w, v, err)
		})
	}
	get("/status", func(r *http.Request) (any, error) { return c.Totals(r.Context()) })
	get("/devices", func(r *http.Request) (any, error) {
		return c.Find(r.Context(), r.URL.Query().Get("query"), r.URL.Query().Get("after"), limit(r))
	})
	get("/devices/{id}", func(r *http.Request) (any, error) { return c.Device(r.Context(), r.PathValue("id")) })
	get("/devices/{id}/ledgers", func(r *http.Request) (any, error) { return c.Ledgers(r.Context(), r.PathValue("id")) })
	get("/commands/{id}", func(r *http.Request) (any, error) { return c.CommandStatus(r.Context(), r.PathValue("id")) })
	get("/batches/{id}", func(r *http.Request) (any, error) { return c.Batch(r.Context(), r.PathValue("id")) })
	get("/batches/{id}/commands", func(r *http.Request) (any, error) {
		return c.BatchCommands(r.Context(), r.PathValue("id"), r.URL.Query().Get("after"), limit(r))
	})
	get("/drift", func(r *http.Request) (any, error) {
		days, err := strconv.Atoi(cmp.Or(r.URL.Query().Get("days"), "1"))
		if err != nil || days < 1 || days > 366 {
			return nil, problem(400, "days: 1 to 366", "")
		}
		return c.Drift(r.Context(), days)
	})
	get("/pending", func(r *http.Request) (any, error) {
		return c.Pending(r.Context(), r.URL.Query().Get("after"), limit(r))
	})
	get("/clients", func(r *http.Request) (any, error) { return c.Clients(r.Context()) })
	get("/certificates", func(r *http.Request) (any, error) {
		within, err := parseLife(r.URL.Query().Get("within"))
		if err != nil {
			return nil, err
		}
		return c.Certificates(r.Context(), c.now().Add(within))
	})
	get("/groups", func(r *http.Request) (any, error) { return c.Groups(r.Context()) })
	get("/audit", func(r *http.Request) (any, error) {
		after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
		return c.Audit(r.Context(), after, limit(r))
	})
	get("/audit/check", func(r *http.Request) (any, error) {
		n, err := c.VerifyAudit(r.Context())
		return map[string]int64{"lines": n}, err
	})
	c.assignmentRoutes(mux)
	mux.HandleFunc("POST /api/v1/tokens", c.postToken)
	mux.HandleFunc("POST /api/v1/commands", c.postCommand)
	mux.HandleFunc("GET /api/v1/metrics", c.metrics)
	mux.HandleFunc("GET /api/v1/backup", c.getBackup)
	mux.HandleFunc("POST /api/v1/clients", c.postClient)
	mux.HandleFunc("DELETE /api/v1/clients/{name}", func(w http.ResponseWriter, r *http.Request) {
		c.writeJSON(w, struct{}{}, c.RemoveClient(r.Context(), author, r.PathValue("name")))
	})
	mux.HandleFunc("POST /api/v1/allowed", c.postAllowed)
	mux.HandleFunc("DELETE /api/v1/allowed/{id}", func(w http.ResponseWriter, r *http.Request) {
		c.writeJSON(w, struct{}{}, c.Disallow(r.Context(), author, r.PathValue("id")))
	})
	mux.HandleFunc("PUT /api/v1/groups/{name}", c.putGroup)
	mux.HandleFunc("DELETE /api/v1/groups/{name}", func(w http.ResponseWriter, r *http.Request) {
		c.writeJSON(w, struct{}{}, c.RemoveGroup(r.Context(), author, r.PathValue("name")))
	})
	mux.HandleFunc("POST /api/v1/devices/{id}/revoke", func(w http.ResponseWriter, r *http.Request) {
		c.writeJSON(w, struct{}{}, c.Revoke(r.Context(), author, r.PathValue("id")))
	})
	mux.HandleFunc("DELETE /api/v1/devices/{id}", func(w http.ResponseWriter, r *http.Request) {
		c.writeJSON(w, struct{}{}, c.Remove(r.Context(), author, r.PathValue("id")))
	})
	return c.Authorized(mux)
}

// author stands in the audit log for who holds the state folder's token.
const author = "admin"

// Authorized lets only requests with the state folder's token through.
func (c *Controller) Authorized(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || subtle.ConstantTimeCompare([]byte(given), []byte(c.admin)) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeError(w, problem(401, "not signed in", "send the content of admin.token in the state folder as bearer token"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (c *Controller) postToken(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Uses   int               `json:"uses"`
		Life   string            `json:"life"`
		Labels map[string]string `json:"labels"`
		Listed bool              `json:"listed"`
	}
	if err := readJSON(r, &q); err != nil {
		writeError(w, err)
		return
	}
	life, err := parseLife(q.Life)
	if err != nil {
		writeError(w, err)
		return
	}
	t, err := c.NewToken(r.Context(), author, TokenOptions{q.Uses, life, q.Labels, q.Listed})
	c.writeJSON(w, map[string]string{"token": t}, err)
}

// postCommand takes a command to one device, or to all of a query.
func (c *Controller) postCommand(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Device string          `json:"device"`
		Query  *string         `json:"query"`
		Name   string          `json:"name"`
		Args   json.RawMessage `json:"args"`
		Life   string          `json:"life"`
	}
	if err := readJSON(r, &q); err != nil {
		writeError(w, err)
		return
	}
	life, err := parseLife(q.Life)
	if err != nil {
		writeError(w, err)
		return
	}
	o := CommandOptions{q.Name, q.Args, life}
	switch {
	case (q.Device == "") == (q.Query == nil):
		writeError(w, problem(400, "a command is to a device or to a query", `give "device": ID, or "query": QUERY; the empty query is every device`))
	case q.Query != nil:
		b, err := c.CommandAll(r.Context(), author, *q.Query, o)
		c.writeJSON(w, b, err)
	default:
		s, err := c.Command(r.Context(), author, q.Device, o)
		c.writeJSON(w, s, err)
	}
}

// getBackup sends a backup. One that breaks off in the middle is not a whole tar
// file, which the client sees.
func (c *Controller) getBackup(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).SetWriteDeadline(c.now().Add(time.Hour)) // no deadline to lift otherwise
	if c.store.postgres {
		c.writeJSON(w, nil, c.Backup(r.Context(), author, w))
		return
	}
	w.Header().Set("Content-Type", "application/x-tar")
	if err := c.Backup(r.Context(), author, w); err != nil {
		c.log.Error("backup", "err", err)
		panic(http.ErrAbortHandler)
	}
}

func (c *Controller) postAllowed(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Devices []string          `json:"devices"`
		Labels  map[string]string `json:"labels"`
	}
	err := readJSON(r, &q)
	if err == nil {
		err = c.Allow(r.Context(), author, q.Devices, q.Labels)
	}
	c.writeJSON(w, struct{}{}, err)
}

func (c *Controller) postClient(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Role string `json:"role"`
		CSR  string `json:"csr"` // PEM
		Life string `json:"life"`
	}
	if err := readJSON(r, &q); err != nil {
		writeError(w, err)
		return
	}
	life, err := parseLife(q.Life)
	if err != nil {
		writeError(w, err)
		return
	}
	made, err := c.NewClient(r.Context(), author, q.Role, q.CSR, life)
	c.writeJSON(w, made, err)
}

// putGroup makes or changes a group.
func (c *Controller) putGroup(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Query string `json:"query"`
	}
	err := readJSON(r, &q)
	if err == nil {
		err = c.SetGroup(r.Context(), author, r.PathValue("name"), q.Query)
	}
	c.writeJSON(w, struct{}{}, err)
}

func parseLife(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, problem(400, "life: "+err.Error(), `write it like "90m" or "24h"`)
	}
	return d, nil
}

func limit(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil || n < 1 || n > 1000 {
		return 1000
	}
	return n
}

func readJSON(r *http.Request, v any) error {
	d := json.NewDecoder(io.LimitReader(r.Body, 64<<10))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return problem(400, "request: "+err.Error(), "")
	}
	return nil
}

func (c *Controller) writeJSON(w http.ResponseWriter, v any, err error) {
	if err != nil {
		if p := (*Problem)(nil); !errors.As(err, &p) {
			c.log.Error("request", "err", err)
		}
		writeError(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client is gone
}

// writeError answers with a problem (RFC 9457). What is not one of ours stays
// in the log.
func writeError(w http.ResponseWriter, err error) {
	p := AsProblem(err)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client is gone
}
