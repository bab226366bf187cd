package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/serve"
	"github.com/dunlin-edge/dunlin/inference/oip"
)

// modelHeader names the model and version that answered.
const modelHeader = "Dunlin-Model"

// A call is one request for a model, on its way.
type call struct {
	h       *handler
	w       http.ResponseWriter
	r       *http.Request
	client  *client
	model   string
	version string // wanted; "" for any
	body    []byte
	used    *serve.Servable // once it is known
	digest  string          // of body, where requests are logged
}

func (c *call) ctx() context.Context { return c.r.Context() }

// send answers with JSON.
func (c *call) send(body []byte) error {
	c.w.Header().Set("Content-Type", "application/json")
	return c.write(body)
}

func (c *call) write(body []byte) error {
	if c.used != nil {
		c.w.Header().Set(modelHeader, c.used.Name+"@"+c.used.Version)
	}
	c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	c.w.Write(body) // the client is gone, if this fails
	return nil
}

func (c *call) reply(v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.send(body)
}

// onModel wraps a handler of requests to one model: who asks, may they, is
// there room, and then what is in the body.
func (h *handler) onModel(f func(*call) error) http.HandlerFunc {
	return h.known(func(c *call) error { return c.pathModel(f) })
}

// pathModel goes on with the model that the path names.
func (c *call) pathModel(f func(*call) error) error {
	c.model, c.version = c.r.PathValue("model"), c.r.PathValue("version")
	if c.r.Method == http.MethodGet && c.methodOfVerb() {
		return errVerb
	}
	if label := c.r.PathValue("label"); label != "" && label != stableLabel {
		return &serve.Error{Kind: serve.NotFound, Text: "model " + c.model + " has the label " + stableLabel + " alone, for the version in use"}
	}
	return c.onModel(f)
}

// stableLabel is TensorFlow Serving's word for the version in use.
const stableLabel = "stable"

// onModel goes on once the model is known.
func (c *call) onModel(f func(*call) error) error {
	if !c.client.may(c.model) {
		return &serve.Error{Kind: serve.Denied, Text: "client " + c.client.Name + " may not use model " + c.model}
	}
	if c.r.Method != http.MethodPost {
		return f(c)
	}
	if _, err := c.h.cfg.Models.Find(c.model, c.version); err != nil {
		return err
	}
	if err := c.h.cfg.Models.Full(); err != nil {
		return err
	}
	if encoding := c.r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return &statusError{http.StatusUnsupportedMediaType, "Content-Encoding " + encoding + ": send the body as it is"}
	}
	body, err := c.h.bodies.read(c.w, c.r)
	defer c.h.bodies.giveBack(body)
	if err != nil {
		return err
	}
	c.body = body.bytes
	c.digest = c.h.log.digestOf(c.body)
	return f(c)
}

// known wraps a handler of clients that are known.
func (h *handler) known(f func(*call) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		c := &call{h: h, w: w, r: r, client: h.clients.who(r)}
		err := error(errStranger)
		if c.client != nil {
			if err = c.client.meter.take(began); err == nil {
				err = f(c)
			}
		}
		status := http.StatusOK
		if err != nil {
			status = c.fail(err)
		}
		h.log.note(c, status, began)
	}
}

// statusError is a refusal by the rules of HTTP.
type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return e.text }

var errStranger = &statusError{http.StatusUnauthorized, "send a token: Authorization: Bearer TOKEN, or a client certificate"}

// statusOf gives each error its status.
func statusOf(err error) int {
	var (
		plain  *statusError
		own    *serve.Error
		wire   *oip.Error
		input  *agent.InputError
		length *http.MaxBytesError
	)
	switch {
	case errors.As(err, &plain):
		return plain.status
	case errors.As(err, &own):
		return map[serve.Kind]int{
			serve.NotFound: 404, serve.NotReady: 400, serve.Invalid: 400, serve.Denied: 403, serve.TooMany: 429,
			serve.Overload: 503, serve.Memory: 507, serve.Conflict: 409, serve.Failed: 500,
		}[own.Kind]
	case errors.As(err, &length):
		return http.StatusRequestEntityTooLarge
	case errors.As(err, &wire):
		return http.StatusBadRequest
	case errors.As(err, &input):
		return http.StatusUnprocessableEntity
	}
	return http.StatusInternalServerError
}

// fail answers with an error, and returns its status.
func (c *call) fail(err error) int {
	status := statusOf(err)
	head := c.w.Header()
	var own *serve.Error
	if errors.As(err, &own) && own.Retry > 0 {
		head.Set("Retry-After", strconv.Itoa(int((own.Retry+time.Second-1)/time.Second)))
	}
	text := err.Error()
	switch status {
	case http.StatusUnauthorized:
		head.Set("WWW-Authenticate", "Bearer")
	case http.StatusMethodNotAllowed:
		allow := http.MethodPost
		if errors.Is(err, errNoVerb) {
			allow = "GET, HEAD"
		}
		head.Set("Allow", allow)
	case http.StatusInternalServerError:
		c.h.cfg.Log.Error("serve", "client", c.client.Name, "model", c.model, "err", err)
		text, _, _ = strings.Cut(text, "\n") // a panic's stack is nobody else's
	}
	body, _ := json.Marshal(problem{text})
	head.Set("Content-Type", "application/json")
	head.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(status)
	c.w.Write(body)
	return status
}

// problem is the body of every refusal.
type problem struct {
	Error string `json:"error"`
}
