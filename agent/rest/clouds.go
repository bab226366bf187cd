package rest

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/serve"
)

// targetModel is SageMaker's header for one of several models.
const targetModel = "X-Amzn-Sagemaker-Target-Model"

// clouds adds the routes that containers of models answer at in clouds, so that
// what is written for one of those runs on the device.
//
// Sources: the container contracts of SageMaker, Vertex AI (whose routes are
// configured by AIP_HEALTH_ROUTE and AIP_PREDICT_ROUTE) and Azure ML; TorchServe's
// inference API.
func (h *handler) clouds(mux *http.ServeMux) {
	mux.HandleFunc("GET /ping", h.healthy)
	mux.HandleFunc("POST /invocations", h.onDefault((*call).invoke))
	mux.HandleFunc("POST /score", h.onDefault((*call).invoke))
	mux.HandleFunc("POST /predictions/{model}", h.onModel((*call).torch))
	mux.HandleFunc("POST /predictions/{model}/{version}", h.onModel((*call).torch))
	if p := h.cfg.Serve.HealthRoute; p != "" && p != "/ping" {
		mux.HandleFunc("GET "+p, h.healthy)
	}
	if p := h.cfg.Serve.PredictRoute; p != "" && p != "/invocations" && p != "/score" {
		mux.HandleFunc("POST "+p, h.onDefault((*call).invoke))
	}
}

// healthy is 200 where at least one model is in use.
func (h *handler) healthy(w http.ResponseWriter, r *http.Request) {
	c := &call{h: h, w: w, r: r}
	for _, e := range h.cfg.Models.Models() {
		if e.Ready {
			c.send([]byte(`{"status":"Healthy"}`))
			return
		}
	}
	c.fail(&serve.Error{Kind: serve.Overload, Text: "no model is loaded", Retry: time.Second})
}

// onDefault wraps a handler of requests that name no model: it is the one of
// the configuration, that of SageMaker's header, or the only one.
func (h *handler) onDefault(f func(*call) error) http.HandlerFunc {
	return h.known(func(c *call) error {
		c.model = h.cfg.Serve.Model
		if name := c.r.Header.Get(targetModel); name != "" {
			c.model = strings.TrimPrefix(name, "/")
		}
		var names []string
		for _, e := range h.cfg.Models.Models() {
			if e.Ready && c.client.may(e.Name) {
				names = append(names, e.Name)
			}
		}
		if c.model == "" && len(names) == 1 {
			c.model = names[0]
		}
		if c.model == "" {
			return &statusError{http.StatusBadRequest, "which model? Set serve.model, or send " + targetModel + "; there are " + strings.Join(names, ", ")}
		}
		return c.onModel(f)
	})
}

// invoke takes JSON of any dialect, or a file, and answers in kind.
func (c *call) invoke() error {
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	switch {
	case media(c.r.Header.Get("Content-Type")) != "":
		return c.classify()
	case err == nil && kind != "application/json" && kind != "application/octet-stream":
		return errMedia
	case headerOf(c.r, headerLength) != "" || speaksOIP(c.body):
		return c.infer()
	}
	return c.predictTF()
}

// speaksOIP tells an Open Inference request from TensorFlow's columns, which
// call their tensors "inputs", too.
func speaksOIP(body []byte) bool {
	var w struct {
		Inputs json.RawMessage `json:"inputs"`
	}
	if json.Unmarshal(body, &w) != nil {
		return false
	}
	rest, list := bytes.CutPrefix(w.Inputs, []byte("["))
	return list && bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte("{"))
}

// torch answers as TorchServe does: rows of predictions, or labels with their
// scores for a file.
func (c *call) torch() error {
	if media(c.r.Header.Get("Content-Type")) == "" {
		rows, out, err := c.predict()
		if err != nil {
			return err
		}
		if !rows {
			return &statusError{http.StatusBadRequest, `want {"instances": [...]}`}
		}
		return c.send(out)
	}
	out, err := c.outcome()
	if err != nil {
		return err
	}
	return c.reply(scores(out))
}

// scores are the best labels of an outcome.
func scores(out *agent.Outcome) map[string]float32 {
	all := map[string]float32{}
	for _, r := range out.Top {
		all[r.Label] = r.Score
	}
	return all
}
