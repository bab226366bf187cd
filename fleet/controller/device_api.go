package controller

import (
	"net/http"

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
		c.writeJSON(w, r, i, err)
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
		c.writeJSON(w, r, i, err)
	})
	mux.Handle("GET /updates/", c.artifacts())
	mux.HandleFunc("GET /captures/{sha256}", c.upload) // HEAD, too
	mux.HandleFunc("PUT /captures/{sha256}", c.upload)
	return mux
}
