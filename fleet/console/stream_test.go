package console

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/telemetry/drift"
)

// decides adds to what a device decided.
func (d *desk) decides(id string, class, n int) {
	d.t.Helper()
	d.sql(`INSERT INTO results_hourly (device, pipeline, model, class, hour, n, score, latency) VALUES ($1, 'machine', 'm', $2, $3, $4, 1, 1)
		ON CONFLICT (device, pipeline, model, class, hour) DO UPDATE SET n = results_hourly.n + excluded.n`, id, class, d.now.Unix()/3600, n)
}

// TestDecidedIsPushed: the page has bars, and what changes comes by itself, until
// the session ends.
func TestDecidedIsPushed(t *testing.T) {
	d := newDesk(t)
	d.signIn()
	d.addDevice("press-7", fleet.Reported{})
	d.decides("press-7", 0, 30)
	d.decides("press-7", 2, 10)
	_, page := d.get("/devices/press-7")
	for _, want := range []string{`data-stream="/devices/press-7/decided"`, `<meter min="0" max="40" value="30">`, "class 2", "75 %"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q: %s", want, page)
		}
	}
	r, err := d.http.Get(d.url + "/devices/press-7/decided")
	d.must(err)
	defer r.Body.Close()
	if kind := r.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Fatalf("%s %s", r.Status, kind)
	}
	events := make(chan string)
	go func() {
		defer close(events)
		var event strings.Builder
		for lines := bufio.NewScanner(r.Body); lines.Scan(); {
			if event.WriteString(lines.Text() + "\n"); lines.Text() == "" {
				events <- event.String()
				event.Reset()
			}
		}
	}()
	next := func() (string, bool) {
		t.Helper()
		select {
		case e, ok := <-events:
			return e, ok
		case <-time.After(20 * time.Second):
			t.Fatal("nothing comes")
			return "", false
		}
	}
	first, _ := next()
	for line := range strings.Lines(strings.TrimSpace(first)) {
		if !strings.HasPrefix(line, "data: ") {
			t.Errorf("a line that is no data: %q", line)
		}
	}
	if !strings.Contains(first, `value="30"`) || strings.Contains(first, "<html") {
		t.Errorf("first %s", first)
	}
	d.decides("press-7", 0, 60)
	if e, _ := next(); !strings.Contains(e, `max="100" value="90"`) {
		t.Errorf("then %s", e)
	}
	d.sql(`INSERT INTO results_hourly (device, pipeline, model, class, hour, n, score, latency) VALUES ('press-7', $1, 'm', 0, $2, 1, 1, 1)`, "x\r\rdata: <b>\r\nevent: y", d.now.Unix()/3600)
	if e, _ := next(); strings.Contains(e, "\r") || strings.Contains(e, "<b>\n") || strings.Contains(e, "\nevent:") {
		t.Errorf("a device's word is an event of its own: %q", e)
	}
	d.post("/logout")
	if e, more := next(); more {
		t.Errorf("after the session's end: %s", e)
	}
	if r, err := d.http.Get(d.url + "/devices/press-7/decided"); err != nil || r.Request.URL.Path != "/login" {
		t.Errorf("without a session: %v %v", r, err)
	}
}

func TestDecidedOfNobody(t *testing.T) {
	d := newDesk(t)
	d.signIn()
	if status, _ := d.get("/devices/none/decided"); status != http.StatusNotFound {
		t.Errorf("%d", status)
	}
}

// TestHistogramsOfADevice: its page draws what it saw itself.
func TestHistogramsOfADevice(t *testing.T) {
	d := newDesk(t)
	d.signIn()
	d.addDevice("press-7", fleet.Reported{})
	d.addDevice("press-8", fleet.Reported{})
	edges := drift.Uniform()
	p := drift.NewProfile(&edges)
	p.AddBins("score", 0, 1, []int64{0, 0, 0, 7})
	d.sql(`INSERT INTO histograms (device, model, pipeline, day, board, profile) VALUES ('press-7', $1, 'machine', $2, 'b', $3)`, strings.Repeat("a", 64), d.now.Unix()/86400, p.Encode())
	if _, page := d.get("/devices/press-7"); !strings.Contains(page, "histogram of score") || !strings.Contains(page, "machine: aaaaaaaaaaaa") {
		t.Errorf("no histogram in %s", page)
	}
	if _, page := d.get("/devices/press-8"); strings.Contains(page, "histogram of") {
		t.Error("another device's")
	}
}
