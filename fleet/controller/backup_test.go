package controller

import (
	"archive/tar"
	"bytes"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dunlin-edge/dunlin/fleet"
	"github.com/dunlin-edge/dunlin/ota/release"
)

// TestRestore: a backup, a hundred changes more, and the backup taken up again:
// every device still takes what it is assigned, and what the database forgot
// is declared.
func TestRestore(t *testing.T) {
	s, oldSHA, newSHA := newStage(t)
	if s.url != "" {
		return // pg_dump's job
	}
	ctx := t.Context()
	var actors []*actor
	for i := range 4 {
		a := &actor{id: fmt.Sprintf("d-%d", i), does: "good", runs: oldSHA}
		actors = append(actors, a)
		s.addDevice(a.id)
	}
	at := time.Duration(0)
	change := func(sha string) {
		t.Helper()
		_, err := s.Assign(ctx, "test", AssignmentOptions{Target: map[string]string{oldSHA: "models/machine/1.0.0.dunlin", newSHA: "models/machine/1.1.0.dunlin"}[sha], Waves: []Wave{{Percent: 100}}, Soak: time.Second})
		s.must(err)
		for range 4 {
			s.now, at = s.now.Add(time.Minute), at+time.Minute
			s.must(s.tick(ctx))
			s.must(s.play(actors, at, newSHA))
		}
		for _, a := range actors {
			if a.runs != sha {
				t.Fatalf("%s runs %.8s, not %.8s (%s)", a.id, a.runs, sha, a.seq)
			}
		}
	}
	s.must(s.play(actors, at, newSHA))
	change(newSHA)
	chunks := chunksOf(t)
	_, err := s.commit(ctx, []message{{device: "d-0", name: fleet.TopicUp, payload: chunks[0].Data}})
	s.must(err)
	var backup bytes.Buffer
	s.must(s.Backup(ctx, "test", &backup))
	s.must(s.store.tx(ctx, func(tx *sql.Tx) error { // a hundred changes more
		_, err := tx.Exec(`UPDATE devices SET desired_n = desired_n + 100`)
		return err
	}))
	change(oldSHA)
	for _, c := range chunks { // all acknowledged
		_, err := s.commit(ctx, []message{{device: "d-0", name: fleet.TopicUp, payload: c.Data}})
		s.must(err)
	}
	ledgers, err := s.Ledgers(ctx, "d-0")
	s.must(err)
	hi := ledgers[0].Hi
	before := actors[0].seq

	s.must(s.Close())
	s.dir = t.TempDir()
	s.now = s.now.Add(time.Hour)
	s.must(Restore(ctx, s.dir, bytes.NewReader(backup.Bytes()), s.now))
	if Restore(ctx, s.dir, bytes.NewReader(backup.Bytes()), s.now) == nil {
		t.Error("a backup is written over a controller")
	}
	s.open()
	for range 2 {
		_, err = s.commit(ctx, []message{say(actors[0], fleet.TopicHello, fleet.Hello{Boot: actorBoot, Conn: 1, Epoch: ledgers[0].Epoch, Lo: hi, Next: hi})})
		s.must(err)
	}
	after, err := s.Ledgers(ctx, "d-0")
	s.must(err)
	if l := after[0]; l.Hi != hi || l.Holes != 0 || l.Delivered+l.Gaps["controller-lost"] != hi || l.Delivered != uint64(chunks[0].Count) {
		t.Errorf("%+v, the first chunk has %d, all were %d", l, chunks[0].Count, hi)
	}
	for _, a := range actors {
		a.there, a.contents = false, nil // a number may mean something else in another term, never in the same
	}
	s.must(s.play(actors, at, newSHA))
	change(newSHA)
	change(oldSHA)
	if !actors[0].seq.Newer(before) || actors[0].seq.Term <= before.Term {
		t.Errorf("%s after %s", actors[0].seq, before)
	}
	if n, err := s.VerifyAudit(ctx); err != nil || n < 3 {
		t.Errorf("audit: %d, %v", n, err)
	}
	if _, err := release.Open(s.dir+"/repository", time.Now); err != nil {
		t.Error(err)
	}
}

// TestRestoreRefuses: what is no backup leaves nothing behind outside of its folder.
func TestRestoreRefuses(t *testing.T) {
	for name, file := range map[string]string{"path traversal": "../x", "another file": "x", "a hidden way": "repository/../../x", "an absolute path": "/tmp/x"} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		if err := w.WriteHeader(&tar.Header{Name: file, Size: 1, Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write([]byte("x"))
		w.Close()
		if err := Restore(t.Context(), t.TempDir(), &b, time.Now()); err == nil || !strings.Contains(err.Error(), "nothing that a backup holds") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Restore(t.Context(), t.TempDir(), strings.NewReader("hello"), time.Now()); err == nil {
		t.Error("text passes for a backup")
	}
}
