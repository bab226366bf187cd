package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A route is one thing that the REST interface does. What serves it, who may
// ask for it and what its document says stand together, so that none of the
// three can be without the others.
type route struct {
	method, path string
	need         Role // "" is anybody
	summary      string
	query        []parameter
	body         any    // zero value of what is sent; nil: nothing
	answer       any    // zero value of what comes back; nil: an empty object
	media        string // of an answer that is not JSON

	do    func(*http.Request) (any, error)               // what to answer
	serve func(http.ResponseWriter, *http.Request) error // or answers by itself
}

// parameter is one of a route's query parameters.
type parameter struct {
	name, about string
	integer     bool
}

var (
	afterParameter = parameter{name: "after", about: "goes on behind this one, as the Link header of a page says"}
	limitParameter = parameter{name: "limit", about: "at most so many, 1 to 1000", integer: true}
	queryParameter = parameter{name: "query", about: "which devices, such as labels.site = 'north'; empty: all"}
	pages          = []parameter{afterParameter, limitParameter}
)

const apiPrefix = "/api/v1"

func (c *Controller) routes() []route {
	var all []route
	for _, some := range [][]route{c.fleetRoutes(), c.deviceRoutes(), c.captureRoutes(), c.commandRoutes(), c.assignmentRoutes(), c.accessRoutes(), c.auditRoutes()} {
		all = append(all, some...)
	}
	return all
}

// API returns the REST interface's handler.
func (c *Controller) API() http.Handler {
	mux := http.NewServeMux()
	for _, x := range c.routes() {
		mux.Handle(x.method+" "+apiPrefix+x.path, c.guarded(x))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if _, pattern := mux.Handler(r); pattern == "" {
			writeError(w, noRoute(mux, w, r))
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// noRoute is the answer where no route fits: another method, or nothing at all.
func noRoute(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) error {
	var other []string
	for _, m := range []string{"GET", "POST", "PUT", "DELETE"} {
		q := *r
		q.Method = m
		if _, pattern := mux.Handler(&q); pattern != "" {
			other = append(other, m)
		}
	}
	if len(other) == 0 {
		return problem(404, "there is nothing at this address", "GET "+apiPrefix+"/openapi.json tells what is")
	}
	w.Header().Set("Allow", strings.Join(other, ", "))
	return problem(405, fmt.Sprintf("%.20q is not for this address", r.Method), "it takes "+strings.Join(other, ", "))
}

// guarded serves a route to who may use it.
func (c *Controller) guarded(x route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if x.need != "" {
			p, err := c.identify(r)
			if err == nil {
				err = c.Allowed(r.Context(), p, x.need, r.Method+" "+r.URL.Path)
			}
			if err != nil {
				c.refuseRequest(w, err)
				return
			}
			r = r.WithContext(context.WithValue(r.Context(), personKey{}, p))
		}
		// What cannot be read is left out by URL.Query, and no query is every device.
		given, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			err = problem(400, "parameters: "+err.Error(), "escape what is not a letter or a digit")
		} else {
			err = x.knows(given)
		}
		if err != nil {
			writeError(w, err)
			return
		}
		if x.serve != nil {
			if err := x.serve(w, r); err != nil {
				c.writeJSON(w, r, nil, err)
			}
			return
		}
		v, err := x.do(r)
		if v == nil && err == nil {
			v = struct{}{}
		}
		c.writeJSON(w, r, v, err)
	})
}

func (c *Controller) refuseRequest(w http.ResponseWriter, err error) {
	if AsProblem(err).Status == 401 {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	c.writeJSON(w, nil, nil, err)
}

// knows refuses a parameter that the route does not have: a wrong word would
// silently mean every device otherwise.
func (x route) knows(given url.Values) error {
	var names []string
	for _, p := range x.query {
		names = append(names, p.name)
		if v := given[p.name]; len(v) > 1 {
			return problem(400, p.name+" is given twice", "")
		} else if len(v) == 1 && p.integer {
			if _, err := strconv.ParseInt(v[0], 10, 64); err != nil {
				return problem(400, p.name+": not a whole number", "")
			}
		}
		delete(given, p.name)
	}
	for name := range given {
		return problem(400, fmt.Sprintf("there is no parameter %.40q here", name), strings.Join(append([]string{"known:"}, names...), " "))
	}
	return nil
}

// list is a page of something. Next is where the following one begins.
type list struct {
	items any
	next  string
}

// page asks for one item more than it shows, and knows so whether there are others.
func page[T any](r *http.Request, key func(T) string, read func(after string, limit int) ([]T, error)) (any, error) {
	limit := 1000
	if text := r.URL.Query().Get("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > 1000 {
			return nil, problem(400, "limit: 1 to 1000", "")
		}
	}
	all, err := read(r.URL.Query().Get("after"), limit+1)
	if err != nil || len(all) <= limit {
		return list{items: all}, err
	}
	return list{all[:limit], key(all[limit-1])}, nil
}

func (c *Controller) writeJSON(w http.ResponseWriter, r *http.Request, v any, err error) {
	if err != nil {
		if p := (*Problem)(nil); !errors.As(err, &p) && !errors.Is(err, context.Canceled) {
			c.log.Error("request", "err", err)
		}
		writeError(w, err)
		return
	}
	if l, ok := v.(list); ok {
		if v = l.items; l.next != "" {
			q := r.URL.Query()
			q.Set("after", l.next)
			w.Header().Set("Link", "<"+r.URL.Path+"?"+q.Encode()+`>; rel="next"`)
		}
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

// maxBody bounds a request, in bytes.
const maxBody = 64 << 10

// readJSON reads one object with the keys of v and no others. null stands for
// nothing here: a key that has no value is left out.
func readJSON(r *http.Request, v any) error {
	data, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return problem(400, "request: "+err.Error(), "")
	}
	if len(data) > maxBody {
		return problem(413, fmt.Sprintf("request: more than %d bytes", maxBody), "")
	}
	if t := strings.TrimSpace(string(data)); !strings.HasPrefix(t, "{") {
		return problem(400, "request: want a JSON object", "")
	}
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return problem(400, "request: "+err.Error(), "")
	}
	if _, err := d.Token(); err != io.EOF {
		return problem(400, "request: something follows the object", "")
	}
	return complete(data, reflect.TypeOf(v).Elem())
}

// complete sees that no key is missing and that none is null, which the decoder
// would let pass as if it had not been written. What a command's arguments
// mean is the device's business.
func complete(data []byte, g reflect.Type) error {
	var top map[string]any
	if err := json.Unmarshal(data, &top); err != nil {
		return problem(400, "request: "+err.Error(), "")
	}
	for f := range g.Fields() {
		key, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if _, has := top[key]; !has && !strings.Contains(options, "omit") {
			return problem(400, fmt.Sprintf("request: %q is missing", key), "")
		}
	}
	if args, has := top["args"]; has && args != nil {
		delete(top, "args")
	}
	if hasNull(top) {
		return problem(400, "request: a value is null", "leave its key out")
	}
	return nil
}

func hasNull(v any) bool {
	switch x := v.(type) {
	case nil:
		return true
	case []any:
		return slices.ContainsFunc(x, hasNull)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(x)), hasNull)
	}
	return false
}

func parseLife(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, problem(400, "duration: "+err.Error(), `write it like "90m" or "24h"`)
	}
	return d, nil
}
