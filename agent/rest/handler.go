package rest

import (
	"embed"
	"net/http"
	"strings"
	"sync"
)

//go:embed openapi.json page.html
var documents embed.FS

// handler answers requests.
type handler struct {
	cfg     Config
	clients *clients
	bodies  *bodies
	log     *requestLog
	streams chan struct{} // a token for each open stream
	scratch sync.Pool     // of *scratch
}

func newHandler(cfg Config, who *clients, log *requestLog) http.Handler {
	h := &handler{cfg: cfg, clients: who, bodies: &bodies{limit: cfg.Serve.MaxBody}, log: log, streams: make(chan struct{}, maxStreams)}
	mux := http.NewServeMux()
	h.openInference(mux)
	h.tensorFlow(mux)
	h.clouds(mux)
	mux.HandleFunc("GET /v1/pipelines/{model}/results", h.onModel((*call).results))
	verbs := map[string]func(*call) error{"classify": (*call).classify}
	mux.HandleFunc("POST /v1/pipelines/{verb}", h.known(func(c *call) error { return c.verb("model", verbs) }))
	mux.HandleFunc("GET /metrics", h.known((*call).metrics))
	mux.HandleFunc("GET /openapi.json", document("openapi.json", "application/json"))
	mux.HandleFunc("GET /{$}", document("page.html", "text/html; charset=utf-8"))
	// Programs send no Origin; a web page that tries to use a visitor's device does.
	return secure(http.NewCrossOriginProtection().Handler(mux))
}

// secure adds the header that keeps browsers from making more of an answer.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X-Content-Type-Options"] = nosniff
		next.ServeHTTP(w, r)
	})
}

var nosniff = []string{"nosniff"}

// policy lets the page load nothing.
const policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// document sends one of the embedded files.
func document(name, kind string) http.HandlerFunc {
	data, err := documents.ReadFile(name)
	if err != nil {
		panic(err) // it is embedded
	}
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Security-Policy", policy)
		w.Write(data)
	}
}

// verb parts "value:verb" at the end of a path, takes the value for that of key,
// and goes on with what the verb does.
func (c *call) verb(key string, verbs map[string]func(*call) error) error {
	value, verb, colon := strings.Cut(c.r.PathValue("verb"), ":")
	f := verbs[verb]
	switch {
	case !colon:
		return errNoVerb
	case f == nil:
		return &statusError{http.StatusNotFound, "nothing is named " + verb + " here; see /"}
	}
	c.r.SetPathValue(key, value)
	return c.pathModel(f)
}

// methodOfVerb tells that a path with a verb was asked for by GET.
func (c *call) methodOfVerb() bool {
	return strings.Contains(c.model, ":") || strings.Contains(c.version, ":") || strings.Contains(c.r.PathValue("label"), ":")
}

// Mismatches of a method and what is, or is not, behind a colon.
var (
	errVerb   = &statusError{http.StatusMethodNotAllowed, "what is behind the colon wants a POST"}
	errNoVerb = &statusError{http.StatusMethodNotAllowed, "a model is only read here; :predict runs it"}
)
