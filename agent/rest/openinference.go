package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/dunlin-edge/dunlin/agent/serve"
	"github.com/dunlin-edge/dunlin/inference"
	"github.com/dunlin-edge/dunlin/inference/oip"
)

// extensions are those of Triton that are served.
var extensions = []string{"binary_tensor_data", "model_repository"}

// openInference adds the routes of the Open Inference Protocol.
func (h *handler) openInference(mux *http.ServeMux) {
	mux.HandleFunc("GET /v2", h.known((*call).server))
	mux.HandleFunc("GET /v2/health/live", alive)
	mux.HandleFunc("GET /v2/health/ready", h.ready)
	for _, path := range []string{"/v2/models/{model}", "/v2/models/{model}/versions/{version}"} {
		mux.HandleFunc("GET "+path, h.onModel((*call).describe))
		mux.HandleFunc("GET "+path+"/ready", h.onModel((*call).modelReady))
		mux.HandleFunc("POST "+path+"/infer", h.onModel((*call).infer))
	}
	mux.HandleFunc("POST /v2/repository/index", h.known((*call).index))
	mux.HandleFunc("POST /v2/repository/models/{model}/load", h.known((*call).load))
	mux.HandleFunc("POST /v2/repository/models/{model}/unload", h.known((*call).unload))
}

func alive(w http.ResponseWriter, r *http.Request) {
	(&call{w: w, r: r}).send([]byte(`{"live":true}`))
}

// ready: requests can be answered. A model that is not loaded does not change
// that; its own ready tells.
func (h *handler) ready(w http.ResponseWriter, r *http.Request) {
	(&call{w: w, r: r}).send([]byte(`{"ready":true,"live":true}`))
}

func (c *call) server() error {
	return c.reply(struct {
		Name       string   `json:"name"`
		Version    string   `json:"version"`
		Extensions []string `json:"extensions"`
	}{"dunlin", c.h.cfg.Version, extensions})
}

// tensorMetadata is a model's tensor as clients are told of it.
type tensorMetadata struct {
	Name     string       `json:"name"`
	Datatype oip.Datatype `json:"datatype"`
	Shape    []int        `json:"shape"`
	// Of a quantized tensor: real = scale * (stored - zero point).
	Parameters *quantization `json:"parameters,omitempty"`
}

type quantization struct {
	Scale     float32 `json:"scale"`
	ZeroPoint int32   `json:"zero_point"`
}

func describeTensors(list []inference.TensorInfo) []tensorMetadata {
	all := make([]tensorMetadata, len(list))
	for i, t := range list {
		all[i] = tensorMetadata{Name: t.Name, Datatype: oip.DatatypeOf(t.DType), Shape: append([]int{}, t.Shape...)}
		if t.Scale != 0 {
			all[i].Parameters = &quantization{t.Scale, t.ZeroPoint}
		}
	}
	return all
}

func (c *call) describe() error {
	m, err := c.h.cfg.Models.Find(c.model, c.version)
	if err != nil {
		return err
	}
	c.used = m
	return c.reply(struct {
		Name     string           `json:"name"`
		Versions []string         `json:"versions"`
		Platform string           `json:"platform"`
		Inputs   []tensorMetadata `json:"inputs"`
		Outputs  []tensorMetadata `json:"outputs"`
	}{m.Name, []string{m.Version}, "dunlin_tflite", describeTensors(m.Model.Inputs()), describeTensors(m.Model.Outputs())})
}

func (c *call) modelReady() error {
	m, err := c.h.cfg.Models.Find(c.model, c.version)
	if err != nil {
		return err
	}
	c.used = m
	return c.reply(struct {
		Name  string `json:"name"`
		Ready bool   `json:"ready"`
	}{m.Name, true})
}

// indexed is an entry of the repository's index.
type indexed struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	State   string `json:"state"`
	Reason  string `json:"reason,omitempty"`
}

func (c *call) index() error {
	var ask struct {
		Ready choice `json:"ready"`
	}
	if err := c.small(&ask); err != nil {
		return err
	}
	list := []indexed{}
	for _, e := range c.h.cfg.Models.Models() {
		if !c.client.may(e.Name) || bool(ask.Ready) && !e.Ready {
			continue
		}
		x := indexed{e.Name, e.Version, "UNAVAILABLE", e.Reason}
		if e.Ready {
			x.State = "READY"
		}
		list = append(list, x)
	}
	return c.reply(list)
}

// A choice is true or false; null, which encoding/json passes over, is neither.
type choice bool

func (c *choice) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		return errors.New("null, want true or false")
	}
	return json.Unmarshal(raw, (*bool)(c))
}

// maxSmall bounds bodies that only say what to do.
const maxSmall = 64 << 10

// small reads such a body; none is fine.
func (c *call) small(into any) error {
	body, err := (&bodies{limit: maxSmall}).read(c.w, c.r)
	if err != nil {
		return err
	}
	if body.bytes = bytes.TrimSpace(body.bytes); len(body.bytes) == 0 {
		return nil
	}
	if body.bytes[0] != '{' {
		return &statusError{http.StatusBadRequest, "want a JSON object, or nothing"}
	}
	if err := json.Unmarshal(body.bytes, into); err != nil {
		return &statusError{http.StatusBadRequest, "JSON: " + err.Error()}
	}
	return nil
}

func (c *call) load() error {
	var ask struct {
		Parameters struct {
			Version string `json:"version"`
			Config  string `json:"config"`
		} `json:"parameters"`
	}
	if err := c.administer(&ask); err != nil {
		return err
	}
	if ask.Parameters.Config != "" {
		return &statusError{http.StatusBadRequest, "a model's configuration comes with its bundle, not with a request"}
	}
	if err := c.h.cfg.Models.Load(c.ctx(), c.model, ask.Parameters.Version); err != nil {
		return err
	}
	return c.send([]byte("{}"))
}

func (c *call) unload() error {
	if err := c.administer(&struct{}{}); err != nil {
		return err
	}
	if err := c.h.cfg.Models.Unload(c.model); err != nil {
		return err
	}
	return c.send([]byte("{}"))
}

// administer refuses clients that may only ask.
func (c *call) administer(into any) error {
	c.model = c.r.PathValue("model")
	if !c.client.Admin || !c.client.may(c.model) {
		return &serve.Error{Kind: serve.Denied, Text: "client " + c.client.Name + " may not load or unload " + c.model}
	}
	return c.small(into)
}

// headerLength is oip.HeaderLength as net/http keeps it.
var headerLength = http.CanonicalHeaderKey(oip.HeaderLength)

// headerOf returns a header that was sent once.
func headerOf(r *http.Request, key string) string {
	if v := r.Header[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// answer sends an OIP response whose JSON has header bytes.
func (c *call) answer(out []byte, header int) error {
	if header == len(out) {
		return c.send(out)
	}
	h := c.w.Header()
	h[headerLength] = []string{strconv.Itoa(header)}
	h["Content-Type"] = []string{"application/octet-stream"}
	return c.write(out)
}
