package controller

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// listen reads server-sent events: what each is called, and its data.
func (d *desk) listen(path, lastID string) <-chan [2]string {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), time.Minute)
	d.t.Cleanup(cancel)
	q, err := http.NewRequestWithContext(ctx, "GET", d.url+path, nil)
	d.must(err)
	q.Header.Set("Authorization", "Bearer "+d.tokens[Viewer])
	if lastID != "" {
		q.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := http.DefaultClient.Do(q)
	d.must(err)
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		d.t.Fatalf("%s: %s", path, resp.Status)
	}
	out := make(chan [2]string, 100)
	go func() {
		defer resp.Body.Close()
		name := ""
		for s := bufio.NewScanner(resp.Body); s.Scan(); {
			if n, ok := strings.CutPrefix(s.Text(), "event: "); ok {
				name = n
			}
			if data, ok := strings.CutPrefix(s.Text(), "data: "); ok {
				out <- [2]string{name, data}
			}
		}
	}()
	return out
}

func (d *desk) hears(events <-chan [2]string, name, part string) {
	d.t.Helper()
	for end := time.After(30 * time.Second); ; {
		select {
		case e := <-events:
			if e[0] == name && strings.Contains(e[1], part) {
				return
			}
		case <-end:
			d.t.Fatalf("no event %s with %s", name, part)
		}
	}
}

func TestEvents(t *testing.T) {
	d := newDesk(t)
	d.addDevice("x")
	fleetwide, one := d.listen("/events", ""), d.listen("/devices/x/events", "")
	d.hears(fleetwide, "status", `"never-seen":1`)
	d.hears(one, "device", `"state":"never-seen"`)
	_, err := d.commit(t.Context(), []message{say(&actor{id: "x"}, fleet.TopicReported, fleet.Reported{Version: "v1.2.3"})})
	d.must(err)
	d.must(d.SetGroup(t.Context(), "test", "north", ""))
	d.hears(one, "device", `"version":"v1.2.3"`)
	d.hears(fleetwide, "audit", `"action":"group.set"`)
	d.hears(d.listen("/events", "0"), "audit", `"n":1,`) // goes on where it was
	if resp, _ := d.ask(d.tokens[Viewer], "GET", "/devices/none/events", ""); resp.StatusCode != 404 {
		t.Errorf("a device that there is not: %s", resp.Status)
	}
	d.streams.Store(maxStreams)
	if resp, _ := d.ask(d.tokens[Viewer], "GET", "/events", ""); resp.StatusCode != 503 {
		t.Errorf("one reader more: %s", resp.Status)
	}
}
