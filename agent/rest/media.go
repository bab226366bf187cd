package rest

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"time"

	"github.com/dunlin-edge/dunlin/agent"
	"github.com/dunlin-edge/dunlin/agent/serve"
)

// media tells which kind of file a content type is; "" for none that a
// pipeline takes.
func media(contentType string) string {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	switch kind {
	case "image/jpeg", "image/png", "image/bmp", "image/gif":
		return "image"
	case "audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave":
		return "audio"
	case "text/csv":
		return "csv"
	}
	return ""
}

// errMedia is for content types that nothing takes.
var errMedia = &statusError{http.StatusUnsupportedMediaType, "send image/jpeg, image/png, image/bmp, image/gif, audio/wav, text/csv or application/json"}

// outcome runs a pipeline on the file in the body.
func (c *call) outcome() (*agent.Outcome, error) {
	kind := media(c.r.Header.Get("Content-Type"))
	if kind == "" {
		return nil, errMedia
	}
	var out *agent.Outcome
	var err error
	c.used, err = c.h.cfg.Models.Classify(c.ctx(), c.model, c.version, func(ctx context.Context, cl *agent.Classifier) (err error) {
		out, err = cl.Data(ctx, kind, c.body)
		return err
	})
	var wrong *agent.RequestError
	if errors.As(err, &wrong) {
		return nil, &statusError{http.StatusUnsupportedMediaType, wrong.Text}
	}
	return out, err
}

// classify answers with all that a pipeline found in a file.
func (c *call) classify() error {
	out, err := c.outcome()
	if err != nil {
		return err
	}
	return c.reply(out)
}

// results sends what a pipeline decides as server-sent events, one each.
func (c *call) results() error {
	if c.h.cfg.Results == nil {
		return &serve.Error{Kind: serve.NotFound, Text: "no pipeline runs here, only models"}
	}
	select {
	case c.h.streams <- struct{}{}:
		defer func() { <-c.h.streams }()
	default:
		return &serve.Error{Kind: serve.Overload, Text: "too many live streams", Retry: 10 * time.Second}
	}
	list, err := c.h.cfg.Results.Results(c.ctx(), c.model)
	if err != nil {
		return &serve.Error{Kind: serve.NotFound, Text: err.Error()}
	}
	ctl := http.NewResponseController(c.w)
	ctl.SetReadDeadline(time.Time{})
	c.w.Header().Set("Content-Type", "text/event-stream")
	c.w.Header().Set("Cache-Control", "no-store")
	ctl.SetWriteDeadline(time.Now().Add(streamTimeout))
	if ctl.Flush() != nil {
		return nil
	}
	for {
		select {
		case rec := <-list:
			data, err := json.Marshal(&rec)
			if err != nil {
				continue
			}
			ctl.SetWriteDeadline(time.Now().Add(streamTimeout))
			if _, err := c.w.Write(append(append([]byte("data: "), data...), "\n\n"...)); err != nil || ctl.Flush() != nil {
				return nil
			}
		case <-c.ctx().Done():
			return nil
		}
	}
}
