package controller

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
)

// TestWatched: who looks makes the leader tell the device, again only after a
// while, what is committed, and no longer than they look.
func TestWatched(t *testing.T) {
	r := newRig(t, t.TempDir())
	d := r.connect(r.enroll("pi-1", r.token(TokenOptions{})))
	if _, err := r.store.db.ExecContext(t.Context(), `INSERT INTO ranges (device, epoch, hi, rest) VALUES ('pi-1', 6, 9, '[]'), ('pi-1', 7, 5, '[{"first":8,"count":2}]')`); err != nil {
		t.Fatal(err)
	}
	watched := func() (all []fleet.Ack) {
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, a := range d.acks {
			if a.Watch > 0 {
				all = append(all, a)
			}
		}
		return all
	}
	for range 2 {
		if err := r.Watch(t.Context(), "pi-1"); err != nil {
			t.Fatal(err)
		}
	}
	r.eventually("word that somebody looks", func() bool { return len(watched()) > 0 })
	time.Sleep(200 * time.Millisecond) // four looks of the outbox
	all := watched()
	if a := all[0]; len(all) != 1 || a.Watch != 45 || a.Epoch != 7 || a.Hi != 5 || len(a.Ranges) != 1 {
		t.Errorf("it was told %+v", all)
	}
	told := map[string]time.Time{}
	look := func(after time.Duration) bool {
		t.Helper()
		clear(told)
		c := Controller{cfg: r.cfg, store: r.store, log: r.log}
		at := r.now().Add(after)
		c.cfg.Now = func() time.Time { return at }
		if err := c.tellWatched(t.Context(), told); err != nil {
			t.Fatal(err)
		}
		return len(told) > 0
	}
	if !look(watchFor-5*time.Second) || look(watchFor+time.Second) {
		t.Error("it is told for another time than somebody looks")
	}
}

// TestLooking: a device of the shipped program keeps records for a minute, and
// sends what it decides within seconds once a reader listens.
func TestLooking(t *testing.T) {
	t.Parallel()
	e := &ensemble{rig: rigOf(t, Config{Dir: t.TempDir()}), dunlin: shipped(t), dir: t.TempDir()}
	token, err := e.NewToken(t.Context(), "test", TokenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f := &fellow{id: "press-7"}
	e.enrol(f, token, e.release(0), "bearing")
	text, err := os.ReadFile(f.file)
	if err == nil {
		err = os.WriteFile(f.file, bytes.Replace(text, []byte("max_age: 10s"), []byte("max_age: 1m"), 1), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	e.run(f)
	e.eventually("the device", func() bool { return e.state(f.id) == "online" })
	decided := func() bool {
		all, err := e.Classes(t.Context(), f.id, 24)
		return err == nil && len(all) > 0
	}
	time.Sleep(6 * time.Second)
	if decided() {
		t.Error("it sends within 6 s, and nobody looks")
	}
	reader, err := e.NewAPIToken(t.Context(), "test", "reader", Viewer, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(e.API())
	defer s.Close()
	q, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+apiPrefix+"/devices/press-7/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+reader.Token)
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	begun := time.Now()
	e.eventually("what it decides", decided)
	t.Logf("after %v", time.Since(begun).Round(100*time.Millisecond))
}
