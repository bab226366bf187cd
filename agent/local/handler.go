package local

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/config"
)

// Limits of what is sent to the device.
const (
	maxInject = 4 << 10
	maxImage  = 16 << 20
	maxWAV    = 64 << 20
)

//go:embed page
var page embed.FS

// handler answers requests about one agent.
type handler struct {
	agent   *agent.Agent
	streams chan struct{} // a token per open stream
}

func newHandler(a *agent.Agent, cfg config.API) http.Handler {
	h := &handler{agent: a, streams: make(chan struct{}, maxStreams)}
	mux := http.NewServeMux()
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // the folder is embedded
	}
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("GET /healthz", h.health)
	mux.HandleFunc("GET /api/v1/status", h.status)
	mux.HandleFunc("GET /metrics", h.metrics)
	mux.HandleFunc("GET /api/v1/telemetry", h.telemetry)
	mux.HandleFunc("GET /api/v1/stream", h.stream)
	mux.HandleFunc("GET /api/v1/pipelines/{name}/frame.png", h.frame)
	mux.HandleFunc("POST /api/v1/pipelines/{name}/classify", h.classify)
	mux.HandleFunc("POST /api/v1/sources/{name}/inject", h.inject)
	mux.HandleFunc("POST /api/v1/reload", h.reload)
	return protect(mux, cfg)
}

func (h *handler) health(w http.ResponseWriter, r *http.Request) {
	var bad []string
	for _, p := range h.agent.Status().Pipelines {
		if p.State == agent.Waiting {
			bad = append(bad, p.Name+": "+p.Reason)
		}
	}
	if bad != nil {
		fail(w, http.StatusServiceUnavailable, strings.Join(bad, "; "), "see /api/v1/status")
		return
	}
	fmt.Fprintln(w, "ok")
}

func (h *handler) status(w http.ResponseWriter, r *http.Request) {
	reply(w, http.StatusOK, h.agent.Status())
}

// telemetry sends all records that wait here, one JSON object a line.
func (h *handler) telemetry(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	begun := false
	err := h.agent.Records(func(k *agent.Kept) error {
		begun = true
		return enc.Encode(k)
	})
	switch {
	case err != nil && !begun:
		refuse(w, err)
	case err != nil: // the answer must not look complete
		panic(http.ErrAbortHandler)
	}
}

func (h *handler) frame(w http.ResponseWriter, r *http.Request) {
	var buf bytes.Buffer
	ok, err := h.agent.WriteFrame(&buf, r.PathValue("name"))
	if err != nil {
		refuse(w, err)
		return
	}
	if !ok {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	w.Write(buf.Bytes())
}

func (h *handler) classify(w http.ResponseWriter, r *http.Request) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	name := r.PathValue("name")
	var out *agent.Outcome
	switch kind {
	case "image/png", "image/jpeg", "image/bmp":
		var data []byte
		if data, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxImage)); err == nil {
			out, err = h.agent.ClassifyImage(r.Context(), name, data)
		}
	case "audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave":
		out, err = h.agent.ClassifyWAV(r.Context(), name, http.MaxBytesReader(w, r.Body, maxWAV))
	default:
		fail(w, http.StatusUnsupportedMediaType, fmt.Sprintf("content type %q", kind), "send image/png, image/jpeg, image/bmp or audio/wav")
		return
	}
	if err != nil {
		refuse(w, err)
		return
	}
	reply(w, http.StatusOK, out)
}

func (h *handler) inject(w http.ResponseWriter, r *http.Request) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		fail(w, http.StatusUnsupportedMediaType, fmt.Sprintf("content type %q", kind), "send application/json")
		return
	}
	req := struct {
		Fault    string  `json:"fault"`
		Severity float64 `json:"severity"`
	}{Severity: 1}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxInject))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&req); err != nil {
		fail(w, http.StatusBadRequest, "body: "+err.Error(), `send {"fault": NAME, "severity": 0 to 1}`)
		return
	}
	if err := h.agent.Inject(r.PathValue("name"), req.Fault, req.Severity); err != nil {
		refuse(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// reload lets the agent read its configuration again.
func (h *handler) reload(w http.ResponseWriter, r *http.Request) {
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(reloadTimeout)); err != nil {
		refuse(w, err)
		return
	}
	done, err := h.agent.Reload(r.Context())
	var req *agent.RequestError
	switch {
	case errors.As(err, &req):
		refuse(w, err)
	case err != nil:
		var hint interface{ Hint() string }
		next := "nothing changed; mend the configuration and reload again"
		if errors.As(err, &hint) {
			next = hint.Hint()
		}
		fail(w, http.StatusUnprocessableEntity, err.Error(), next)
	default:
		reply(w, http.StatusOK, done)
	}
}

// reply sends v as JSON.
func reply(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.Encode(v) // the client is gone, if this fails
}

// problem is the body of every refusal.
type problem struct {
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
}

func fail(w http.ResponseWriter, code int, text, hint string) {
	reply(w, code, problem{text, hint})
}

// refuse sends an error with the status of its kind.
func refuse(w http.ResponseWriter, err error) {
	var (
		req   *agent.RequestError
		input *agent.InputError
		size  *http.MaxBytesError
	)
	switch {
	case errors.As(err, &size):
		fail(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("more than %d bytes", size.Limit), "send a smaller file")
	case errors.As(err, &input):
		fail(w, http.StatusUnprocessableEntity, input.Error(), input.Hint())
	case errors.As(err, &req):
		fail(w, map[string]int{agent.NotFound: 404, agent.Invalid: 400, agent.Busy: 429}[req.Reason], req.Text, "")
	default:
		fail(w, http.StatusInternalServerError, err.Error(), "")
	}
}
