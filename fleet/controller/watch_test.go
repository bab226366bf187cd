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
	if a := watched()[0]; a.Watch != 45 || a.Epoch != 7 || a.Hi != 5 || len(a.Ranges) != 1 {
		t.Errorf("it was told %+v", a)
	}
	told, begun := map[string]time.Time{}, r.now()
	look := func(after time.Duration) time.Duration {
		t.Helper()
		c := Controller{cfg: r.cfg, store: r.store, log: r.log}
		c.cfg.Now = func() time.Time { return begun.Add(after) }
		if err := c.tellWatched(t.Context(), told); err != nil {
			t.Fatal(err)
		}
		return told["pi-1"].Sub(begun)
	}
	for _, x := range [][2]time.Duration{{0, 0}, {19 * time.Second, 0}, {21 * time.Second, 21 * time.Second}, {40 * time.Second, 21 * time.Second}} {
		if got := look(x[0]); got != x[1] {
			t.Errorf("after %v it was told at %v, want %v", x[0], got, x[1])
		}
	}
	clear(told)
	if look(watchFor + time.Second); len(told) > 0 {
		t.Error("it is told when nobody looks any more")
	}
}

// TestLooking: a device of the shipped program keeps records for a minute, but
// sends what it decides within 20 s when a reader listens.
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
	e.eventually("what it decides", func() bool {
		all, err := e.Classes(t.Context(), f.id, 24)
		return err == nil && len(all) > 0
	})
}
