package console

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/dunlin-edge/dunlin/fleet/controller"
)

const (
	pushEvery  = time.Second
	pushBeat   = 15 * time.Second // so often something goes, or the reader is gone
	maxStreams = 100
)

// decided is what a device decided, as bars.
type decided struct {
	Device    string
	Pipelines []decidedPipeline
}

type decidedPipeline struct {
	Name    string
	N       int64
	Classes []controller.ClassCount
}

func (c *Console) decided(ctx context.Context, device string) (decided, error) {
	d := decided{Device: device}
	all, err := c.cfg.Controller.Classes(ctx, device, 24)
	for _, x := range all { // they come by pipeline
		if n := len(d.Pipelines); n == 0 || d.Pipelines[n-1].Name != x.Pipeline {
			d.Pipelines = append(d.Pipelines, decidedPipeline{Name: x.Pipeline})
		}
		p := &d.Pipelines[len(d.Pipelines)-1]
		p.N += x.N
		p.Classes = append(p.Classes, x)
	}
	return d, err
}

// pushDecided sends the part of a device's page that tells what was decided, as
// server-sent events, whenever it has changed, as long as the session holds.
func (c *Console) pushDecided(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if _, err := c.cfg.Controller.Device(r.Context(), id); err != nil {
		c.show(w, r, page{}, err)
		return
	}
	if c.streams.Add(1) > maxStreams {
		c.streams.Add(-1)
		c.show(w, r, page{}, controller.NewProblem(http.StatusServiceUnavailable, "too many pages are open", "close some; this one is fetched again now and then all the same"))
		return
	}
	defer c.streams.Add(-1)
	w.Header().Set("Content-Type", "text/event-stream")
	sent, last := "", time.Time{}
	for {
		d, err := c.decided(r.Context(), id)
		if err == nil {
			err = c.cfg.Controller.Watch(r.Context(), id)
		}
		var out bytes.Buffer
		if err == nil {
			err = c.pages["device"].ExecuteTemplate(&out, "decided", d)
		}
		if err != nil {
			return // the reader comes back, and hears why
		}
		text := out.String()
		if now := time.Now(); text != sent || now.Sub(last) > pushBeat {
			sent, last = text, now
			if push(w, text) != nil {
				return
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(pushEvery):
		}
		if _, ok := c.of(r); !ok {
			return
		}
	}
}

// push writes one event.
func push(w http.ResponseWriter, text string) error {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.TrimSpace(text)) // each ends a line there
	k := http.NewResponseController(w)
	_ = k.SetWriteDeadline(time.Now().Add(pushBeat)) // where there is no deadline, none is missed
	if _, err := w.Write([]byte("data: " + strings.ReplaceAll(text, "\n", "\ndata: ") + "\n\n")); err != nil {
		return err
	}
	return k.Flush()
}
