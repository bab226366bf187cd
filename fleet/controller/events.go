package controller

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"time"
)

const (
	eventPoll   = time.Second
	eventBeat   = 15 * time.Second // and so often it is looked whether the reader still may
	maxStreams  = 200
	eventsAfter = 100 // lines of the log that one look may bring
)

// stream is one reader of server-sent events.
type stream struct {
	c    *Controller
	w    http.ResponseWriter
	r    *http.Request
	beat time.Time
}

var errStreams = problem(503, "too many readers of events", "close some, or ask again later")

// stream lets look run once a second, until the reader is gone or may no more.
// What look does not send, it sends the next time.
func (c *Controller) stream(w http.ResponseWriter, r *http.Request, need Role, look func(*stream) error) error {
	if c.streams.Add(1) > maxStreams {
		c.streams.Add(-1)
		return errStreams
	}
	defer c.streams.Add(-1)
	s := &stream{c: c, w: w, r: r, beat: time.Now()}
	w.Header().Set("Content-Type", "text/event-stream")
	s.write(": events follow\n\n")
	for r.Context().Err() == nil {
		if err := look(s); err != nil {
			return nil // the reader comes back, and hears why
		}
		if time.Since(s.beat) > eventBeat {
			if p, err := c.identify(r); err != nil || !p.Role.May(need) {
				return nil
			}
			s.write(": still here\n\n")
		}
		pauseFor(r.Context(), eventPoll)
	}
	return nil
}

func (s *stream) write(text string) {
	k := http.NewResponseController(s.w)
	_ = k.SetWriteDeadline(time.Now().Add(eventBeat)) // no deadline to move otherwise
	_, _ = s.w.Write([]byte(text))                    // that the reader is gone ends its context
	_ = k.Flush()
	s.beat = time.Now()
}

func (s *stream) send(event, id string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	s.write(fmt.Sprintf("%sevent: %s\ndata: %s\n\n", id, event, data))
	return nil
}

// streamFleet sends the totals whenever they change, and new lines of the audit
// log.
func (c *Controller) streamFleet(w http.ResponseWriter, r *http.Request) error {
	after, err := strconv.ParseInt(cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("after"), "-1"), 10, 64)
	if err != nil {
		return problem(400, "after: not a number", "")
	}
	if after < 0 { // from now on
		if after, err = c.lastLine(r.Context()); err != nil {
			return err
		}
	}
	var told Totals
	return c.stream(w, r, Viewer, func(s *stream) error {
		now, err := c.Totals(r.Context())
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(now, told) {
			told = now
			if err := s.send("status", "", now); err != nil {
				return err
			}
		}
		lines, err := c.Audit(r.Context(), after, eventsAfter)
		for _, e := range lines {
			if err := s.send("audit", strconv.FormatInt(e.N, 10), e); err != nil {
				return err
			}
			after = e.N
		}
		return err
	})
}

// streamDevice sends a device whenever it has changed, which it does sooner as
// somebody looks.
func (c *Controller) streamDevice(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	told, err := c.Device(r.Context(), id)
	if err != nil {
		return err
	}
	first := true
	return c.stream(w, r, Viewer, func(s *stream) error {
		now, err := c.Device(r.Context(), id)
		if err == nil {
			err = c.Watch(r.Context(), id)
		}
		if err != nil || !first && reflect.DeepEqual(now, told) {
			return err
		}
		first, told = false, now
		return s.send("device", "", now)
	})
}
