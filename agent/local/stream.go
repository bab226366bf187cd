package local

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
)

// Pace and number of streams.
const (
	streamEvery   = 100 * time.Millisecond
	streamTimeout = 10 * time.Second // for a client to take one event
	maxStreams    = 16
)

// stream sends the status again and again as server-sent events.
func (h *handler) stream(w http.ResponseWriter, r *http.Request) {
	select {
	case h.streams <- struct{}{}:
		defer func() { <-h.streams }()
	default:
		fail(w, http.StatusServiceUnavailable, "too many live views", "close one of the others")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	ctl := http.NewResponseController(w)
	ctl.SetReadDeadline(time.Time{})
	tick := time.NewTicker(streamEvery)
	defer tick.Stop()
	var buf bytes.Buffer
	for {
		buf.Reset()
		buf.WriteString("data: ")
		if err := json.NewEncoder(&buf).Encode(h.agent.Status()); err != nil {
			return
		}
		buf.WriteByte('\n')
		ctl.SetWriteDeadline(time.Now().Add(streamTimeout))
		if _, err := w.Write(buf.Bytes()); err != nil {
			return
		}
		if err := ctl.Flush(); err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return
		}
	}
}
